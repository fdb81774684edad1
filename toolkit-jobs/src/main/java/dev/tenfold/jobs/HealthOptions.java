package dev.tenfold.jobs;

import java.time.Duration;

/** From when on {@link JobHealth} finds something. Immutable: each method returns changed options. */
public final class HealthOptions {
    static final HealthOptions DEFAULT = new HealthOptions(Duration.ofMinutes(5), Duration.ofMinutes(5), 100_000);

    private static final Duration SHORTEST = Duration.ofMillis(1);
    private static final Duration LONGEST = Duration.ofDays(400);

    final Duration readyAge;
    final Duration transactionAge;
    final long deadRows;

    private HealthOptions(Duration readyAge, Duration transactionAge, long deadRows) {
        this.readyAge = readyAge;
        this.transactionAge = transactionAge;
        this.deadRows = deadRows;
    }

    /**
     * How long a job may have been due before nobody's having it is a finding.
     *
     * @param time 1 millisecond to 400 days; default 5 minutes
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public HealthOptions readyAge(Duration time) {
        return new HealthOptions(checked("readyAge", time), transactionAge, deadRows);
    }

    /**
     * How long a transaction of anybody may be open that keeps the database from removing dead rows.
     *
     * @param time 1 millisecond to 400 days; default 5 minutes
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public HealthOptions transactionAge(Duration time) {
        return new HealthOptions(readyAge, checked("transactionAge", time), deadRows);
    }

    /**
     * How many dead rows the table of jobs may have, if they are also more than ten times the live ones. PostgreSQL only.
     *
     * @param rows 1 or more; default 100,000
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public HealthOptions deadRows(long rows) {
        if (rows < 1) {
            throw new IllegalArgumentException("deadRows " + rows + " must be 1 or more");
        }
        return new HealthOptions(readyAge, transactionAge, rows);
    }

    private static Duration checked(String name, Duration time) {
        if (time.compareTo(SHORTEST) < 0 || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(name + " " + time + " must be from 1 millisecond to 400 days");
        }
        return time;
    }
}
