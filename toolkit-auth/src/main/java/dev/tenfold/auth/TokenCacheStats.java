package dev.tenfold.auth;

import java.util.Map;

/**
 * What a {@link TokenCache} has done on this node since it was made.
 *
 * @param verified requests whose token was good
 * @param refused requests whose token was not, by reason
 * @param unavailable requests of which nobody could tell, by cause
 * @param lookups times that the introspector was asked
 * @param lookupFailures times that it failed
 * @param acceptedInGrace requests among the verified whose token could not be looked up in time
 * @param revoked calls of {@link TokenCache#revoke}
 * @param loggedOut calls of {@link TokenCache#revokeSession} and {@link TokenCache#logoutAll}
 * @param tampered entries in Redis that no node had written
 * @param undelivered revocations that Redis has yet to take, now
 * @param tokens tokens in this node's memory now, about
 */
public record TokenCacheStats(
        long verified,
        Map<Verification.Reason, Long> refused,
        Map<Verification.Cause, Long> unavailable,
        long lookups,
        long lookupFailures,
        long acceptedInGrace,
        long revoked,
        long loggedOut,
        long tampered,
        long undelivered,
        long tokens) {}
