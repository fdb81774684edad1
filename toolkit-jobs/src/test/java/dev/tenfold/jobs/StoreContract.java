package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
            assertThat(store.lock(connection, job.id, job.lease, OTHER)).isFalse();
            assertThat(store.lock(connection, job.id, job.lease, ME)).isTrue();
            // Renewal does not wait for the handler's transaction.
            assertThat(store.renew(new long[] {job.id}, new long[] {job.lease}, ME, MINUTE))
                    .hasSize(1);
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
}
