package dev.tenfold.auth;

/**
 * Whether one caller may have a token looked up that this node does not know to be good: where a rate limiter is asked, by the
 * caller's address for example, so that who tries tokens at random costs Redis and the introspector nothing.
 *
 * <pre>{@code
 * tokens.verify(credential, ORDERS, () -> limiter.acquire(LOOKUPS, address).allowed());
 * }</pre>
 */
@FunctionalInterface
public interface LookupGate {
    /**
     * Asked once for a token that is not in this node's memory. What it throws goes to the caller of {@code verify}.
     *
     * @return false to answer {@link Verification.Cause#THROTTLED}
     */
    boolean mayLookUp();
}
