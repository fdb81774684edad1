package dev.tenfold.auth;

import org.jspecify.annotations.Nullable;

/**
 * What {@link LogoutTokens} says of a logout token.
 *
 * <pre>{@code
 * if (tokens.validate(text) instanceof LogoutToken.Valid logout) { … status 200 … } else { … status 400 … }
 * }</pre>
 */
public sealed interface LogoutToken {
    /**
     * The issuer demands that somebody is logged out: from one session if there is a session, from all if there is none.
     *
     * @param issuer who demands it
     * @param subject who is to be logged out; null only if there is a session
     * @param sessionId the session that is to end; null only if there is a subject
     * @param tokenId the token's own identifier, for the log
     */
    record Valid(
            String issuer,
            @Nullable String subject,
            @Nullable String sessionId,
            String tokenId) implements LogoutToken {
        /** The issuer and the token's identifier; not whom it speaks of, as that may be personal data. */
        @Override
        public String toString() {
            return "Valid[issuer " + issuer + ", tokenId " + tokenId + "]";
        }
    }

    /**
     * It demands nothing: reply with status 400.
     *
     * @param reason what is wrong with it, for the log and not for the sender
     */
    record Refused(Reason reason) implements LogoutToken {}

    /** Why a logout token is refused: the first reason that is found. */
    enum Reason {
        /** It is not a signed JWT, is longer than 16,384 characters, or has a claim of the wrong type. */
        MALFORMED,

        /** Its {@code alg} is not on the list, for example {@code none} or one with a shared secret. */
        ALGORITHM,

        /** Its {@code typ} is not {@code logout+jwt}: some other token of the same issuer. */
        TYPE,

        /** The issuer has no key for its {@code kid} and {@code alg}. */
        UNKNOWN_KEY,

        /** No key of the issuer made its signature, or its header has a {@code crit} that is not known. */
        SIGNATURE,

        /** {@code iss} is another issuer, or missing. */
        ISSUER,

        /** {@code aud} does not name this client. */
        AUDIENCE,

        /** {@code iat} is missing, in the future, or too long ago. */
        ISSUED_AT,

        /** {@code exp} is missing or has passed. */
        EXPIRED,

        /** {@code events} has no back-channel logout. */
        EVENTS,

        /** It has a {@code nonce}, and so may be an ID token that is passed off as this. */
        NONCE,

        /** It names neither a subject nor a session. */
        NOBODY,

        /** {@code jti} is missing. */
        TOKEN_ID,

        /** It has been seen before. */
        REPLAYED
    }
}
