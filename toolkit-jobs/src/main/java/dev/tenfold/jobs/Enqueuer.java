package dev.tenfold.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jooq.DSLContext;
import org.jooq.exception.DataAccessException;
import org.jspecify.annotations.Nullable;

/**
 * Enqueues jobs in a transaction of yours: {@link JobQueue#in(Connection)}. They are there if it commits, and never were if it
 * rolls back.
 *
 * <pre>{@code
 * try (Connection connection = dataSource.getConnection()) {
 *     connection.setAutoCommit(false);
 *     orders.insert(connection, order);
 *     jobs.in(connection).enqueue(new SendReceipt(order.id()));
 *     connection.commit();
 * }
 * }</pre>
 *
 * <p><b>What it does to your connection</b>: inserts. It never commits, rolls back or closes it, and sends no NOTIFY in your
 * transaction. The first time that a process meets a kind or a queue it looks its number up on a second connection of the
 * DataSource: a pool of one needs {@link JobQueue#enqueue} of each kind once before.
 *
 * <p><b>When workers hear of it</b>: nobody sees your commit, so the queue looks for the jobs after 1, 2, 4 ms and so on for ten
 * seconds, on a connection of its own, and wakes workers as soon as they are there. What commits later, workers find when they
 * look next.
 *
 * <p>As thread-safe as the connection, which is to say not. Costs nothing to make.
 */
public final class Enqueuer {
    /** Rows of one insert, jobs of one piece of a stream. */
    static final int PIECE = 5_000;

    private static final int MOST_BYTES = 8 * 1_024 * 1_024;

    private final JobQueue jobQueue;
    private final Db db;
    private final JobStore store;

    // Both null: on connections of its own.
    private final @Nullable Connection connection;
    private final @Nullable DSLContext dsl;

    Enqueuer(JobQueue jobQueue, @Nullable Connection connection, @Nullable DSLContext dsl) {
        this.jobQueue = jobQueue;
        db = jobQueue.db;
        store = jobQueue.store;
        this.connection = connection;
        this.dsl = dsl;
    }

    // ---- one --------------------------------------------------------------------------------------------------------

    /**
     * Enqueues a job, due at once. One round trip.
     *
     * @param job its payload: a record or class of yours
     * @return its id
     * @throws IllegalArgumentException if it is no job, or cannot be encoded; nothing was asked of the database
     * @throws JobException if the database is away or refuses
     */
    public Enqueued enqueue(Object job) {
        return enqueue(job, o -> o);
    }

    /**
     * Enqueues a job. One round trip; two if it is unique and there is one, a transaction of several if it is unique for a time.
     *
     * @param job its payload: a record or class of yours
     * @param change how
     * @return its id, or that of the one that is there
     * @throws IllegalArgumentException if it is no job, cannot be encoded, or an option does not fit; nothing was asked of the
     *     database
     * @throws IllegalStateException if it is unique for a time and your connection is in autocommit mode
     * @throws JobException if the database is away or refuses
     */
    public Enqueued enqueue(Object job, UnaryOperator<EnqueueOptions> change) {
        EnqueueOptions options = change.apply(EnqueueOptions.DEFAULT);
        Draft draft = draft(job, options);
        NewJob row = row(draft, options, options.isUnique() ? uniqueKey(draft.kind, job, options) : null, null, false);
        byte[] payload = draft.payloads.get(0);
        JobStore.Inserted inserted =
                run(draft.kind.name, options.uniqueForMicros() > 0, with -> store.insert(with, row, payload));
        if (inserted.isNew()) {
            tell(inserted.id(), options);
        }
        return new Enqueued(inserted.id(), inserted.isNew());
    }

    // ---- many -------------------------------------------------------------------------------------------------------

    /**
     * Enqueues jobs, due at once: {@link #enqueueAll(Collection, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds
     * @return how many
     */
    public long enqueueAll(Collection<?> jobs) {
        return enqueueAll(jobs, o -> o);
    }

