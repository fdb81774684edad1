package dev.tenfold.jobs;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How a job is enqueued. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * jobs.enqueue(new SendReceipt(7), o -> o.queue("mail").priority(HIGH).delay(ofMinutes(5)).unique());
 * }</pre>
 */
public final class EnqueueOptions {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:/-]{1,100}");
    private static final int LONGEST_KEY = 1_000;
    private static final int LONGEST_CONCURRENCY_KEY = 200;
    private static final int MOST_ATTEMPTS = 30_000;
    private static final int MOST_AT_A_TIME = 1_000_000;
    private static final Duration LONGEST = Duration.ofDays(36_525);

    static final EnqueueOptions DEFAULT = new EnqueueOptions();

    // Set before anybody else sees the object.
    private String queue = "default";
    private Priority priority = Priority.NORMAL;
    private @Nullable Instant runAt;
    private @Nullable Duration delay;
    private boolean unique;
    private @Nullable String uniqueKey;
    private Duration uniqueFor = Duration.ZERO;
    private @Nullable String concurrencyKey;
    private int concurrencyLimit;
    private Map<String, String> headers = Map.of();
    private int maxAttempts = 25;

    private EnqueueOptions() {}

    private EnqueueOptions copy() {
        EnqueueOptions copy = new EnqueueOptions();
        copy.queue = queue;
        copy.priority = priority;
        copy.runAt = runAt;
        copy.delay = delay;
        copy.unique = unique;
        copy.uniqueKey = uniqueKey;
        copy.uniqueFor = uniqueFor;
        copy.concurrencyKey = concurrencyKey;
        copy.concurrencyLimit = concurrencyLimit;
        copy.headers = headers;
        copy.maxAttempts = maxAttempts;
        return copy;
    }

    /**
     * Which workers run it: those that work for the queue. A queue is there as soon as it is named.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}; default {@code default}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EnqueueOptions queue(String name) {
        EnqueueOptions changed = copy();
        changed.queue = checkQueue(name);
        return changed;
    }

    static String checkQueue(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "queue \"" + name + "\" must be named by 1 to 100 letters, digits and . _ : / -");
        }
        return name;
    }

    /**
     * How urgent it is among the jobs of its queue.
     *
     * @param newPriority default {@link Priority#NORMAL}
     * @return changed options
     */
    public EnqueueOptions priority(Priority newPriority) {
        EnqueueOptions changed = copy();
        changed.priority = Objects.requireNonNull(newPriority, "priority");
        return changed;
    }

    /**
     * When it is due, by the database's clock; not before, and later if all workers are busy. In the past: at once.
     *
     * @param time from 1970 on, by 300 years at most; default at once
     * @return changed options
     * @throws IllegalArgumentException for another time, or if {@link #delay} is given
     */
    public EnqueueOptions runAt(Instant time) {
        Instant latest = Instant.EPOCH.plus(LONGEST.multipliedBy(3));
        if (time.isBefore(Instant.EPOCH) || time.isAfter(latest)) {
            throw new IllegalArgumentException("runAt " + time + " must be from 1970-01-01 to " + latest);
        }
        EnqueueOptions changed = copy();
        changed.runAt = time;
        return changed.checkOneDue();
    }

    /**
     * How long after it was enqueued it is due.
     *
     * @param time zero to 100 years, in microseconds; default zero
     * @return changed options
     * @throws IllegalArgumentException for another time, or if {@link #runAt} is given
     */
    public EnqueueOptions delay(Duration time) {
        if (time.isNegative() || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("delay " + time + " must be from zero to 100 years");
        }
        EnqueueOptions changed = copy();
        changed.delay = time;
        return changed.checkOneDue();
    }

    private EnqueueOptions checkOneDue() {
        if (runAt != null && delay != null) {
            throw new IllegalArgumentException(
                    "runAt " + runAt + " and delay " + delay + " both say when it is due; keep one");
        }
        return this;
    }

    /**
     * Enqueues it only if no unfinished job of its kind has an equal payload. Equal is what {@link PayloadCodec#canonical} says:
     * leave out of the payload what differs each time, such as the time.
     *
     * @return changed options
     */
    public EnqueueOptions unique() {
        return unique(null, Duration.ZERO);
    }

    /**
     * Enqueues it only if no unfinished job of its kind has this key. Whoever enqueues at the same time waits for the
     * transaction of the other: commit soon.
     *
     * @param key 1 to 1,000 characters; stored as a digest
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EnqueueOptions unique(String key) {
        return unique(checkKey(key), Duration.ZERO);
    }

    /**
     * Enqueues it only if no job of its kind with an equal payload was enqueued in this time before, even if that one is done.
     *
     * @param time from 1 millisecond to 100 years, by the database's clock
     * @return changed options
     * @throws IllegalArgumentException for another time
     */
    public EnqueueOptions uniqueFor(Duration time) {
        return unique(null, checkWindow(time));
    }

    /**
     * Enqueues it only if no job of its kind with this key was enqueued in this time before, even if that one is done.
     *
     * @param time from 1 millisecond to 100 years, by the database's clock
     * @param key 1 to 1,000 characters; stored as a digest
     * @return changed options
     * @throws IllegalArgumentException for another time or key
     */
    public EnqueueOptions uniqueFor(Duration time, String key) {
        return unique(checkKey(key), checkWindow(time));
    }

    private EnqueueOptions unique(@Nullable String key, Duration time) {
        EnqueueOptions changed = copy();
        changed.unique = true;
        changed.uniqueKey = key;
        changed.uniqueFor = time;
        return changed;
    }

    private static String checkKey(String key) {
        if (key.isEmpty() || key.length() > LONGEST_KEY) {
            throw new IllegalArgumentException("a unique key has 1 to 1,000 characters, not " + key.length());
        }
        return key;
    }

    private static Duration checkWindow(Duration time) {
        if (time.compareTo(Duration.ofMillis(1)) < 0 || time.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException("uniqueFor " + time + " must be from 1 millisecond to 100 years");
        }
        return time;
    }

    /**
     * Runs at most so many jobs of a key at a time, in all processes; the others wait without keeping a worker. Give all jobs
     * of a key the same limit: each is measured by its own.
     *
     * @param key 1 to 200 characters, the same for jobs of all kinds and queues
     * @param limit 1 to 1,000,000
     * @return changed options
     * @throws IllegalArgumentException for another key or limit
     */
    public EnqueueOptions concurrencyKey(String key, int limit) {
        if (key.isEmpty() || key.length() > LONGEST_CONCURRENCY_KEY || key.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "a concurrency key has 1 to 200 characters and no NUL; this has " + key.length());
        }
        if (limit < 1 || limit > MOST_AT_A_TIME) {
            throw new IllegalArgumentException("concurrency limit " + limit + " of " + key
                    + " must be from 1 to 1,000,000; pause the queue to run none");
        }
        EnqueueOptions changed = copy();
        changed.concurrencyKey = key;
        changed.concurrencyLimit = limit;
        return changed;
    }

    /**
     * Something that goes with the job and is not its payload: a trace, a tenant. Readable by who can read the table.
     *
     * @param name 1 to 100 letters, digits and {@code . _ : / -}
     * @param value any; all headers together have up to 4,096 characters, percent-encoded
     * @return options with one header more, or changed
     * @throws IllegalArgumentException for another name
     */
    public EnqueueOptions header(String name, String value) {
        Headers.check(name, value);
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.put(name, value);
        EnqueueOptions changed = copy();
        changed.headers = Collections.unmodifiableMap(more);
        String unused = Headers.encode(changed.headers); // refuses what is too long
        return changed;
    }

    /**
     * After how many attempts it is given up.
     *
     * @param attempts 1 to 30,000; default 25
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public EnqueueOptions maxAttempts(int attempts) {
        if (attempts < 1 || attempts > MOST_ATTEMPTS) {
            throw new IllegalArgumentException("maxAttempts " + attempts + " must be from 1 to 30,000");
        }
        EnqueueOptions changed = copy();
        changed.maxAttempts = attempts;
        return changed;
    }

    // ---- for who enqueues -------------------------------------------------------------------------------------------

    String queue() {
        return queue;
    }

    int priority() {
        return priority.level();
    }

    /** Microseconds: since 1970, or from now if {@link #isFromNow}. */
    long due() {
        if (runAt != null) {
            return Times.micros(runAt);
        }
        return delay == null ? 0 : Times.micros(delay);
    }

    boolean isFromNow() {
        return runAt == null;
    }

    boolean isUnique() {
        return unique;
    }

    /** Null for the payload. */
    @Nullable
    String uniqueKey() {
        return uniqueKey;
    }

    long uniqueForMicros() {
        return Times.micros(uniqueFor);
    }

    @Nullable
    String concurrencyKey() {
        return concurrencyKey;
    }

    int concurrencyLimit() {
        return concurrencyLimit;
    }

    Map<String, String> headers() {
        return headers;
    }

    int maxAttempts() {
        return maxAttempts;
    }

    /** For messages. */
    @Override
    public String toString() {
        return "queue " + queue + ", " + priority + ", due "
                + (runAt != null ? runAt.toString() : delay != null ? "in " + delay : "at once") + ", maxAttempts "
                + maxAttempts;
    }
}
