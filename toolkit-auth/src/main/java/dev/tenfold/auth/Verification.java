package dev.tenfold.auth;

import java.time.Duration;
import java.util.NoSuchElementException;

/**
 * The answer to one request: the facts of a token that is good for it, or why there are none. Immutable.
 *
 * <pre>{@code
 * if (v instanceof Verified ok) return serve(ok.facts());          // Java 21: switch (v) { case Verified ok -> … }
 * if (v instanceof Unavailable out) return status(503, out.retryAfter());
 * if (v instanceof Refused no) return status(no.reason().isForbidden() ? 403 : 401);
 * }</pre>
 */
public sealed interface Verification {
    /**
     * Whether the token is good for the request.
     *
     * @return true for {@link Verified}
     */
    default boolean isVerified() {
        return this instanceof Verified;
    }

    /**
     * What is known of the token.
     *
     * @return the facts of a {@link Verified} one
     * @throws NoSuchElementException for any other
     */
    default TokenFacts facts() {
        throw new NoSuchElementException("there are no facts: " + this);
    }

    /**
     * The token is active, and good for the request.
     *
     * @param facts what is known of it
     */
    record Verified(TokenFacts facts) implements Verification {}

    /**
     * The token is not good for the request, and will not be.
     *
     * @param reason why
     */
    record Refused(Reason reason) implements Verification {}

    /**
     * Nobody can tell now: answer 503, not 401, or clients throw good tokens away.
     *
     * @param cause why
     * @param retryAfter when to ask again
     */
    record Unavailable(Cause cause, Duration retryAfter) implements Verification {}

    /** Why a token is refused. */
    enum Reason {
        /** It cannot be a token, by its looks. */
        MALFORMED,
        /** There is no such token, or it is no longer active, or it was revoked. */
        INACTIVE,
        /** Its time is over. */
        EXPIRED,
        /** Its time has not come. */
        NOT_YET_VALID,
        /** It is of another issuer. */
        WRONG_ISSUER,
        /** It is meant for another service. */
        WRONG_AUDIENCE,
        /** It is bound to a key that the sender has not shown. */
        UNCONFIRMED,
        /** It is good, and does not permit this. */
        INSUFFICIENT_SCOPE;

        /**
         * Whether the sender is known and just may not do this: 403, where all else is 401.
         *
         * @return true for {@link #INSUFFICIENT_SCOPE}
         */
        public boolean isForbidden() {
            return this == INSUFFICIENT_SCOPE;
        }
    }

    /** Why nobody can tell. */
    enum Cause {
        /** The introspector has failed or takes too long. */
        INTROSPECTION,
        /** Redis is away, so that nobody can tell what was revoked. */
        REVOCATIONS,
        /** Too many look-ups at once on this node. */
        BUSY,
        /** This caller may not have more tokens looked up now: answer 429. */
        THROTTLED
    }
}