    /**
     * Enqueues jobs, all or none of them: in one transaction, with a statement for each 5,000 jobs of a kind. Those of one kind
     * keep their order. (On a connection of yours in autocommit mode each statement stands for itself.) They are all encoded
     * before the first is inserted; for hundreds of thousands give a stream.
     *
     * @param jobs payloads of any kinds; may be empty
     * @param change how each is enqueued; they cannot be unique
     * @return how many
     * @throws IllegalArgumentException if one is no job, cannot be encoded, or an option does not fit; nothing was asked of the
     *     database
     * @throws JobException if the database is away or refuses; none is enqueued
     */
    public long enqueueAll(Collection<?> jobs, UnaryOperator<EnqueueOptions> change) {
        EnqueueOptions options = BatchOptions.notUnique(change.apply(EnqueueOptions.DEFAULT));
        List<Draft> drafts = drafts(jobs, options);
        if (drafts.isEmpty()) {
            return 0;
        }
        List<NewJob> rows = rows(drafts, options, null);
        boolean several =
                isOwn() && (drafts.size() > 1 || pieces(drafts.get(0).payloads).size() > 1);
        boolean watched = !isOwn() && jobQueue.wakeups.isHeard() && isDue(options);
        long last = run(jobs.size() + " jobs", several, with -> insert(with, drafts, rows, watched));
        tell(last, options);
        return jobs.size();
    }

    /**
     * Enqueues jobs, due at once: {@link #enqueueAll(Stream, UnaryOperator)}.
     *
     * @param jobs payloads of any kinds
     * @return how many
     */
    public long enqueueAll(Stream<?> jobs) {
        return enqueueAll(jobs, o -> o);
    }

    /**
     * Enqueues jobs as they come, 5,000 at a time, in memory for so many. Each 5,000 are a transaction of their own, unless you
     * brought yours: if one fails, those before it stay enqueued.
     *
     * @param jobs payloads of any kinds; read to its end, and not closed
     * @param change how each is enqueued; they cannot be unique
     * @return how many
     * @throws IllegalArgumentException as for a collection; those of former pieces are enqueued
     * @throws JobException if the database is away or refuses; those of former pieces are enqueued
     */
    public long enqueueAll(Stream<?> jobs, UnaryOperator<EnqueueOptions> change) {
        long count = 0;
        List<Object> piece = new ArrayList<>();
        for (Iterator<?> all = jobs.iterator(); all.hasNext(); ) {
            piece.add(all.next());
            if (piece.size() == PIECE || !all.hasNext()) {
                count += enqueueAll(piece, change);
                piece.clear();
            }
        }
        return count;
    }

    // ---- one after another ------------------------------------------------------------------------------------------

    /**
     * Enqueues jobs of which each is due when the one before it is done: {@link #chain(List, UnaryOperator)}.
     *
     * @param first due at once
     * @param second due then
     * @param more and so on
     * @return their ids, in this order
     */
    public List<Enqueued> chain(Object first, Object second, Object... more) {
        List<Object> all = new ArrayList<>(List.of(first, second));
        all.addAll(List.of(more));
        return chain(all, o -> o);
    }

    /**
     * Enqueues jobs of which each is due when the one before it is done, all or none. If one is given up, those behind it wait
     * until it is replayed and done, or purged; one that is cancelled is as good as done. Two round trips a job.
     *
     * @param jobs payloads, at least one
     * @param change how each is enqueued; a time or delay is the first one's; they cannot be unique
     * @return their ids, in this order
     * @throws IllegalArgumentException as {@link #enqueue(Object, UnaryOperator)}
     * @throws IllegalStateException if your connection is in autocommit mode
     * @throws JobException if the database is away or refuses; none is enqueued
     */
    public List<Enqueued> chain(List<?> jobs, UnaryOperator<EnqueueOptions> change) {
        EnqueueOptions options = BatchOptions.notUnique(change.apply(EnqueueOptions.DEFAULT));
        if (jobs.isEmpty()) {
            throw new IllegalArgumentException("a chain has at least one job");
        }
        List<Draft> drafts = new ArrayList<>();
        jobs.forEach(job -> drafts.add(draft(job, options)));
        drafts.forEach(draft -> lookUp(draft, options));
        List<Enqueued> chain = run("a chain of " + jobs.size(), true, with -> {
            List<Enqueued> ids = new ArrayList<>();
            Long batch = null;
            for (int at = jobs.size() - 1; at >= 0; at--) {
                Draft draft = drafts.get(at);
                long id = store.insert(with, row(draft, options, null, batch, at > 0), draft.payloads.get(0))
                        .id();
                ids.add(0, new Enqueued(id, true));
                batch = at > 0 ? store.insertBatch(with, 1, id, false) : null;
            }
            return List.copyOf(ids);
        });
        tell(chain.get(0).id(), options);
        return chain;
    }

    /**
     * Enqueues jobs, and one that is due when all of them are done: {@link #batch(Collection, Object, UnaryOperator)}.
     *
     * @param members due at once
     * @param callback due when they are done
     * @return the callback's id
     */
    public Enqueued batch(Collection<?> members, Object callback) {
        return batch(members, callback, o -> o);
    }

