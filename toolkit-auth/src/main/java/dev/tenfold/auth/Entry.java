package dev.tenfold.auth;

/** The facts of one token in the cache. */
final class Entry {
    /** Compared on each hit that comes from Redis: what was moved there from one slot to another is worthless. */
    final TokenKey key;

    final TokenFacts facts;

    /** When they were looked up, by the clock of the node that did. */
    final long lookedUpMillis;

    /** The answer to most requests. */
    final Verification.Verified verified;

    Entry(TokenKey key, TokenFacts facts, long lookedUpMillis) {
        this.key = key;
        this.facts = facts;
        this.lookedUpMillis = lookedUpMillis;
        this.verified = new Verification.Verified(facts);
    }
}
