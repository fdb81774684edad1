package dev.tenfold.auth;

/**
 * What a {@link JwtIntrospector} has done for its keys since it was created, over all its issuers. A snapshot.
 *
 * @param fetches requests for key sets, whatever came of them
 * @param failures those that did not bring a usable key set
 * @param unknownKidRefetches those made because a token named a key that was not known
 * @param suppressed tokens that named an unknown key, and were refused without asking as the issuer had just been asked
 * @param keys how many keys can verify tokens now
 */
public record JwtStats(long fetches, long failures, long unknownKidRefetches, long suppressed, int keys) {}
