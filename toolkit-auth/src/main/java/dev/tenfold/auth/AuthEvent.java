package dev.tenfold.auth;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Something to keep for an audit. Redacted: a token appears as the first 32 bits of a keyed digest, eight hexadecimal digits by
 * which its events can be found and nothing else told; a subject appears nowhere.
 */
public sealed interface AuthEvent {
    /**
     * A credential was refused.
     *
     * @param token its fingerprint; null if it could not be one
     * @param reason why
     */
    record Refused(@Nullable String token, Verification.Reason reason) implements AuthEvent {}

    /**
     * Nobody could tell.
     *
     * @param token its fingerprint
     * @param cause why
     */
    record Unavailable(String token, Verification.Cause cause) implements AuthEvent {}

    /**
     * A token was accepted although it could not be looked up in time, see {@link TokenCacheBuilder#graceOnError}.
     *
     * @param token its fingerprint
     * @param scopes what it was used for
     */
    record AcceptedInGrace(String token, Set<String> scopes) implements AuthEvent {}

    /**
     * A token was revoked here.
     *
     * @param token its fingerprint
     * @param isDelivered whether Redis has it
     */
    record Revoked(String token, boolean isDelivered) implements AuthEvent {}

    /**
     * A session was ended, or all of a subject's, here.
     *
     * @param issuer whose
     * @param isSession false for all sessions of a subject
     * @param isDelivered whether Redis has it
     */
    record LoggedOut(String issuer, boolean isSession, boolean isDelivered) implements AuthEvent {}

    /** What Redis had of a token was not what any node had written there: somebody else has. It is looked up anew. */
    record Tampered() implements AuthEvent {}
}
