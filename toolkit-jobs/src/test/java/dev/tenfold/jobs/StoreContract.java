package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What the store promises, on each database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class StoreContract {
    static final long MINUTE = 60_000_000L;
    static final long ME = 11;
    static final long OTHER = 22;

    HikariDataSource dataSource;
    Db db;
    JobStore store;
    int queue;
    int kind;

    abstract String url();

    @BeforeAll
    void open() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url());
        config.setMaximumPoolSize(24);
        config.setMinimumIdle(1);
        dataSource = new HikariDataSource(config);
        JobSchema.install(dataSource);
        db = new Db(dataSource, Db.dialectOf(dataSource), null, null);
        store = JobStore.of(db);
    }

    @AfterAll
    void close() {
        dataSource.close();
    }

    @BeforeEach
    void clear() throws SQLException {
        for (String table : List.of(
                "",
                "_dead",
                "_error",
                "_batch",
                "_progress",
                "_window",
                "_concurrency",
                "_history",
                "_chore",
                "_worker")) {
            execute("delete from tenfold_job" + table);
        }
        queue = store.queueId("default");
        kind = store.kindId("send-receipt");
    }

    // ---- means ------------------------------------------------------------------------------------------------------

    Lane lane() {
        return new Lane(queue, 2);
    }

    /** What a test says of a job; the rest is plain. */
    static final class Draft {
        int queue;
        int kind;
        int priority = 2;
        long due;
        boolean fromNow = true;
        int maxAttempts = 25;
        byte @Nullable [] uniqueKey;
        long uniqueFor;

        @Nullable
        String concurrencyKey;

        int limit;

        @Nullable
        Long batch;

        NewJob job() {
            return new NewJob(
                    queue,
                    kind,
                    priority,
                    due,
                    fromNow,
                    maxAttempts,
                    1,
                    "a=b",
                    uniqueKey,
                    uniqueFor,
                    concurrencyKey,
                    limit,
                    batch);
        }
    }

    Draft draft() {
        Draft draft = new Draft();
        draft.queue = queue;
        draft.kind = kind;
        return draft;
    }

    Draft keyed(String key, int limit) {
        Draft draft = draft();
        draft.concurrencyKey = key;
        draft.limit = limit;
        return draft;
    }

    JobStore.Inserted insert(Draft draft) throws SQLException {
        return db.transaction(connection -> store.insert(connection, draft.job(), bytes("x")));
    }

    long enqueue(Draft draft) throws SQLException {
        return insert(draft).id();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    List<Claimed> claim(int limit) throws SQLException {
        return claim(limit, ME);
    }

    List<Claimed> claim(int limit, long worker) throws SQLException {
        return store.claim(lane(), Lane.Cursor.START, new int[] {kind}, limit, worker, MINUTE);
    }

    static List<Long> idsOf(List<Claimed> claimed) {
        return claimed.stream().map(each -> each.id).toList();
    }

    static JobStore.Ending ending(Claimed job) {
        return new JobStore.Ending(job, 5, 0, null);
    }

    static JobStore.Ending failed(Claimed job, long delay) {
        return new JobStore.Ending(
                job, 5, delay, new JobError(job.attempt, Instant.EPOCH, "f".repeat(32), "E", "message", "stack"));
    }

    static List<JobStore.Ending> endings(List<Claimed> claimed) {
        return claimed.stream().map(StoreContract::ending).toList();
    }

    long[] finish(List<Claimed> claimed) throws SQLException {
        return store.finish(endings(claimed), ME, History.OFF, "DONE");
    }

    void execute(String sql) throws SQLException {
        db.autocommit(connection -> {
            try (var statement = connection.createStatement()) {
                return statement.execute(sql);
            }
        });
    }

    long number(String sql) throws SQLException {
        return db.autocommit(connection -> {
            try (var statement = connection.createStatement();
                    var rows = statement.executeQuery(sql)) {
                rows.next();
                return rows.getLong(1);
            }
        });
    }

    /** As if the lease had ended. */
    void expire(Claimed job) throws SQLException {
        execute("update tenfold_job set lease_until = 1 where id = " + job.id);
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    @Test
    void a_name_has_one_number_and_can_be_paused() throws SQLException {
        assertThat(store.queueId("default")).isEqualTo(queue);
        assertThat(store.queueId("Default")).isNotEqualTo(queue);
        assertThat(store.pauseQueue("default", true)).isTrue();
        assertThat(store.pauseQueue("nobody", true)).isFalse();
        assertThat(store.queues()).contains(new JobStore.Name(queue, "default", true));
        assertThat(store.pauseQueue("default", false)).isTrue();
        assertThat(store.pauseKind("send-receipt", false)).isTrue();
        assertThat(store.kinds()).contains(new JobStore.Name(kind, "send-receipt", false));
    }

    // ---- a job's life -----------------------------------------------------------------------------------------------

    @Test
    void a_claim_returns_what_was_enqueued() throws SQLException {
        Draft draft = keyed("tenant", 3);
        long callback = enqueue(waiting());
        draft.batch = db.transaction(connection -> store.insertBatch(connection, 1, callback, false));
        draft.maxAttempts = 7;
        long id = enqueue(draft);

        List<Claimed> claimed = claim(10);

        assertThat(claimed).hasSize(1);
        Claimed job = claimed.get(0);
        assertThat(job.id).isEqualTo(id);
        assertThat(job.lease).isEqualTo(1);
        assertThat(job.attempt).isEqualTo(1);
        assertThat(job.failures).isZero();
        assertThat(job.maxAttempts).isEqualTo(7);
        assertThat(job.payload).isEqualTo(bytes("x"));
        assertThat(job.headers).isEqualTo("a=b");
        assertThat(job.payloadVersion).isEqualTo(1);
        assertThat(job.queue).isEqualTo(queue);
        assertThat(job.kind).isEqualTo(kind);
        assertThat(job.priority).isEqualTo(2);
        assertThat(job.concurrencyKey).isEqualTo("tenant");
        assertThat(job.concurrencyLimit).isEqualTo(3);
        assertThat(job.admitted).isFalse();
        assertThat(job.batch).isEqualTo(draft.batch);
        long now = db.autocommit(db::currentMicros);
        assertThat(job.createdAt).isBetween(now - MINUTE, now);
        assertThat(job.runAt).isBetween(now - MINUTE, now);
        assertThat(claim(10)).isEmpty();
    }

    Draft waiting() {
        Draft draft = draft();
        draft.due = Times.WAITING;
        draft.fromNow = false;
        return draft;
    }

    @Test
    void many_are_claimed_in_the_order_in_which_they_came() throws SQLException {
        List<byte[]> payloads = new ArrayList<>();
        for (int i = 0; i < 2_500; i++) {
            payloads.add(bytes("payload " + i));
        }
        db.transaction(connection -> {
            store.insertAll(connection, draft().job(), payloads);
            return true;
        });

        List<Claimed> first = claim(1_000);
        List<Claimed> second = claim(777);
        List<Claimed> third = claim(1_000);

        assertThat(first).hasSize(1_000);
        assertThat(second).hasSize(777);
        assertThat(third).hasSize(723);
        List<String> seen = new ArrayList<>();
        List.of(first, second, third)
                .forEach(some -> some.forEach(each -> seen.add(new String(each.payload, StandardCharsets.UTF_8))));
        assertThat(seen)
                .containsExactlyElementsOf(payloads.stream()
                        .map(each -> new String(each, StandardCharsets.UTF_8))
                        .toList());
    }

    @Test
    void finish_removes_what_is_still_ours() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        enqueue(draft());
        List<Claimed> claimed = claim(3);
        expire(claimed.get(1));
        List<Claimed> stolen = claim(3, OTHER);

        assertThat(idsOf(stolen)).containsExactly(claimed.get(1).id);
        assertThat(stolen.get(0).lease).isEqualTo(2);
        assertThat(finish(claimed)).containsExactlyInAnyOrder(claimed.get(0).id, claimed.get(2).id);
        assertThat(number("select count(*) from tenfold_job")).isEqualTo(1);
    }

    @Test
    void retry_counts_the_failure_and_keeps_the_error() throws SQLException {
        enqueue(draft());
        List<Claimed> claimed = claim(1);

        assertThat(store.retry(List.of(failed(claimed.get(0), 0)), OTHER)).isEmpty();
        assertThat(store.retry(List.of(failed(claimed.get(0), 0)), ME)).containsExactly(claimed.get(0).id);

        assertThat(number("select count(*) from tenfold_job_error")).isEqualTo(1);
        Claimed again = claim(1).get(0);
        assertThat(again.attempt).isEqualTo(2);
        assertThat(again.failures).isEqualTo(1);
        assertThat(again.lease).isEqualTo(2);
        assertThat(finish(List.of(again))).hasSize(1);
        assertThat(number("select count(*) from tenfold_job_error")).isZero();
    }

    @Test
    void release_does_not_charge_the_attempt_and_keeps_the_place_in_the_lane() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        List<Claimed> claimed = claim(2);

        assertThat(store.release(endings(claimed), OTHER)).isEmpty();
        assertThat(store.release(endings(claimed), ME)).hasSize(2);

        List<Claimed> again = claim(2);
        assertThat(idsOf(again)).isEqualTo(idsOf(claimed));
        assertThat(again).allSatisfy(each -> {
            assertThat(each.attempt).isEqualTo(1);
            assertThat(each.lease).isEqualTo(2);
        });
    }

    @Test
    void an_end_that_is_written_again_as_its_answer_was_lost_counts_once() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        List<Claimed> claimed = claim(2);
        Claimed failed = claimed.get(0);
        Claimed given = claimed.get(1);

        for (int i = 0; i < 2; i++) {
            assertThat(store.retry(List.of(failed(failed, 0)), ME)).containsExactly(failed.id);
            assertThat(store.release(List.of(ending(given)), ME)).containsExactly(given.id);
        }

        assertThat(number("select failures from tenfold_job where id = " + failed.id))
                .isEqualTo(1);
        assertThat(number("select count(*) from tenfold_job_error")).isEqualTo(1);
        assertThat(number("select attempt from tenfold_job where id = " + given.id))
                .isZero();
    }

    @Test
    void a_parked_job_whose_worker_does_not_know_that_and_gives_it_back_is_not_less_charged() throws SQLException {
        enqueue(keyed("tenant", 1));
        enqueue(keyed("tenant", 1));
        List<Claimed> claimed = claim(2);
        assertThat(store.admit(claimed, ME)).hasSize(1); // an answer that is lost

        assertThat(store.release(endings(claimed), ME)).hasSize(2);

        assertThat(number("select count(*) from tenfold_job where attempt = 0 and lease_until = 0"))
                .isEqualTo(2);
    }

    @Test
    void bury_moves_a_job_to_the_dead_letters_with_its_error() throws SQLException {
        enqueue(draft());
        Claimed job = claim(1).get(0);

        assertThat(store.bury(List.of(failed(job, 0)), OTHER, DeadReason.EXHAUSTED))
                .isEmpty();
        assertThat(store.bury(List.of(failed(job, 0)), ME, DeadReason.EXHAUSTED))
                .containsExactly(job.id);

        assertThat(number("select count(*) from tenfold_job")).isZero();
        assertThat(number("select count(*) from tenfold_job_error")).isEqualTo(1);
        assertThat(number(
                        "select count(*) from tenfold_job_dead where reason = 'EXHAUSTED' and failures = 1 and lease = 1"
                                + " and attempt = 1 and message = 'message'"))
                .isEqualTo(1);
    }

    @Test
    void renew_keeps_the_lease_and_tells_what_is_lost() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        List<Claimed> claimed = claim(2);
        expire(claimed.get(0));
        long[] ids = claimed.stream().mapToLong(each -> each.id).toArray();
        long[] leases = claimed.stream().mapToLong(each -> each.lease).toArray();

        assertThat(store.renew(ids, leases, OTHER, MINUTE)).isEmpty();
        assertThat(store.renew(ids, leases, ME, MINUTE)).hasSize(2);
        assertThat(claim(2, OTHER)).isEmpty();
        leases[1]++;
        assertThat(store.renew(ids, leases, ME, MINUTE))
                .extracting(JobStore.Renewed::id)
                .containsExactly(ids[0]);
    }

    @Test
    void a_renewal_that_comes_late_takes_nothing_back() throws SQLException {
        for (int i = 0; i < 4; i++) {
            enqueue(keyed("tenant", 1));
        }
        List<Claimed> claimed = claim(4);
        store.release(List.of(ending(claimed.get(0))), ME);
        store.retry(List.of(failed(claimed.get(1), 0)), ME);
        assertThat(store.admit(claimed.subList(2, 4), ME)).hasSize(1);

        // By what a worker held when it asked.
        store.renew(
                claimed.stream().mapToLong(each -> each.id).toArray(),
                claimed.stream().mapToLong(each -> each.lease).toArray(),
                ME,
                MINUTE);

        assertThat(number("select count(*) from tenfold_job where lease_until > 0"))
                .isEqualTo(1);
        assertThat(idsOf(claim(4, OTHER))).containsExactlyInAnyOrder(claimed.get(0).id, claimed.get(1).id);
    }

    @Test
    void admit_gives_as_many_places_as_there_are_and_parks_the_rest() throws SQLException {
        for (int i = 0; i < 5; i++) {
            enqueue(keyed("tenant", 2));
        }
        List<Claimed> claimed = claim(5);

        List<Claimed> admitted = store.admit(claimed, ME);

        assertThat(idsOf(admitted)).isEqualTo(idsOf(claimed).subList(0, 2));
        assertThat(admitted).allMatch(each -> each.admitted);
        assertThat(claim(5)).isEmpty();
        assertThat(number("select count(*) from tenfold_job where run_at = " + Times.PARKED
                        + " and attempt = 0 and lease = 1 and lease_until = 0"))
                .isEqualTo(3);
        assertThat(finish(admitted)).hasSize(2);
        List<Claimed> next = claim(5);
        assertThat(idsOf(next)).isEqualTo(idsOf(claimed).subList(2, 4));
        assertThat(store.admit(next, ME)).hasSize(2);
    }

    @Test
    void a_batch_lets_its_callback_run_when_all_are_done() throws SQLException {
        long callback = enqueue(waiting());
        long batch = db.transaction(connection -> store.insertBatch(connection, 2, callback, false));
        Draft member = draft();
        member.batch = batch;
        enqueue(member);
        enqueue(member);
        List<Claimed> members = claim(10);

        finish(members.subList(0, 1));
        assertThat(claim(10)).isEmpty();
        finish(members.subList(1, 2));

        assertThat(idsOf(claim(10))).containsExactly(callback);
        assertThat(number("select count(*) from tenfold_job_batch")).isZero();
    }

    @Test
    void lock_and_finish_in_a_transaction_of_ones_own() throws SQLException {
        enqueue(draft());
        Claimed job = claim(1).get(0);
        boolean finished = db.transaction(connection -> {
            assertThat(store.lock(connection, job.id, job.lease, OTHER, MINUTE)).isFalse();
            assertThat(store.lock(connection, job.id, job.lease, ME, MINUTE)).isTrue();
            // Renewal does not wait for the handler's transaction.
            assertThat(store.renew(new long[] {job.id}, new long[] {job.lease}, ME, MINUTE))
                    .containsExactly(new JobStore.Renewed(job.id, false, false));
            return store.finish(connection, ending(job), ME, History.FULL, "DONE");
        });
        assertThat(finished).isTrue();
        assertThat(number("select count(*) from tenfold_job_history where payload is not null"))
                .isEqualTo(1);
    }

    @Test
    void progress_is_kept_for_a_day() throws SQLException {
        long id = enqueue(draft());
        Claimed job = claim(1).get(0);
        store.progress(id, 10, "begun", bytes("r"));
        store.progress(id, 90, "soon", null);
        assertThat(number("select percent from tenfold_job_progress where result is not null and expires_at is null"))
                .isEqualTo(90);
        store.finish(List.of(new JobStore.Ending(job, 1, 0, null, true)), ME, History.SUMMARY, "DONE");
        assertThat(number("select count(*) from tenfold_job_progress where expires_at is not null"))
                .isEqualTo(1);
        assertThat(number("select count(*) from tenfold_job_history where payload is null"))
                .isEqualTo(1);
    }

    @Test
    void heads_names_the_lanes_that_have_something_due() throws SQLException {
        Draft low = draft();
        low.priority = 3;
        enqueue(low);
        Draft later = draft();
        later.priority = 1;
        later.due = MINUTE;
        enqueue(later);
        List<Lane> lanes = List.of(new Lane(queue, 0), new Lane(queue, 1), new Lane(queue, 2), new Lane(queue, 3));
        List<Lane.Cursor> cursors =
                lanes.stream().map(each -> Lane.Cursor.START).toList();
        List<Lane.Head> heads = db.autocommit(connection -> store.heads(connection, lanes, cursors, new int[] {kind}));
        assertThat(heads).extracting(Lane.Head::lane).containsExactly(new Lane(queue, 3));
        assertThat(db.autocommit((Connection connection) -> store.heads(
                        connection, lanes, Arrays.asList(cursors.toArray(Lane.Cursor[]::new)), new int[] {kind + 1})))
                .isEmpty();
    }

    // ---- claims and fences ------------------------------------------------------------------------------------------

    @Test
    void a_claim_passes_over_what_is_leased_delayed_in_another_lane_or_of_another_kind() throws SQLException {
        long leased = enqueue(draft());
        assertThat(idsOf(claim(1, OTHER))).containsExactly(leased);
        Draft delayed = draft();
        delayed.due = MINUTE;
        enqueue(delayed);
        Draft low = draft();
        low.priority = 3;
        enqueue(low);
        Draft elsewhere = draft();
        elsewhere.queue = store.queueId("mail");
        enqueue(elsewhere);
        Draft unknown = draft();
        unknown.kind = store.kindId("other");
        enqueue(unknown);
        enqueue(waiting());
        long free = enqueue(draft());

        assertThat(idsOf(claim(100))).containsExactly(free);
    }

    @Test
    void a_cursor_leaves_out_what_is_before_it() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        enqueue(draft());
        List<Claimed> all = claim(3);
        store.release(endings(all), ME);

        Claimed first = all.get(0);
        List<Claimed> behind =
                store.claim(lane(), new Lane.Cursor(first.runAt, first.id), new int[] {kind, kind + 1}, 10, ME, MINUTE);

        assertThat(idsOf(behind)).isEqualTo(idsOf(all).subList(1, 3));
    }

    @Test
    void the_same_worker_with_an_older_lease_is_refused() throws SQLException {
        enqueue(draft());
        Claimed first = claim(1).get(0);
        expire(first);
        Claimed second = claim(1).get(0);

        assertThat(second.id).isEqualTo(first.id);
        assertThat(second.lease).isEqualTo(2);
        assertThat(finish(List.of(first))).isEmpty();
        assertThat(store.retry(List.of(failed(first, 0)), ME)).isEmpty();
        assertThat(store.release(List.of(ending(first)), ME)).isEmpty();
        assertThat(store.bury(List.of(ending(first)), ME, DeadReason.REJECTED)).isEmpty();
        assertThat(store.renew(new long[] {first.id}, new long[] {1}, ME, MINUTE))
                .isEmpty();
        assertThat(db.<Boolean>transaction(connection -> store.lock(connection, first.id, 1, ME, MINUTE)))
                .isFalse();
        assertThat(db.<Boolean>transaction(
                        connection -> store.finish(connection, ending(first), ME, History.OFF, "DONE")))
                .isFalse();
        assertThat(finish(List.of(second))).containsExactly(second.id);
    }

    @Test
    void retries_are_due_after_their_own_delays() throws SQLException {
        enqueue(draft());
        enqueue(draft());
        List<Claimed> claimed = claim(2);

        store.retry(List.of(failed(claimed.get(1), 0), failed(claimed.get(0), MINUTE)), ME);

        assertThat(idsOf(claim(2))).containsExactly(claimed.get(1).id);
        long now = db.autocommit(db::currentMicros);
        assertThat(number("select run_at from tenfold_job where id = " + claimed.get(0).id))
                .isBetween(now + MINUTE / 2, now + MINUTE);
    }

    @Test
    void a_delayed_release_is_due_later_and_not_charged() throws SQLException {
        enqueue(draft());
        Claimed job = claim(1).get(0);
        store.release(List.of(new JobStore.Ending(job, 0, MINUTE, null)), ME);
        assertThat(claim(1)).isEmpty();
        assertThat(number("select attempt from tenfold_job")).isZero();
    }

    @Test
    void threads_that_claim_at_once_never_get_the_same_job() throws Exception {
        enqueueMany(draft(), 600);
        List<List<Claimed>> claimed = parallel(4, thread -> {
            List<Claimed> mine = new ArrayList<>();
            for (int idle = 0; idle < 3; ) {
                List<Claimed> some = claim(16, 100 + thread);
                mine.addAll(some);
                idle = some.isEmpty() ? idle + 1 : 0;
            }
            return mine;
        });
        List<Long> ids = claimed.stream().flatMap(each -> idsOf(each).stream()).toList();
        assertThat(ids).hasSize(600).doesNotHaveDuplicates();
    }

    void enqueueMany(Draft draft, int size) throws SQLException {
        db.transaction(connection -> {
            store.insertAll(connection, draft.job(), Collections.nCopies(size, bytes("x")));
            return true;
        });
    }

    /** Something that a thread does. */
    interface Task<T> {
        T run(int thread) throws Exception;
    }

    static <T> List<T> parallel(int threads, Task<T> task) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            CyclicBarrier start = new CyclicBarrier(threads);
            List<Future<T>> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                running.add(pool.submit(() -> {
                    Await.barrier(start);
                    return task.run(thread);
                }));
            }
            List<T> results = new ArrayList<>();
            for (Future<T> each : running) {
                results.add(each.get(50, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            pool.shutdownNow();
        }
    }

    // ---- unique keys ------------------------------------------------------------------------------------------------

    Draft unique(String key, long micros) {
        Draft draft = draft();
        draft.uniqueKey = bytes(key);
        draft.uniqueFor = micros;
        return draft;
    }

    @Test
    void a_unique_key_counts_until_its_job_is_done() throws SQLException {
        JobStore.Inserted first = insert(unique("k", 0));
        assertThat(first.isNew()).isTrue();
        assertThat(insert(unique("k", 0))).isEqualTo(new JobStore.Inserted(first.id(), false));
        finish(claim(1));
        assertThat(insert(unique("k", 0)).isNew()).isTrue();
    }

    @Test
    void a_window_counts_until_it_ends_whatever_became_of_its_job() throws SQLException {
        JobStore.Inserted first = insert(unique("k", MINUTE));
        assertThat(first.isNew()).isTrue();
        finish(claim(1));
        assertThat(insert(unique("k", MINUTE))).isEqualTo(new JobStore.Inserted(first.id(), false));
        execute("update tenfold_job_window set expires_at = 1");
        JobStore.Inserted second = insert(unique("k", MINUTE));
        assertThat(second.isNew()).isTrue();
        assertThat(number("select job_id from tenfold_job_window")).isEqualTo(second.id());
    }

    @Test
    void twenty_threads_with_one_key_enqueue_one_job() throws Exception {
        for (long window : new long[] {0, MINUTE}) {
            List<JobStore.Inserted> all = parallel(20, thread -> insert(unique("key" + window, window)));
            assertThat(all.stream().filter(JobStore.Inserted::isNew)).hasSize(1);
            assertThat(all.stream().map(JobStore.Inserted::id))
                    .containsOnly(all.get(0).id());
        }
        assertThat(number("select count(*) from tenfold_job")).isEqualTo(2);
    }

    @Test
    void a_duplicate_leaves_the_callers_transaction_usable() throws SQLException {
        insert(unique("k", 0));
        insert(unique("w", MINUTE));
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            assertThat(store.insert(connection, unique("k", 0).job(), bytes("x"))
                            .isNew())
                    .isFalse();
            assertThat(store.insert(connection, unique("w", MINUTE).job(), bytes("x"))
                            .isNew())
                    .isFalse();
            assertThat(store.insert(connection, draft().job(), bytes("x")).isNew())
                    .isTrue();
            connection.commit();
        }
        assertThat(number("select count(*) from tenfold_job")).isEqualTo(3);
    }

    @Test
    void a_rolled_back_enqueue_leaves_nothing() throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            store.insert(connection, unique("w", MINUTE).job(), bytes("x"));
            store.insertAll(connection, draft().job(), List.of(bytes("y"), bytes("z")));
            connection.rollback();
        }
        assertThat(number("select count(*) from tenfold_job")).isZero();
        assertThat(insert(unique("w", MINUTE)).isNew()).isTrue();
    }

    // ---- batches and chains -----------------------------------------------------------------------------------------

    Draft member(long callback, int members, boolean runsAnyway) throws SQLException {
        Draft member = draft();
        member.batch = db.transaction(connection -> store.insertBatch(connection, members, callback, runsAnyway));
        return member;
    }

    @Test
    void finishers_at_once_let_the_callback_run_once() throws Exception {
        long callback = enqueue(waiting());
        enqueueMany(member(callback, 200, false), 200);
        List<Claimed> members = claim(200);
        parallel(4, thread -> {
            for (int from = thread * 50; from < thread * 50 + 50; from += 10) {
                finish(members.subList(from, from + 10));
            }
            return true;
        });
        List<Claimed> last = claim(10);
        assertThat(idsOf(last)).containsExactly(callback);
        finish(last);
        assertThat(number("select count(*) from tenfold_job_batch")).isZero();
        assertThat(number("select count(*) from tenfold_job")).isZero();
    }

    @Test
    void a_chain_runs_one_after_the_other() throws SQLException {
        long third = enqueue(waiting());
        Draft middle = member(third, 1, false);
        middle.due = Times.WAITING;
        middle.fromNow = false;
        long second = enqueue(middle);
        long first = enqueue(member(second, 1, false));
        for (long expected : new long[] {first, second, third}) {
            List<Claimed> next = claim(10);
            assertThat(idsOf(next)).containsExactly(expected);
            finish(next);
        }
    }

    @Test
    void a_dead_member_holds_the_callback_up() throws SQLException {
        long callback = enqueue(waiting());
        Draft member = member(callback, 2, false);
        enqueue(member);
        enqueue(member);
        List<Claimed> members = claim(2);
        store.bury(List.of(failed(members.get(0), 0)), ME, DeadReason.EXHAUSTED);
        finish(members.subList(1, 2));
        assertThat(claim(10)).isEmpty();
        assertThat(number("select pending from tenfold_job_batch")).isEqualTo(1);
        assertThat(number("select batch_id from tenfold_job_dead")).isEqualTo(member.batch);
    }

    @Test
    void a_dead_member_of_a_batch_that_runs_anyway_counts_once() throws SQLException {
        long callback = enqueue(waiting());
        Draft member = member(callback, 2, true);
        enqueue(member);
        enqueue(member);
        List<Claimed> members = claim(2);
        store.bury(List.of(failed(members.get(0), 0)), ME, DeadReason.EXHAUSTED);
        assertThat(number("select pending from tenfold_job_batch where lost = 1"))
                .isEqualTo(1);
        assertThat(number("select count(*) from tenfold_job_dead where batch_id is null"))
                .isEqualTo(1);
        finish(members.subList(1, 2));
        assertThat(idsOf(claim(10))).containsExactly(callback);
    }

    // ---- concurrency keys -------------------------------------------------------------------------------------------

    @Test
    void there_are_never_more_at_work_than_places_and_none_is_stuck() throws Exception {
        int limit = 3;
        enqueueMany(keyed("a", limit), 60);
        enqueueMany(keyed("b", 1), 20);
        ConcurrentHashMap<String, AtomicInteger> atWork = new ConcurrentHashMap<>();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        parallel(4, thread -> {
            Random random = new Random(thread);
            while (done.get() < 80) {
                List<Claimed> mine = store.admit(claim(1 + random.nextInt(8), 100 + thread), 100 + thread);
                for (Claimed each : mine) {
                    int now = atWork.computeIfAbsent(key(each), unused -> new AtomicInteger())
                            .incrementAndGet();
                    most.accumulateAndGet(now - each.concurrencyLimit, Math::max);
                }
                for (Claimed each : mine) {
                    AtomicInteger counter = atWork.computeIfAbsent(key(each), unused -> new AtomicInteger());
                    counter.decrementAndGet(); // before the end: afterwards another may begin
                    int dice = random.nextInt(10);
                    List<JobStore.Ending> one = List.of(failed(each, 0));
                    if (dice == 0) {
                        assertThat(store.bury(one, 100 + thread, DeadReason.REJECTED))
                                .hasSize(1);
                        done.incrementAndGet();
                    } else {
                        assertThat(store.finish(one, 100 + thread, History.OFF, "DONE"))
                                .hasSize(1);
                        done.incrementAndGet();
                    }
                }
            }
            return true;
        });
        assertThat(most.get()).isLessThanOrEqualTo(0);
        assertThat(done.get()).isEqualTo(80);
        assertThat(number("select count(*) from tenfold_job")).isZero();
    }

    private static String key(Claimed job) {
        return Objects.requireNonNull(job.concurrencyKey);
    }

    @Test
    void a_retry_keeps_its_place() throws SQLException {
        enqueue(keyed("tenant", 1));
        enqueue(keyed("tenant", 1));
        List<Claimed> admitted = store.admit(claim(2), ME);
        store.retry(List.of(failed(admitted.get(0), MINUTE)), ME);
        assertThat(claim(2)).isEmpty();
        execute("update tenfold_job set run_at = 1 where admitted = true");
        List<Claimed> again = claim(2);
        assertThat(idsOf(again)).isEqualTo(idsOf(admitted));
        assertThat(again.get(0).admitted).isTrue();
    }

    @Test
    void the_most_urgent_parked_job_comes_first() throws SQLException {
        enqueue(keyed("tenant", 1));
        Claimed first = store.admit(claim(1), ME).get(0);
        enqueue(keyed("tenant", 1));
        Draft urgent = keyed("tenant", 1);
        urgent.priority = 0;
        long id = enqueue(urgent);
        assertThat(store.admit(claim(1), ME)).isEmpty();
        assertThat(store.admit(store.claim(new Lane(queue, 0), Lane.Cursor.START, new int[] {kind}, 1, ME, MINUTE), ME))
                .isEmpty();
        finish(List.of(first));
        assertThat(claim(1)).isEmpty();
        assertThat(idsOf(store.claim(new Lane(queue, 0), Lane.Cursor.START, new int[] {kind}, 1, ME, MINUTE)))
                .containsExactly(id);
    }

    @Test
    void upkeep_lets_parked_jobs_run_whose_place_was_never_given_away() throws SQLException {
        enqueue(keyed("tenant", 1));
        enqueue(keyed("tenant", 1));
        List<Claimed> admitted = store.admit(claim(2), ME);
        execute("delete from tenfold_job where id = " + admitted.get(0).id); // by hand
        assertThat(claim(1)).isEmpty();

        assertThat(store.mendConcurrency()).isEqualTo(1);
        List<Claimed> next = store.admit(claim(1), ME);
        assertThat(next).hasSize(1);
        assertThat(store.mendConcurrency()).isZero();
        finish(next);
        assertThat(store.mendConcurrency()).isEqualTo(1);
        assertThat(number("select count(*) from tenfold_job_concurrency")).isZero();
        enqueue(keyed("tenant", 1));
        assertThat(store.admit(claim(1), ME)).hasSize(1);
    }

    @Test
    void who_has_lost_the_lease_gets_no_place() throws SQLException {
        enqueue(keyed("tenant", 1));
        Claimed mine = claim(1).get(0);
        expire(mine);
        List<Claimed> theirs = claim(1, OTHER);
        assertThat(store.admit(List.of(mine), ME)).isEmpty();
        assertThat(store.admit(theirs, OTHER)).hasSize(1);
    }

    // ---- crash loops, cancellation, upkeep --------------------------------------------------------------------------

    @Test
    void a_job_whose_processes_died_each_time_is_buried() throws SQLException {
        Draft draft = keyed("tenant", 1);
        draft.maxAttempts = 2;
        long id = enqueue(draft);
        for (int i = 0; i < 2; i++) {
            Claimed job = claim(1).get(0);
            assertThat(store.buryCrashLoops(10)).isZero();
            store.admit(List.of(job), ME);
            expire(job);
        }
        enqueue(keyed("tenant", 1));
        assertThat(store.admit(claim(1), ME)).isEmpty();

        assertThat(store.buryCrashLoops(10)).isEqualTo(1);

        assertThat(number("select id from tenfold_job_dead where reason = 'CRASH_LOOP' and lease = 2"))
                .isEqualTo(id);
        assertThat(store.admit(claim(1), ME)).hasSize(1);
    }

    @Test
    void a_replayed_job_has_a_higher_lease_than_it_ever_had() throws SQLException {
        enqueue(draft());
        Claimed job = claim(1).get(0);
        store.bury(List.of(failed(job, 0)), ME, DeadReason.EXHAUSTED);
        execute("insert into tenfold_job (id, run_at, lease, created_at, queue_id, kind_id, priority, max_attempts,"
                + " payload_version, payload) select id, 1, lease, created_at, queue_id, kind_id, priority, max_attempts,"
                + " payload_version, payload from tenfold_job_dead");
        execute("delete from tenfold_job_dead");
        Claimed again = claim(1).get(0);
        assertThat(again.lease).isEqualTo(2);
        assertThat(finish(List.of(job))).isEmpty();
        assertThat(finish(List.of(again))).hasSize(1);
    }

    @Test
    void a_job_that_has_not_begun_is_removed_by_its_cancellation() throws SQLException {
        long callback = enqueue(waiting());
        Draft member = member(callback, 1, false);
        member.concurrencyKey = "tenant";
        member.limit = 1;
        long id = enqueue(member);
        assertThat(store.cancel(id, History.SUMMARY)).isEqualTo(JobStore.Cancelled.REMOVED);
        assertThat(store.cancel(id, History.SUMMARY)).isEqualTo(JobStore.Cancelled.UNKNOWN);
        assertThat(number("select count(*) from tenfold_job_history where outcome = 'CANCELLED'"))
                .isEqualTo(1);
        assertThat(idsOf(claim(10))).containsExactly(callback);
    }

    @Test
    void a_job_that_runs_is_asked_to_stop() throws SQLException {
        long id = enqueue(draft());
        Claimed job = claim(1).get(0);
        assertThat(store.cancel(id, History.OFF)).isEqualTo(JobStore.Cancelled.ASKED);
        assertThat(store.renew(new long[] {id}, new long[] {job.lease}, ME, MINUTE))
                .containsExactly(new JobStore.Renewed(id, true, true));
    }

    @Test
    void a_cancelled_retry_gives_its_place_away() throws SQLException {
        enqueue(keyed("tenant", 1));
        enqueue(keyed("tenant", 1));
        List<Claimed> both = claim(2);
        Claimed admitted = store.admit(both, ME).get(0);
        store.retry(List.of(failed(admitted, MINUTE)), ME);
        assertThat(store.cancel(admitted.id, History.OFF)).isEqualTo(JobStore.Cancelled.REMOVED);
        assertThat(number("select count(*) from tenfold_job_error")).isZero();
        assertThat(idsOf(claim(2))).containsExactly(both.get(1).id);
    }

    @Test
    void one_of_many_takes_a_turn() throws Exception {
        assertThat(parallel(8, thread -> store.takeTurn("prune", MINUTE))).containsOnlyOnce(true);
        assertThat(store.takeTurn("prune", MINUTE)).isFalse();
        execute("update tenfold_job_chore set next_at = 1");
        assertThat(parallel(8, thread -> store.takeTurn("prune", MINUTE))).containsOnlyOnce(true);
    }

    @Test
    void prune_forgets_what_has_expired() throws SQLException {
        insert(unique("old", MINUTE));
        execute("update tenfold_job_window set expires_at = 1");
        insert(unique("young", MINUTE));
        store.beat(1, "gone", 5, 10, 3, List.of("default"), List.of("a", "b"));
        execute("update tenfold_job_worker set seen_at = 1");
        store.beat(2, "there", 5, 10, 3, List.of("default"), List.of("a", "b"));
        store.beat(2, "there", 5, 10, 4, List.of("default", "mail"), List.of("a", "b"));
        List<Claimed> claimed = claim(2);
        store.finish(endings(claimed), ME, History.FULL, "DONE");
        execute("update tenfold_job_history set finished_at = 1 where id = " + claimed.get(0).id);

        assertThat(store.prune(0)).isEqualTo(2);
        assertThat(store.prune(JobStore.DAY)).isEqualTo(1);

        assertThat(number("select count(*) from tenfold_job_window")).isEqualTo(1);
        assertThat(number("select id from tenfold_job_worker where running = 4"))
                .isEqualTo(2);
        assertThat(number("select id from tenfold_job_history")).isEqualTo(claimed.get(1).id);
        store.leave(2);
        assertThat(number("select count(*) from tenfold_job_worker")).isZero();
    }

    // ---- any order --------------------------------------------------------------------------------------------------

    /** What the model knows of a job. */
    private static final class Model {
        long lease;
        int attempt;
        int failures;
        boolean leased;
        boolean delayed;

        @Nullable
        Claimed claimed;
    }

    @Test
    void two_hundred_random_operations_do_what_the_model_says() throws SQLException {
        long seed = 20_261_126;
        Random random = new Random(seed);
        Map<Long, Model> jobs = new TreeMap<>();
        Map<Long, Model> dead = new TreeMap<>();
        for (int step = 0; step < 200; step++) {
            String where = "seed " + seed + ", step " + step;
            List<Long> leased = jobs.entrySet().stream()
                    .filter(each -> each.getValue().leased)
                    .map(Map.Entry::getKey)
                    .toList();
            int dice = random.nextInt(9);
            if (dice < 2) {
                jobs.put(enqueue(draft()), new Model());
            } else if (dice < 4) {
                int limit = 1 + random.nextInt(4);
                long expected = jobs.values().stream()
                        .filter(each -> !each.leased && !each.delayed)
                        .count();
                List<Claimed> claimed = claim(limit);
                assertThat(claimed).as(where).hasSize((int) Math.min(limit, expected));
                for (Claimed each : claimed) {
                    Model model = Objects.requireNonNull(jobs.get(each.id), where);
                    assertThat(model.leased || model.delayed).as(where).isFalse();
                    model.leased = true;
                    model.claimed = each;
                    model.lease++;
                    model.attempt++;
                    assertThat(List.of(each.lease, (long) each.attempt, (long) each.failures))
                            .as(where)
                            .containsExactly(model.lease, (long) model.attempt, (long) model.failures);
                }
            } else if (!leased.isEmpty()) {
                long id = leased.get(random.nextInt(leased.size()));
                Model model = Objects.requireNonNull(jobs.get(id));
                end(random, dice, id, model, jobs, dead, where);
            }
            assertThat(number("select count(*) from tenfold_job")).as(where).isEqualTo(jobs.size());
            assertThat(number("select count(*) from tenfold_job_dead"))
                    .as(where)
                    .isEqualTo(dead.size());
            assertThat(number("select coalesce(sum(failures), 0) from tenfold_job"))
                    .as(where)
                    .isEqualTo(jobs.values().stream()
                            .mapToInt(each -> each.failures)
                            .sum());
        }
    }

    private void end(
            Random random, int dice, long id, Model model, Map<Long, Model> jobs, Map<Long, Model> dead, String where)
            throws SQLException {
        Claimed claimed = Objects.requireNonNull(model.claimed);
        boolean stranger = random.nextInt(4) == 0;
        long worker = stranger ? OTHER : ME;
        long delay = random.nextBoolean() ? 0 : 60 * MINUTE;
        long[] ended = switch (dice) {
            case 4 -> store.finish(List.of(ending(claimed)), worker, History.OFF, "DONE");
            case 5 -> store.retry(List.of(failed(claimed, delay)), worker);
            case 6 -> store.release(List.of(new JobStore.Ending(claimed, 0, delay, null)), worker);
            case 7 -> store.bury(List.of(failed(claimed, 0)), worker, DeadReason.EXHAUSTED);
            default -> lapse(claimed, stranger);
        };
        assertThat(ended).as(where).hasSize(stranger ? 0 : 1);
        if (stranger) {
            return;
        }
        model.leased = false;
        if (dice == 4) {
            jobs.remove(id);
        } else if (dice == 5) {
            model.failures++;
            model.delayed = delay > 0;
        } else if (dice == 6) {
            model.attempt--;
            model.delayed = delay > 0;
        } else if (dice == 7) {
            jobs.remove(id);
            dead.put(id, model);
        }
    }

    private long[] lapse(Claimed claimed, boolean stranger) throws SQLException {
        if (stranger) {
            return new long[0];
        }
        expire(claimed);
        return new long[] {claimed.id};
    }
}
