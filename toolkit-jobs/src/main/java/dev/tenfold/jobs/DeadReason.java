package dev.tenfold.jobs;

/** Why a job was given up. */
public enum DeadReason {
    /** Its last attempt failed, too. */
    EXHAUSTED,
    /** Its handler, or the retry policy, said that it will never succeed. */
    REJECTED,
    /** Its payload cannot be read. */
    UNREADABLE,
    /** The processes that ran it died, each time, before it was done. */
    CRASH_LOOP
}
