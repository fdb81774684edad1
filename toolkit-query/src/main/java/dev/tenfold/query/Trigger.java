package dev.tenfold.query;

/** What made a batch go. */
public enum Trigger {
    /** The last running member of a scope began to wait: the aim. */
    QUIET,
    /** A loader's queue reached {@link Loader#maxBatch}. */
    FULL,
    /**
     * A member was blocked elsewhere, and nothing happened in its scope for {@link ScopeOptions#flushAfter}. More than
     * one batch in twenty means that a slow task runs inside the scope and belongs outside.
     */
    TIMER,
    /** The first access to the peers of {@link Loader#across}, or {@link Loader#loadAll} outside a scope. */
    PEERS,
    /** A load outside any scope: one key, at once. Many of them are an N+1. */
    DIRECT
}
