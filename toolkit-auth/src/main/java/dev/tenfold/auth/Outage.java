package dev.tenfold.auth;

/** What tokens are good for when Redis has been away for {@link TokenCacheBuilder#maxStaleness}. */
public enum Outage {
    /** Nobody can tell what was revoked, so all are {@link Verification.Unavailable}. The default. */
    REFUSE,
    /**
     * Each is looked up anew: right if the introspector itself knows of every revocation. What only this cache was told, a
     * {@link TokenCache#logoutAll} for example, is not seen until Redis is back, except on the node that did it; and no longer,
     * as what was accepted without it is not kept.
     */
    RECHECK
}