    /**
     * Enqueues jobs, and one that is due when all of them are done, all or none. A member that is given up holds the callback up
     * until it is replayed and done, or purged, unless it {@linkplain BatchOptions#runsAnyway runs anyway}; one that is
     * cancelled is as good as done. Without members the callback is due at once.
     *
     * @param members payloads of any kinds
     * @param callback the payload of what comes after them
     * @param change how they are enqueued
     * @return the callback's id
     * @throws IllegalArgumentException as {@link #enqueue(Object, UnaryOperator)}
     * @throws IllegalStateException if your connection is in autocommit mode
     * @throws JobException if the database is away or refuses; none is enqueued
     */
    public Enqueued batch(Collection<?> members, Object callback, UnaryOperator<BatchOptions> change) {
        BatchOptions options = change.apply(BatchOptions.DEFAULT);
        List<Draft> drafts = drafts(members, options.members);
        Draft last = draft(callback, options.callback);
        drafts.forEach(draft -> lookUp(draft, options.members));
        NewJob row = row(last, options.callback, null, null, !drafts.isEmpty());
        long id = run("a batch of " + members.size(), true, with -> {
            long callbackId = store.insert(with, row, last.payloads.get(0)).id();
            if (!drafts.isEmpty()) {
                long batch = store.insertBatch(with, members.size(), callbackId, options.runsAnyway);
                long unused = insert(with, drafts, rows(drafts, options.members, batch), false);
            }
            return callbackId;
        });
        tell(id, drafts.isEmpty() ? options.callback : options.members); // the callback is there when the members are
        return new Enqueued(id, true);
    }

    // ---- before the database is asked -------------------------------------------------------------------------------

    /** Jobs of one kind, encoded. */
    private static final class Draft {
        final Kind<?> kind;
        final @Nullable String headers;
        final List<byte[]> payloads = new ArrayList<>(1);

        Draft(Kind<?> kind, @Nullable String headers) {
            this.kind = kind;
            this.headers = headers;
        }
    }

    private Draft draft(Object job, EnqueueOptions options) {
        Draft draft = draft(kind(job), options);
        draft.payloads.add(encode(draft.kind, job));
        return draft;
    }

    /** By kind. */
    private List<Draft> drafts(Collection<?> all, EnqueueOptions options) {
        Map<Class<?>, Draft> drafts = new LinkedHashMap<>();
        for (Object job : all) {
            Kind<?> kind = kind(job);
            Draft draft = drafts.get(kind.type);
            if (draft == null) {
                draft = draft(kind, options);
                drafts.put(kind.type, draft);
            }
            draft.payloads.add(encode(kind, job));
        }
        return List.copyOf(drafts.values());
    }

    private Kind<?> kind(Object job) {
        jobQueue.refuseClosed();
        return jobQueue.kinds.of(Objects.requireNonNull(job, "job").getClass());
    }

    private Draft draft(Kind<?> kind, EnqueueOptions options) {
        if (jobQueue.options.listener == JobQueueOptions.NO_LISTENER) {
            return new Draft(kind, options.headers().isEmpty() ? null : Headers.encode(options.headers()));
        }
        Map<String, String> headers = new LinkedHashMap<>(options.headers());
        jobQueue.options.listener.enqueuing(kind.name, options.queue(), headers);
        return new Draft(kind, Headers.encode(headers));
    }

    private byte[] encode(Kind<?> kind, Object job) {
        byte[] payload;
        try {
            payload = jobQueue.codec.encode(job);
        } catch (Exception e) {
            throw unreadable(job, e);
        }
        jobQueue.checkSize(kind, payload.length);
        return payload;
    }

    private IllegalArgumentException unreadable(Object job, Exception e) {
        return new IllegalArgumentException(
                "cannot encode a " + job.getClass().getName() + " as " + jobQueue.codec + ": " + e.getMessage(), e);
    }

    /** SHA-256 of the kind's name, a zero, and the key or the payload. */
    private byte[] uniqueKey(Kind<?> kind, Object job, EnqueueOptions options) {
        String key = options.uniqueKey();
        try {
            byte[] text = key == null ? jobQueue.codec.canonical(job) : key.getBytes(UTF_8);
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(kind.name.getBytes(UTF_8));
            digest.update((byte) 0);
            return digest.digest(text);
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every Java has SHA-256", e);
        } catch (Exception e) {
            throw unreadable(job, e);
        }
    }

    // ---- rows -------------------------------------------------------------------------------------------------------

