package dev.tenfold.auth;

import java.time.Duration;

/**
 * Remembers which logout tokens have been seen. Share one between nodes where a token could be brought to another node again:
 *
 * <pre>{@code
 * ReplayGuard shared = (id, keep) -> "OK".equals(redis.set("logout:" + id, "", nx().px(keep)));
 * }</pre>
 *
 * <p>Called by many threads at once.
 */
@FunctionalInterface
public interface ReplayGuard {
    /**
     * Remembers a token, in one step with the look whether it is known.
     *
     * @param id issuer, client and token, each in a line; as long as the issuer makes it, so hash it where that matters
     * @param keep for how long it has to be remembered, 1 ms or more; it is refused by its own times then
     * @return whether it has not been seen before
     * @throws Exception if that cannot be told; the token is then neither accepted nor refused
     */
    boolean isNew(String id, Duration keep) throws Exception;
}
