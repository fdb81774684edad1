package dev.tenfold.auth;

import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * What was revoked, beyond the life of any cached entry: the tombstones of single tokens, and for subjects and sessions the time
 * ("epoch") before which all that was issued is void. A load asks here <em>after</em> the introspector, and a revocation writes
 * here <em>before</em> it invalidates the cache. So a load that has not seen the mark began before the invalidation, which keeps
 * its result out of the cache. A mark that is seen later than by the call that makes it is followed by an invalidation of its
 * own.
 *
 * <p>Names are keyed digests. Safe for use by many threads.
 */
interface Revocations extends AutoCloseable {
    /**
     * What is known of a token.
     *
     * @param isRevoked whether one of its tombstones is there
     * @param epochMillis what was issued up to then is void; {@link #NEVER} if nothing is
     */
    record Marks(boolean isRevoked, long epochMillis) {}

    long NEVER = Long.MIN_VALUE;

    /**
     * Blocks for a round trip. Throws {@link dev.tenfold.redis.RedisUnavailableException} if nobody can tell.
     *
     * @param tombstones names that a token may be revoked under
     * @param epochs names of its subject and its session
     */
    Marks check(List<String> tombstones, List<String> epochs);

    /** What this node itself has marked lately and Redis may not know, for when Redis does not answer. */
    Marks checkHere(List<String> tombstones, List<String> epochs);

    /**
     * Marks a token, and has the cache forget it. Blocks for the round trips of both.
     *
     * @param forget invalidates the cache, and says whether that was delivered; called again whenever a mark that could not be
     *     delivered at once has been, on another thread
     * @return whether all nodes can see both; this one always can
     */
    boolean revokeToken(String token, Duration life, BooleanSupplier forget);

    /** Voids all that was issued up to now under a subject's or a session's name. As above. */
    boolean voidUpToNow(String name, Duration life, BooleanSupplier forget);

    /** How many marks Redis has yet to take. */
    int waiting();

    @Override
    void close();
}
