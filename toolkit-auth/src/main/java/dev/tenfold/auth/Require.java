package dev.tenfold.auth;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one kind of request asks of a token, besides that it is active: looked at for each request, as one token may be good for
 * one and not for another.
 *
 * <pre>{@code
 * static final Require ORDERS = Require.audience("api").scope("orders:read");
 * }</pre>
 *
 * <p>A token that is bound to a key of its sender ({@link TokenFacts#confirmation}) is refused unless the request says which
 * key the sender has shown, see {@link #confirmedBy}: so a stolen one is worth nothing. Immutable: each method returns changed
 * requirements. Keep them in constants.
 */
public final class Require {
    private static final Require ANYTHING = new Require(null, null, Set.of(), Map.of(), false);

    private final @Nullable String issuer;
    private final @Nullable String audience;
    private final Set<String> scopes;
    private final Map<String, String> shown;
    private final boolean ignoresConfirmation;

    private Require(
            @Nullable String issuer,
            @Nullable String audience,
            Set<String> scopes,
            Map<String, String> shown,
            boolean ignoresConfirmation) {
        this.issuer = issuer;
        this.audience = audience;
        this.scopes = scopes;
        this.shown = shown;
        this.ignoresConfirmation = ignoresConfirmation;
    }

    /**
     * That the token is active, and nothing else. If the introspector knows tokens of other services too, ask for an audience.
     *
     * @return the weakest requirements
     */
    public static Require active() {
        return ANYTHING;
    }

    /**
     * That the token is meant for this service.
     *
     * @param name one of {@link TokenFacts#audience}; a token without audience is refused
     * @return requirements
     */
    public static Require audience(String name) {
        Objects.requireNonNull(name, "audience");
        return new Require(null, name, Set.of(), Map.of(), false);
    }

    /**
     * That the token permits this.
     *
     * @param names all of which must be among {@link TokenFacts#scopes}, besides those asked for before
     * @return changed requirements
     */
    public Require scope(String... names) {
        Set<String> all = new LinkedHashSet<>(scopes);
        all.addAll(List.of(names));
        return new Require(issuer, audience, Set.copyOf(all), shown, ignoresConfirmation);
    }

    /**
     * That the token is of this issuer.
     *
     * @param name equal to {@link TokenFacts#issuer}
     * @return changed requirements
     */
    public Require issuer(String name) {
        return new Require(Objects.requireNonNull(name, "issuer"), audience, scopes, shown, ignoresConfirmation);
    }

    /**
     * What key the sender of this request has proved to hold: the thumbprint of its client certificate, or of the key of its
     * DPoP proof. Take it from the connection or a proof that was verified, never from the token.
     *
     * @param method {@code x5t#S256} or {@code jkt}
     * @param thumbprint base64url of SHA-256
     * @return changed requirements
     */
    public Require confirmedBy(String method, String thumbprint) {
        return new Require(issuer, audience, scopes, Map.of(method, thumbprint), ignoresConfirmation);
    }

    /**
     * Accepts tokens that are bound to a key from whoever has them: only where something in front has verified the binding.
     *
     * @return changed requirements
     */
    public Require ignoreConfirmation() {
        return new Require(issuer, audience, scopes, shown, true);
    }

    /**
     * The scopes that are asked for.
     *
     * @return not modifiable
     */
    public Set<String> scopes() {
        return scopes;
    }

    /** What facts fall short of; null if of nothing. A scope last: who lacks just that is known, and gets a 403. */
    Verification.@Nullable Reason shortOf(TokenFacts facts) {
        if (issuer != null && !issuer.equals(facts.issuer())) return Verification.Reason.WRONG_ISSUER;
        if (audience != null && !facts.audience().contains(audience)) return Verification.Reason.WRONG_AUDIENCE;
        if (!ignoresConfirmation && !facts.confirmation().isEmpty() && !isConfirmed(facts.confirmation())) {
            return Verification.Reason.UNCONFIRMED;
        }
        if (!scopes.isEmpty() && !facts.scopes().containsAll(scopes)) return Verification.Reason.INSUFFICIENT_SCOPE;
        return null;
    }

    /** All that the token is bound to has to be shown. */
    private boolean isConfirmed(Map<String, String> asked) {
        for (Map.Entry<String, String> one : asked.entrySet()) {
            if (!one.getValue().equals(shown.get(one.getKey()))) return false;
        }
        return true;
    }

    @Override
    public String toString() {
        return "Require[issuer " + issuer + ", audience " + audience + ", scopes " + scopes + "]";
    }
}