    /** So that a transaction does not wait for a second connection. */
    private void lookUp(Draft draft, EnqueueOptions options) {
        int unusedKind = jobQueue.kinds.kindId(draft.kind.name);
        int unusedQueue = jobQueue.kinds.queueId(options.queue());
    }

    private List<NewJob> rows(List<Draft> drafts, EnqueueOptions options, @Nullable Long batch) {
        return drafts.stream()
                .map(draft -> row(draft, options, null, batch, false))
                .toList();
    }

    private NewJob row(
            Draft draft, EnqueueOptions options, byte @Nullable [] uniqueKey, @Nullable Long batch, boolean waits) {
        return new NewJob(
                jobQueue.kinds.queueId(options.queue()),
                jobQueue.kinds.kindId(draft.kind.name),
                options.priority(),
                waits ? Times.WAITING : options.due(),
                !waits && options.isFromNow(),
                options.maxAttempts(),
                draft.kind.version,
                draft.headers,
                uniqueKey,
                options.uniqueForMicros(),
                options.concurrencyKey(),
                options.concurrencyLimit(),
                batch);
    }

    /** Inserts all; returns the id of one of them if somebody has to look for it, else 0. */
    private long insert(Connection with, List<Draft> drafts, List<NewJob> rows, boolean watched) throws SQLException {
        for (int i = 0; i < drafts.size(); i++) {
            List<byte[]> payloads = drafts.get(i).payloads;
            boolean apart = watched && i == drafts.size() - 1;
            for (List<byte[]> piece : pieces(apart ? payloads.subList(0, payloads.size() - 1) : payloads)) {
                store.insertAll(with, rows.get(i), piece);
            }
            if (apart) {
                return store.insert(with, rows.get(i), payloads.get(payloads.size() - 1))
                        .id();
            }
        }
        return 0;
    }

    /** Parts that one statement takes: not too many, and not too much. */
    private static List<List<byte[]>> pieces(List<byte[]> payloads) {
        List<List<byte[]>> pieces = new ArrayList<>();
        int from = 0;
        long bytes = 0;
        for (int i = 0; i < payloads.size(); i++) {
            bytes += payloads.get(i).length;
            if (i > from && (i - from == PIECE || bytes > MOST_BYTES)) {
                pieces.add(payloads.subList(from, i));
                from = i;
                bytes = payloads.get(i).length;
            }
        }
        if (from < payloads.size()) {
            pieces.add(payloads.subList(from, payloads.size()));
        }
        return pieces;
    }

    // ---- the database -----------------------------------------------------------------------------------------------

    private boolean isOwn() {
        return connection == null && dsl == null;
    }

    /** @param several whether it takes more than one statement, which are then all or nothing */
    private <T> T run(String what, boolean several, Db.Work<T> work) {
        try {
            if (connection != null) {
                return joined(connection, several, work);
            }
            if (dsl != null) {
                return Objects.requireNonNull(dsl.connectionResult(with -> joined(with, several, work)));
            }
            return several ? db.transaction(work) : db.statement(work);
        } catch (SQLException | DataAccessException e) {
            throw new JobException("cannot enqueue " + what + ": " + e.getMessage(), e);
        }
    }

    private static <T> T joined(Connection with, boolean several, Db.Work<T> work) throws SQLException {
        if (several && with.getAutoCommit()) {
            throw new IllegalStateException(
                    "this takes several statements, which are all or nothing, and your connection is"
                            + " in autocommit mode: begin a transaction on it, or enqueue without in(connection)");
        }
        return work.with(with);
    }

    /** Wakes workers, now or as soon as the job is to be seen. */
    private void tell(long id, EnqueueOptions options) {
        if (!isDue(options)) {
            return;
        }
        Lane lane = new Lane(jobQueue.kinds.queueId(options.queue()), options.priority());
        if (isCommitted()) {
            jobQueue.wakeups.wake(lane);
        } else {
            jobQueue.wakeups.wakeAfterCommit(id, lane);
        }
    }

    private boolean isCommitted() {
        try {
            if (connection != null) {
                return connection.getAutoCommit();
            }
            return dsl == null || Boolean.TRUE.equals(dsl.connectionResult(Connection::getAutoCommit));
        } catch (SQLException | DataAccessException e) {
            throw new JobException("your connection broke when the job was inserted: " + e.getMessage(), e);
        }
    }

    /** By this machine's clock, which will do for a hint. */
    private boolean isDue(EnqueueOptions options) {
        return options.isFromNow() ? options.due() == 0 : options.due() <= Times.micros(jobQueue.clock.instant());
    }
}
