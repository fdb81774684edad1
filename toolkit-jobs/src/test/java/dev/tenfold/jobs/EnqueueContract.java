package dev.tenfold.jobs;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What enqueuing promises, on each database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class EnqueueContract {
    record SendReceipt(long orderId) {}

    record Render(int page) {}

    @JobKind("publish")
    record Publish(long book) {}

    /** Notes what it is told. */
    static final class Bell implements Wakeups.Sleeper {
        final BlockingQueue<String> rung = new LinkedBlockingQueue<>();

        @Override
        public void wake(@Nullable Lane lane) {
            rung.add(lane == null ? "all" : lane.queue() + ":" + lane.priority());
        }

        @Override
        public void cancelled(long id) {
            rung.add("cancelled " + id);
        }

        /** The next thing heard, within a time that only a broken bell misses. */
        String next() throws InterruptedException {
            String next = rung.poll(Await.LIMIT.toSeconds(), TimeUnit.SECONDS);
            return next == null ? "nothing" : next;
        }
    }

    HikariDataSource pool;
    CountingDataSource counted;
    JobQueue jobs;

    abstract String url();

    @BeforeAll
    void open() {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url());
        config.setMaximumPoolSize(8);
        config.setMinimumIdle(1);
        pool = new HikariDataSource(config);
        JobSchema.install(pool);
    }

    @AfterAll
    void close() {
        pool.close();
    }

    @BeforeEach
    void begin() throws SQLException {
        counted = CountingDataSource.of(pool);
        jobs = JobQueue.on(counted, o -> o.notifies(false));
        for (String table : List.of("", "_batch", "_window", "_dead")) {
            sql("delete from tenfold_job" + table);
        }
    }

    @AfterEach
    void end() {
        jobs.close();
    }

    // ---- means ------------------------------------------------------------------------------------------------------

    void sql(String sql) throws SQLException {
        try (Connection connection = pool.getConnection();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Nullable
    Object ask(String sql) throws SQLException {
        try (Connection connection = pool.getConnection();
                var statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getObject(1) : null;
        }
    }

    long number(String sql) throws SQLException {
        return ask(sql) instanceof Number number ? number.longValue() : -1;
    }

    long column(String column, long id) throws SQLException {
        return number("select " + column + " from tenfold_job where id = " + id);
    }

    long jobs() throws SQLException {
        return number("select count(*) from tenfold_job");
    }

    String payload(long id) throws SQLException {
        try (Connection connection = pool.getConnection();
                var statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select payload from tenfold_job where id = " + id)) {
            rows.next();
            return new String(rows.getBytes(1), java.nio.charset.StandardCharsets.UTF_8);
        }
    }

    long nowMicros() throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return jobs.db.currentMicros(connection);
        }
    }

    String lane(String queue, Priority priority) {
        return jobs.kinds.queueId(queue) + ":" + priority.level();
    }

    // ---- one --------------------------------------------------------------------------------------------------------

    @Test
    void a_job_is_one_row_with_the_defaults() throws SQLException {
        long before = nowMicros();
        Enqueued enqueued = jobs.enqueue(new SendReceipt(7));

        assertThat(enqueued.isNew()).isTrue();
        long id = enqueued.id();
        assertThat(payload(id)).isEqualTo("{\"orderId\":7}");
        assertThat(column("run_at", id)).isBetween(before, nowMicros());
        assertThat(column("priority", id)).isEqualTo(2);
        assertThat(column("max_attempts", id)).isEqualTo(25);
        assertThat(column("payload_version", id)).isEqualTo(1);
        assertThat(ask("select name from tenfold_job_queue where id = " + column("queue_id", id)))
                .isEqualTo("default");
        assertThat(ask("select name from tenfold_job_kind where id = " + column("kind_id", id)))
                .isEqualTo("send-receipt");
        assertThat(ask("select headers from tenfold_job where id = " + id)).isNull();
        assertThat(ask("select unique_key from tenfold_job where id = " + id)).isNull();
        assertThat(ask("select concurrency_key from tenfold_job where id = " + id))
                .isNull();
    }

    @Test
    void a_plain_enqueue_is_one_statement() {
        jobs.enqueue(new SendReceipt(1)); // names are looked up once
        counted.reset();

        jobs.enqueue(new SendReceipt(2));
        jobs.enqueue(
                new SendReceipt(3),
                o -> o.priority(Priority.HIGH).delay(ofMinutes(1)).header("a", "b"));

        assertThat(counted.sql()).hasSize(2).allMatch(sql -> sql.startsWith("insert into tenfold_job"));
    }

    @Test
    void each_option_has_its_column() throws SQLException {
        long before = nowMicros();
        long id = jobs.enqueue(
                        new SendReceipt(7),
                        o -> o.queue("mail")
                                .priority(Priority.HIGH)
                                .delay(ofMinutes(5))
                                .concurrencyKey("tenant-7", 3)
                                .header("k", "v & w")
                                .header("a", "1")
                                .maxAttempts(5))
                .id();

        assertThat(column("run_at", id) - ofMinutes(5).toMillis() * 1_000).isBetween(before, nowMicros());
        assertThat(column("priority", id)).isEqualTo(1);
        assertThat(column("max_attempts", id)).isEqualTo(5);
        assertThat(column("concurrency_limit", id)).isEqualTo(3);
        assertThat(ask("select concurrency_key from tenfold_job where id = " + id))
                .isEqualTo("tenant-7");
        assertThat(ask("select name from tenfold_job_queue where id = " + column("queue_id", id)))
                .isEqualTo("mail");
        try (Connection connection = pool.getConnection();
                var statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select headers from tenfold_job where id = " + id)) {
            rows.next();
            assertThat(Headers.decode(rows.getString(1))).isEqualTo(Map.of("k", "v & w", "a", "1"));
        }
        Instant time = Instant.parse("2031-02-03T04:05:06.123456Z");
        long later = jobs.enqueue(new SendReceipt(8), o -> o.runAt(time)).id();
        assertThat(column("run_at", later)).isEqualTo(Times.micros(time));
    }

    @Test
    void a_unique_job_is_enqueued_once_and_the_first_one_named() throws SQLException {
        Enqueued first = jobs.enqueue(new SendReceipt(7), EnqueueOptions::unique);
        Enqueued again = jobs.enqueue(new SendReceipt(7), EnqueueOptions::unique);
        Enqueued other = jobs.enqueue(new SendReceipt(8), EnqueueOptions::unique);
        Enqueued otherKind = jobs.enqueue(new Publish(7), o -> o.unique("order-7"));
        Enqueued byKey = jobs.enqueue(new SendReceipt(9), o -> o.unique("order-7"));
        Enqueued byKeyAgain = jobs.enqueue(new SendReceipt(10), o -> o.unique("order-7"));

        assertThat(again).isEqualTo(new Enqueued(first.id(), false));
        assertThat(other.isNew()).isTrue();
        assertThat(otherKind.isNew()).isTrue();
        assertThat(byKey.isNew()).isTrue();
        assertThat(byKeyAgain).isEqualTo(new Enqueued(byKey.id(), false));
        assertThat(jobs()).isEqualTo(4);
    }

    @Test
    void of_many_that_enqueue_a_unique_job_at_once_one_does() throws Exception {
        List<CompletableFuture<Enqueued>> all = IntStream.range(0, 6)
                .mapToObj(i ->
                        CompletableFuture.supplyAsync(() -> jobs.enqueue(new SendReceipt(7), o -> o.unique("one"))))
                .toList();
        List<Enqueued> met = new ArrayList<>();
        for (CompletableFuture<Enqueued> each : all) {
            met.add(each.get(30, TimeUnit.SECONDS));
        }

        assertThat(met.stream().filter(Enqueued::isNew)).hasSize(1);
        assertThat(met.stream().map(Enqueued::id).distinct()).hasSize(1);
    }

    @Test
    void a_job_unique_for_a_time_is_refused_even_when_it_is_done() throws SQLException {
        Enqueued first = jobs.enqueue(new SendReceipt(7), o -> o.uniqueFor(ofHours(1)));
        Enqueued byKey = jobs.enqueue(new SendReceipt(7), o -> o.uniqueFor(ofHours(1), "key"));
        sql("delete from tenfold_job");

        assertThat(jobs.enqueue(new SendReceipt(7), o -> o.uniqueFor(ofHours(1))))
                .isEqualTo(new Enqueued(first.id(), false));
        assertThat(jobs.enqueue(new SendReceipt(8), o -> o.uniqueFor(ofHours(1), "key")))
                .isEqualTo(new Enqueued(byKey.id(), false));
        sql("update tenfold_job_window set expires_at = 1");
        assertThat(jobs.enqueue(new SendReceipt(7), o -> o.uniqueFor(ofHours(1)))
                        .isNew())
                .isTrue();
    }

    // ---- many -------------------------------------------------------------------------------------------------------

    @Test
    void many_jobs_take_a_statement_a_kind() throws SQLException {
        jobs.enqueue(new SendReceipt(0));
        jobs.enqueue(new Render(0));
        List<Object> many = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            many.add(new SendReceipt(i));
            many.add(new Render(i));
        }
        counted.reset();

        assertThat(jobs.enqueueAll(many, o -> o.priority(Priority.LOW))).isEqualTo(600);

        assertThat(counted.sql().stream().filter(sql -> sql.startsWith("insert into")))
                .hasSize(2);
        assertThat(number("select count(*) from tenfold_job where priority = 3"))
                .isEqualTo(600);
        assertThat(jobs.enqueueAll(List.of())).isZero();
    }

    @Test
    void a_stream_is_enqueued_in_pieces() throws SQLException {
        int many = Enqueuer.PIECE + 1;

        assertThat(jobs.enqueueAll(IntStream.range(0, many).mapToObj(Render::new)))
                .isEqualTo(many);

        assertThat(jobs()).isEqualTo(many);
    }

    @Test
    void of_a_collection_with_one_bad_job_nothing_is_enqueued_nor_asked() throws SQLException {
        jobs.enqueue(new SendReceipt(0));
        counted.reset();

        assertThatThrownBy(() -> jobs.enqueueAll(List.of(new SendReceipt(1), "no job")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("java.lang.String");

        assertThat(counted.statements()).isZero();
        assertThat(jobs()).isEqualTo(1);
    }

    // ---- one after another ------------------------------------------------------------------------------------------

    @Test
    void a_chain_waits_link_by_link() throws SQLException {
        List<Enqueued> chain = jobs.chain(new SendReceipt(1), new Render(2), new Publish(3));

        assertThat(chain).hasSize(3);
        long a = chain.get(0).id();
        long b = chain.get(1).id();
        long c = chain.get(2).id();
        assertThat(payload(a)).contains("orderId");
        assertThat(column("run_at", a)).isLessThanOrEqualTo(nowMicros());
        assertThat(column("run_at", b)).isEqualTo(Times.WAITING);
        assertThat(column("run_at", c)).isEqualTo(Times.WAITING);
        assertThat(number("select callback_id from tenfold_job_batch where id = " + column("batch_id", a)))
                .isEqualTo(b);
        assertThat(number("select callback_id from tenfold_job_batch where id = " + column("batch_id", b)))
                .isEqualTo(c);
        assertThat(ask("select batch_id from tenfold_job where id = " + c)).isNull();
        assertThat(number("select sum(pending) from tenfold_job_batch")).isEqualTo(2);
    }

    @Test
    void a_batch_has_a_callback_that_waits_for_its_members() throws SQLException {
        Enqueued callback = jobs.batch(
                List.of(new Render(1), new Render(2), new SendReceipt(3)),
                new Publish(7),
                o -> o.members(m -> m.queue("render"))
                        .callback(c -> c.priority(Priority.HIGH))
                        .runsAnyway());

        assertThat(column("run_at", callback.id())).isEqualTo(Times.WAITING);
        assertThat(column("priority", callback.id())).isEqualTo(1);
        long batch = number("select id from tenfold_job_batch where callback_id = " + callback.id());
        assertThat(number("select pending from tenfold_job_batch")).isEqualTo(3);
        assertThat(number("select count(*) from tenfold_job_batch where runs_anyway"))
                .isEqualTo(1);
        assertThat(number("select count(*) from tenfold_job where batch_id = " + batch))
                .isEqualTo(3);
        assertThat(number("select count(*) from tenfold_job where queue_id = " + jobs.kinds.queueId("render")))
                .isEqualTo(3);
    }

    @Test
    void a_batch_without_members_is_due_at_once() throws SQLException {
        Enqueued callback = jobs.batch(List.of(), new Publish(7));

        assertThat(column("run_at", callback.id())).isLessThanOrEqualTo(nowMicros());
        assertThat(number("select count(*) from tenfold_job_batch")).isZero();
    }

    // ---- in the caller's transaction --------------------------------------------------------------------------------

    @Test
    void what_the_caller_rolls_back_never_was() throws SQLException {
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            Enqueuer in = jobs.in(connection);
            in.enqueue(new SendReceipt(1));
            in.enqueue(new SendReceipt(2), o -> o.uniqueFor(ofHours(1)));
            in.enqueueAll(List.of(new SendReceipt(3), new SendReceipt(4)));
            in.chain(new Render(1), new Render(2));
            in.batch(List.of(new Render(1)), new Publish(1));
            connection.rollback();
        }

        assertThat(jobs()).isZero();
        assertThat(number("select count(*) from tenfold_job_batch")).isZero();
        assertThat(number("select count(*) from tenfold_job_window")).isZero();
    }

    @Test
    void what_the_caller_commits_is_there_and_wakes_who_sleeps() throws Exception {
        Bell bell = new Bell();
        jobs.wakeups.add(bell);
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            jobs.in(connection).enqueue(new SendReceipt(1), o -> o.queue("mail"));
            assertThat(jobs()).isZero();
            assertThat(bell.rung).isEmpty();

            connection.commit();
            long committed = System.nanoTime();
            assertThat(bell.next()).isEqualTo(lane("mail", Priority.NORMAL));
            assertThat(Duration.ofNanos(System.nanoTime() - committed)).isLessThan(Duration.ofSeconds(5));
        }
        assertThat(jobs()).isEqualTo(1);
    }

    @Test
    void many_in_the_callers_transaction_wake_as_well() throws Exception {
        Bell bell = new Bell();
        jobs.wakeups.add(bell);
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            assertThat(jobs.in(connection).enqueueAll(List.of(new Render(1), new Render(2), new SendReceipt(3))))
                    .isEqualTo(3);
            connection.commit();
        }

        assertThat(bell.next()).isEqualTo(lane("default", Priority.NORMAL));
        assertThat(jobs()).isEqualTo(3);
    }

    @Test
    void a_duplicate_does_not_spoil_the_callers_transaction() throws SQLException {
        Enqueued first = jobs.enqueue(new SendReceipt(7), EnqueueOptions::unique);
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            assertThat(jobs.in(connection).enqueue(new SendReceipt(7), EnqueueOptions::unique))
                    .isEqualTo(new Enqueued(first.id(), false));
            jobs.in(connection).enqueue(new SendReceipt(8), EnqueueOptions::unique);
            connection.commit();
        }

        assertThat(jobs()).isEqualTo(2);
    }

    @Test
    void jooqs_transaction_is_joined() throws Exception {
        Bell bell = new Bell();
        jobs.wakeups.add(bell);
        var dsl = DSL.using(pool, jobs.db.dialect);

        assertThatThrownBy(() -> dsl.transaction(trx -> {
                    jobs.in(trx.dsl()).enqueue(new SendReceipt(1));
                    throw new IllegalStateException("rolls back");
                }))
                .hasMessageContaining("rolls back");
        assertThat(jobs()).isZero();
        dsl.transaction(trx -> {
            jobs.in(trx.dsl()).enqueue(new SendReceipt(2));
            jobs.in(trx.dsl()).chain(new Render(1), new Render(2));
        });

        assertThat(jobs()).isEqualTo(3);
        assertThat(bell.next()).isEqualTo(lane("default", Priority.NORMAL));
    }

    @Test
    void a_connection_in_autocommit_mode_takes_single_statements_only() throws Exception {
        Bell bell = new Bell();
        jobs.wakeups.add(bell);
        try (Connection connection = pool.getConnection()) {
            Enqueuer in = jobs.in(connection);
            in.enqueue(new SendReceipt(1));
            assertThat(bell.rung).containsExactly(lane("default", Priority.NORMAL)); // before it returned

            assertThatThrownBy(() -> in.chain(new Render(1), new Render(2)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("autocommit");
            assertThatThrownBy(() -> in.batch(List.of(new Render(1)), new Render(2)))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> in.enqueue(new Render(1), o -> o.uniqueFor(ofHours(1))))
                    .isInstanceOf(IllegalStateException.class);
        }
        assertThat(jobs()).isEqualTo(1);
    }

    @Test
    void nothing_but_inserts_is_done_to_the_callers_connection() throws SQLException {
        jobs.enqueue(new SendReceipt(0));
        jobs.wakeups.add(new Bell());
        CountingDataSource callers = CountingDataSource.of(pool);
        try (Connection connection = callers.getConnection()) {
            connection.setAutoCommit(false);
            jobs.in(connection).enqueue(new SendReceipt(1));
            jobs.in(connection).enqueueAll(List.of(new SendReceipt(2), new SendReceipt(3)));
            assertThat(callers.sql()).isNotEmpty().allMatch(sql -> sql.startsWith("insert into tenfold_job"));
            connection.rollback();
        }
    }

    // ---- waking -----------------------------------------------------------------------------------------------------

    @Test
    void what_is_due_wakes_its_lane_and_what_is_not_does_not() throws Exception {
        Bell bell = new Bell();
        jobs.wakeups.add(bell);

        jobs.enqueue(new SendReceipt(1), o -> o.delay(ofHours(1)));
        jobs.enqueue(new SendReceipt(1), o -> o.runAt(Instant.parse("2260-01-01T00:00:00Z")));
        jobs.enqueue(new SendReceipt(1), o -> o.unique());
        jobs.enqueue(new SendReceipt(1), o -> o.unique());
        jobs.enqueue(new SendReceipt(1), o -> o.runAt(Instant.EPOCH).priority(Priority.URGENT));
        jobs.chain(new Render(1), new Render(2));
        jobs.batch(List.of(new Render(1)), new Render(2), o -> o.members(m -> m.queue("render")));
        jobs.enqueueAll(List.of(new Render(1), new Render(2)), o -> o.queue("many"));
        jobs.wake();

        assertThat(bell.rung)
                .containsExactly(
                        lane("default", Priority.NORMAL),
                        lane("default", Priority.URGENT),
                        lane("default", Priority.NORMAL),
                        lane("render", Priority.NORMAL),
                        lane("many", Priority.NORMAL),
                        "all");
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    @Test
    void a_job_that_waits_is_removed_and_one_that_runs_is_asked_to_stop() throws Exception {
        Bell bell = new Bell();
        long waiting = jobs.enqueue(new SendReceipt(1)).id();
        long running = jobs.enqueue(new SendReceipt(2)).id();
        sql("update tenfold_job set lease = 1, attempt = 1, worker = 5, lease_until = " + (nowMicros() + 60_000_000L)
                + " where id = " + running);
        jobs.wakeups.add(bell);

        assertThat(jobs.cancel(waiting)).isEqualTo(JobQueue.Cancelled.REMOVED);
        assertThat(jobs.cancel(running)).isEqualTo(JobQueue.Cancelled.ASKED);
        assertThat(jobs.cancel(waiting)).isEqualTo(JobQueue.Cancelled.UNKNOWN);

        assertThat(column("id", waiting)).isEqualTo(-1);
        assertThat(bell.rung).containsExactly("all", "cancelled " + running);
    }

    @Test
    void queues_and_kinds_are_paused_and_resumed() throws SQLException {
        jobs.pause("never-seen");
        jobs.pauseKind(Publish.class);
        assertThat(number("select count(*) from tenfold_job_queue where paused"))
                .isEqualTo(1);
        assertThat(ask("select name from tenfold_job_kind where paused")).isEqualTo("publish");

        jobs.resume("never-seen");
        jobs.resumeKind(Publish.class);
        assertThat(number("select count(*) from tenfold_job_queue where paused"))
                .isZero();
        assertThat(number("select count(*) from tenfold_job_kind where paused")).isZero();
    }

    @Test
    void a_closed_queue_refuses_everything() {
        jobs.close();

        assertThatThrownBy(() -> jobs.enqueue(new SendReceipt(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> jobs.enqueueAll(List.of(new SendReceipt(1))))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> jobs.cancel(1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> jobs.pause("mail")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(jobs::wake).isInstanceOf(IllegalStateException.class);
        assertThat(pool.isClosed()).isFalse();
    }
}
