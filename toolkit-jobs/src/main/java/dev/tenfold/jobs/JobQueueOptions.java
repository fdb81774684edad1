package dev.tenfold.jobs;

import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a {@link JobQueue}. Immutable: each method returns changed options. All processes that share the tables need
 * the same {@link #schema}, {@link #codec} and {@link #kind kinds}.
 *
 * <pre>{@code
 * JobQueue jobs = JobQueue.on(dataSource, o -> o.schema("jobs").history(History.SUMMARY).keepHistory(ofDays(30)));
 * }</pre>
 */
public final class JobQueueOptions {
    /** From how many bytes on a payload is worth a warning: {@value}. */
    static final int LARGE_PAYLOAD = 64 * 1_024;

    private static final int SMALLEST_MAX_PAYLOAD = 1_024;
    private static final int LARGEST_MAX_PAYLOAD = 16 * 1_024 * 1_024;
    private static final Duration SHORTEST_HISTORY = Duration.ofHours(1);
    private static final Duration LONGEST_HISTORY = Duration.ofDays(3_650);
    private static final Pattern IDENTIFIER = Pattern.compile("[a-z_][a-z0-9_]{0,49}");

    /** Hears nothing, and so costs nothing. */
    static final JobListener NO_LISTENER = new JobListener() {};

    static final JobQueueOptions DEFAULT = new JobQueueOptions(
            null, History.OFF, Duration.ofDays(7), null, List.of(), NO_LISTENER, null, true, 1_024 * 1_024);

    final @Nullable String schema;
    final History history;
    final Duration keepHistory;

    /** Null for JSON by Jackson, which is looked for when the queue is opened. */
    final @Nullable PayloadCodec codec;

    final List<Kind<?>> kinds;
    final JobListener listener;

    /** Null for the database's own. */
    final @Nullable InstantSource clock;

    final boolean notifies;
    final int maxPayload;

    @SuppressWarnings("TooManyParameters")
    private JobQueueOptions(
            @Nullable String schema,
            History history,
            Duration keepHistory,
            @Nullable PayloadCodec codec,
            List<Kind<?>> kinds,
            JobListener listener,
            @Nullable InstantSource clock,
            boolean notifies,
            int maxPayload) {
        this.schema = schema;
        this.history = history;
        this.keepHistory = keepHistory;
        this.codec = codec;
        this.kinds = List.copyOf(kinds);
        this.listener = listener;
        this.clock = clock;
        this.notifies = notifies;
        this.maxPayload = maxPayload;
    }

    /**
     * Where the tables are. By default their names stand without a schema, and the connection's search path says where.
     *
     * @param name a schema of PostgreSQL: 1 to 50 lower-case letters, digits and underscores, not a digit first
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JobQueueOptions schema(String name) {
        if (!IDENTIFIER.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "schema \"" + name
                            + "\" must be 1 to 50 lower-case letters, digits and underscores, not a digit first; name it so in the database");
        }
        return new JobQueueOptions(name, history, keepHistory, codec, kinds, listener, clock, notifies, maxPayload);
    }

    /**
     * What is kept of jobs that are done.
     *
     * @param kept default {@link History#OFF}
     * @return changed options
     */
    public JobQueueOptions history(History kept) {
        Objects.requireNonNull(kept, "history");
        return new JobQueueOptions(schema, kept, keepHistory, codec, kinds, listener, clock, notifies, maxPayload);
    }

    /**
     * How long history is kept. Workers drop what is older; on PostgreSQL a whole day at a time.
     *
     * @param time 1 hour to 3,650 days; default 7 days
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JobQueueOptions keepHistory(Duration time) {
        if (time.compareTo(SHORTEST_HISTORY) < 0 || time.compareTo(LONGEST_HISTORY) > 0) {
            throw new IllegalArgumentException("keepHistory " + time + " must be from 1 hour to 3,650 days");
        }
        return new JobQueueOptions(schema, history, time, codec, kinds, listener, clock, notifies, maxPayload);
    }

    /**
     * How payloads become bytes, and what they are again.
     *
     * @param newCodec default {@link PayloadCodec#json()}
     * @return changed options
     */
    public JobQueueOptions codec(PayloadCodec newCodec) {
        Objects.requireNonNull(newCodec, "codec");
        return new JobQueueOptions(
                schema, history, keepHistory, newCodec, kinds, listener, clock, notifies, maxPayload);
    }

    /**
     * Makes kinds known that have former names or versions, or are named otherwise than by {@link JobKind}. Others need no
     * mention.
     *
     * @param more added to those given before
     * @return changed options
     * @throws IllegalArgumentException if two classes have a name, present or former, in common
     */
    public JobQueueOptions kind(Kind<?>... more) {
        List<Kind<?>> all = new ArrayList<>(kinds);
        all.addAll(List.of(more));
        Kinds.refuseClashes(all);
        return new JobQueueOptions(schema, history, keepHistory, codec, all, listener, clock, notifies, maxPayload);
    }

    /**
     * Hears of each job.
     *
     * @param newListener default one that does nothing
     * @return changed options
     */
    public JobQueueOptions listener(JobListener newListener) {
        Objects.requireNonNull(newListener, "listener");
        return new JobQueueOptions(
                schema, history, keepHistory, codec, kinds, newListener, clock, notifies, maxPayload);
    }

    /**
     * A clock in place of the database's, for tests: what is due then is up to it. Never for production, where clocks differ.
     *
     * @param newClock default none
     * @return changed options
     */
    public JobQueueOptions clock(InstantSource newClock) {
        Objects.requireNonNull(newClock, "clock");
        return new JobQueueOptions(
                schema, history, keepHistory, codec, kinds, listener, newClock, notifies, maxPayload);
    }

    /**
     * Whether processes wake each other by LISTEN and NOTIFY of PostgreSQL. Costs one connection for good while a worker runs,
     * and at most 100 short statements a second, never in your transactions. Without it, and on other databases, workers of
     * other processes find new jobs when they look next.
     *
     * @param told default true
     * @return changed options
     */
    public JobQueueOptions notifies(boolean told) {
        return new JobQueueOptions(schema, history, keepHistory, codec, kinds, listener, clock, told, maxPayload);
    }

    /**
     * How many bytes a payload may have, as it is stored. Above 64 KB each kind is warned of once: rather store a large thing
     * where such things are, and enqueue its id.
     *
     * @param bytes 1,024 to 16,777,216; default 1,048,576
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public JobQueueOptions maxPayload(int bytes) {
        if (bytes < SMALLEST_MAX_PAYLOAD || bytes > LARGEST_MAX_PAYLOAD) {
            throw new IllegalArgumentException("maxPayload " + bytes + " must be from 1,024 to 16,777,216 bytes");
        }
        return new JobQueueOptions(schema, history, keepHistory, codec, kinds, listener, clock, notifies, bytes);
    }
}
