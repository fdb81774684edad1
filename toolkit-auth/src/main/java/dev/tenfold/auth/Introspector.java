package dev.tenfold.auth;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The authority on tokens: an authorization server, a table, or a signature. It is asked rarely, as a {@link TokenCache}
 * remembers its answers.
 *
 * <p>It says what a token <em>is</em>, not what it may do: whether the audience, the scope and the times fit is looked at for
 * each request, since two requests with one token may ask for different things. Called by many threads at once.
 */
@FunctionalInterface
public interface Introspector {
    /**
     * Looks a token up. Blocks for as long as that takes; give it a timeout of its own.
     *
     * @param token as the caller sent it, {@linkplain #isWellFormed well-formed} by this introspector's own rules
     * @return what is known of it; null if there is no such token, or it is not active, which is remembered for a short time
     * @throws Exception if that cannot be told now, which is remembered by nobody: the caller hears that authentication is
     *     unavailable. Its message should name what was asked and what to do, and must not have the token or the reply in it
     */
    @Nullable
    TokenFacts introspect(String token) throws Exception;

    /**
     * Whether this can be a token at all, by its looks. Takes no I/O and little time: what fails here costs nobody anything.
     *
     * @param token at most as long as the cache allows, of printable ASCII characters only
     * @return false to refuse it at once; by default true
     */
    default boolean isWellFormed(String token) {
        return true;
    }

    /**
     * Tells apart what different authorities, or one of them with different settings, say of the same text: part of the key
     * that facts are cached under.
     *
     * @return always the same for the same settings, on all nodes; by default empty
     */
    default String id() {
        return "";
    }

    /**
     * Tells this whom to tell when a key that vouched for facts is no longer good: the {@link TokenCache}, which then forgets
     * them. Called once.
     *
     * @param forget takes a name that {@link TokenFacts} were built with
     */
    default void onKeyDropped(Consumer<String> forget) {}
}
