package dev.tenfold.jobs;

/**
 * How urgent a job is among those of its queue. A job that waits moves up one level with each {@link WorkerBuilder#ageing
 * ageing interval}, so that none waits for ever.
 */
public enum Priority {
    /** Somebody looks at the screen and waits. */
    URGENT(0),
    /** Before the rest. */
    HIGH(1),
    /** The default. */
    NORMAL(2),
    /** When there is nothing else to do. */
    LOW(3);

    private static final Priority[] ALL = values();

    private final int level;

    Priority(int level) {
        this.level = level;
    }

    /** What the column has. */
    int level() {
        return level;
    }

    static Priority of(int level) {
        return ALL[level];
    }
}
