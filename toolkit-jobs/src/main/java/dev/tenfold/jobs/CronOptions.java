package dev.tenfold.jobs;

import java.util.Objects;

/**
 * How a cron's jobs are enqueued, and what becomes of missed ones. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * jobs.cron("nightly", "0 2 * * *", zone, new Rollup(), o -> o.misfire(Misfire.fireAll(10)).queue("reports").priority(LOW));
 * }</pre>
 */
public final class CronOptions {
    static final CronOptions DEFAULT = new CronOptions(EnqueueOptions.DEFAULT, Misfire.FIRE_ONCE);

    final EnqueueOptions job;
    final Misfire misfire;

    private CronOptions(EnqueueOptions job, Misfire misfire) {
        this.job = job;
        this.misfire = misfire;
    }

    /**
     * What happens to fires that are more than 60 seconds late.
     *
     * @param policy default {@link Misfire#FIRE_ONCE}
     * @return changed options
     */
    public CronOptions misfire(Misfire policy) {
        return new CronOptions(job, Objects.requireNonNull(policy, "misfire"));
    }

    /**
     * The queue of its jobs.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}; default {@code default}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public CronOptions queue(String name) {
        return new CronOptions(job.queue(name), misfire);
    }

    /**
     * How urgent its jobs are.
     *
     * @param priority default {@link Priority#NORMAL}
     * @return changed options
     */
    public CronOptions priority(Priority priority) {
        return new CronOptions(job.priority(priority), misfire);
    }

    /**
     * After how many attempts a job of it is given up.
     *
     * @param attempts 1 to 30,000; default 25
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public CronOptions maxAttempts(int attempts) {
        return new CronOptions(job.maxAttempts(attempts), misfire);
    }

    /**
     * A header of its jobs. They have {@code cron}, the cron's name, and {@code cron-at}, the instant that they are for, too.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param value any; see {@link EnqueueOptions#header}
     * @return options with one header more, or changed
     * @throws IllegalArgumentException for another name, or if the headers are too long
     */
    public CronOptions header(String name, String value) {
        return new CronOptions(job.header(name, value), misfire);
    }

    /** For messages. */
    @Override
    public String toString() {
        return "misfire " + misfire + ", " + job;
    }
}
