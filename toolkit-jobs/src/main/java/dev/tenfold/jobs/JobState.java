package dev.tenfold.jobs;

/**
 * Where a job is in its life.
 *
 * <pre>
 *              ┌────────────── WAITING (for a batch, or for the job before it)
 *              │                  │
 *  enqueue ────┼──▶ SCHEDULED ──▶ READY ──▶ RUNNING ──▶ DONE
 *              │        ▲          ▲  ▲       │  │  └──▶ CANCELLED
 *              │        │          │  │       │  └─────▶ DEAD ──▶ replay: READY
 *              │        └── retry, snooze ────┤
 *              │                   │  └─ lease ended, drained
 *              └────── PARKED ─────┘          │
 *                        ▲  no place under its concurrency key
 *                        └────────────────────┘
 * </pre>
 */
public enum JobState {
    /** Due later: delayed, or after a failure. */
    SCHEDULED,
    /** Due, and nobody has it. */
    READY,
    /** A worker has claimed it: it runs, or is about to. */
    RUNNING,
    /** Due, but its concurrency key has no place free. */
    PARKED,
    /** Another job, or a batch, is to be done first. */
    WAITING,
    /** Done. Known only with {@link History}. */
    DONE,
    /** Stopped by somebody. Known only with {@link History}. */
    CANCELLED,
    /** Given up: see {@link DeadLetters}. */
    DEAD
}
