package dev.tenfold.cache;

/** What local entries are good for while Redis does not answer, so that nobody can tell what was invalidated. */
public enum Outage {
    /**
     * They are served for as long as they would be anyway ({@link LocalOptions#expireAfterWrite}): the service stays fast,
     * and may return what another node has invalidated since. Should Redis come back empty, they are served for
     * {@link CacheBuilder#maxStaleness} more, while one reader at a time loads them anew. The default.
     */
    SERVE,
    /**
     * They are served until {@link CacheBuilder#maxStaleness} after the last proof that none was invalidated, and then
     * everything is loaded: never staler than promised, at the price of the load.
     */
    BYPASS
}
