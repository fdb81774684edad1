package dev.tenfold.jobs;

import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.SettableClock;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The contract on PostgreSQL, and what does not depend on the database. */
class PostgresEnqueueTest extends EnqueueContract {
    record Tree(@Nullable Object child) {}

    record Blob(String text) {}

    @Override
    String url() {
        return PostgresServer.shared().jdbcUrl(PostgresServer.shared().createDatabase());
    }

    // ---- bad input --------------------------------------------------------------------------------------------------

    @Test
    void bad_options_are_refused_before_the_database_is_asked() {
        counted.reset();

        refused(o -> o.queue(""), "queue");
        refused(o -> o.queue("a b"), "queue");
        refused(o -> o.queue("x".repeat(101)), "queue");
        refused(o -> o.delay(Duration.ofMillis(-1)), "delay");
        refused(o -> o.delay(ofDays(40_000)), "delay");
        refused(o -> o.runAt(Instant.EPOCH.minusMillis(1)), "runAt");
        refused(o -> o.runAt(Instant.MAX), "runAt");
        refused(o -> o.runAt(Instant.EPOCH).delay(ofHours(1)), "keep one");
        refused(o -> o.delay(ofHours(1)).runAt(Instant.EPOCH), "keep one");
        refused(o -> o.unique(""), "unique key");
        refused(o -> o.unique("x".repeat(1_001)), "unique key");
        refused(o -> o.uniqueFor(Duration.ZERO), "uniqueFor");
        refused(o -> o.uniqueFor(ofHours(-1), "key"), "uniqueFor");
        refused(o -> o.concurrencyKey("", 1), "concurrency key");
        refused(o -> o.concurrencyKey("x".repeat(201), 1), "concurrency key");
        refused(o -> o.concurrencyKey("k", 0), "concurrency limit 0");
        refused(o -> o.maxAttempts(0), "maxAttempts 0");
        refused(o -> o.maxAttempts(30_001), "maxAttempts 30001");
        refused(o -> o.header("", "v"), "header");
        refused(o -> o.header("a=b", "v"), "header");
        refused(o -> o.header("large", "x".repeat(4_097)), "4,096");

        assertThat(counted.statements()).isZero();
    }

    private void refused(UnaryOperator<EnqueueOptions> change, String message) {
        assertThatThrownBy(() -> jobs.enqueue(new SendReceipt(1), change))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void many_unique_jobs_are_refused() {
        counted.reset();

        assertThatThrownBy(() -> jobs.enqueueAll(List.of(new SendReceipt(1)), EnqueueOptions::unique))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("one by one");
        assertThatThrownBy(() -> jobs.chain(List.of(new SendReceipt(1)), o -> o.unique("a")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> jobs.batch(List.of(), new Publish(1), o -> o.members(EnqueueOptions::unique)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> jobs.batch(List.of(), new Publish(1), o -> o.callback(c -> c.delay(ofHours(1)))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("due when the members are done");
        assertThatThrownBy(() -> jobs.chain(List.of(), o -> o)).hasMessageContaining("at least one");
        assertThat(counted.statements()).isZero();
    }

    @Test
    @SuppressWarnings("NullAway")
    void what_is_no_job_is_refused() {
        Tree tree = new Tree(new Object());
        Runnable lambda = () -> {};
        counted.reset();

        assertThatThrownBy(() -> jobs.enqueue("text")).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> jobs.enqueue(UUID.randomUUID())).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> jobs.enqueue(List.of(1))).hasMessageContaining("make it a record");
        assertThatThrownBy(() -> jobs.enqueue(lambda)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> jobs.enqueue(null)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> jobs.enqueueAll(Arrays.asList(new SendReceipt(1), null)))
                .isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> jobs.enqueue(tree))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(Tree.class.getName())
                .hasMessageContaining("as JSON")
                .hasCauseInstanceOf(IOException.class);
        assertThat(counted.statements()).isZero();
    }

    @Test
    void a_payload_that_is_too_large_is_refused_and_a_large_one_taken() throws SQLException {
        Blob tooLarge = new Blob("x".repeat(1_024 * 1_024));
        assertThatThrownBy(() -> jobs.enqueue(tooLarge))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1048587 bytes")
                .hasMessageContaining("maxPayload");

        jobs.enqueue(new Blob("x".repeat(100_000))); // and warns once
        jobs.enqueue(new Blob("x".repeat(100_000)));
        assertThat(jobs()).isEqualTo(2);

        try (JobQueue small = JobQueue.on(pool, o -> o.maxPayload(1_024))) {
            assertThatThrownBy(() -> small.enqueue(new Blob("x".repeat(1_024))))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        try (JobQueue compressed =
                JobQueue.on(pool, o -> o.maxPayload(1_024).codec(PayloadCodec.compressed(PayloadCodec.json())))) {
            assertThat(compressed.enqueue(new Blob("x".repeat(10_000))).isNew()).isTrue(); // as stored, it counts
        }
    }

    @Test
    void bad_options_of_the_queue_are_refused() {
        for (Map.Entry<String, UnaryOperator<JobQueueOptions>> bad : Map.<String, UnaryOperator<JobQueueOptions>>of(
                        "schema", o -> o.schema("a;b"),
                        "keepHistory", o -> o.keepHistory(ofMinutes(1)),
                        "maxPayload", o -> o.maxPayload(0))
                .entrySet()) {
            counted.reset();
            assertThatThrownBy(() -> JobQueue.on(counted, bad.getValue()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(bad.getKey());
            assertThat(counted.connections()).isZero();
        }
    }

    @Test
    void a_database_without_the_tables_is_refused() {
        DataSource empty =
                PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());

        assertThatThrownBy(() -> JobQueue.on(empty)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_database_that_refuses_is_named_and_the_callers_transaction_left_alone() throws SQLException {
        jobs.enqueue(new SendReceipt(0));
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            connection.setReadOnly(true);

            assertThatThrownBy(() -> jobs.in(connection).enqueue(new SendReceipt(1)))
                    .isInstanceOf(JobException.class)
                    .hasMessageContaining("cannot enqueue send-receipt")
                    .hasCauseInstanceOf(SQLException.class);
            assertThat(connection.isClosed()).isFalse();
            connection.rollback();
        }
    }

    // ---- what options of the queue do -------------------------------------------------------------------------------

    @Test
    void tables_may_be_in_a_schema() throws SQLException {
        JobSchema.install(pool, "other");
        try (JobQueue other = JobQueue.on(pool, o -> o.schema("other"))) {
            other.enqueue(new SendReceipt(1), EnqueueOptions::unique);
            other.batch(List.of(new Render(1)), new Publish(1));
        }

        assertThat(number("select count(*) from other.tenfold_job")).isEqualTo(3);
        assertThat(jobs()).isZero();
    }

    @Test
    void a_clock_of_a_test_replaces_the_databases() throws SQLException {
        SettableClock clock = SettableClock.at(Instant.parse("2020-01-01T00:00:00Z"));
        try (JobQueue settable = JobQueue.on(pool, o -> o.clock(clock))) {
            long first = settable.enqueue(new SendReceipt(1)).id();
            clock.advance(ofHours(1));
            long second = settable.enqueue(new SendReceipt(2), o -> o.delay(ofMinutes(1)))
                    .id();

            assertThat(column("run_at", first)).isEqualTo(Times.micros(Instant.parse("2020-01-01T00:00:00Z")));
            assertThat(column("run_at", second)).isEqualTo(Times.micros(Instant.parse("2020-01-01T01:01:00Z")));
        }
    }

    @Test
    void kinds_have_the_names_and_versions_that_were_given() throws SQLException {
        try (JobQueue named = JobQueue.on(
                pool,
                o -> o.kind(
                        Kind.of(SendReceipt.class).named("receipt").version(3).alias("send-receipt")))) {
            long id = named.enqueue(new SendReceipt(1)).id();

            assertThat(ask("select name from tenfold_job_kind where id = " + column("kind_id", id)))
                    .isEqualTo("receipt");
            assertThat(column("payload_version", id)).isEqualTo(3);
        }
    }

    @Test
    void a_listener_adds_headers_and_may_refuse() throws SQLException {
        JobListener listener = new JobListener() {
            @Override
            public void enqueuing(String kind, String queue, Map<String, String> headers) {
                if (kind.equals("publish")) {
                    throw new IllegalStateException("not today");
                }
                headers.put("trace", kind + "@" + queue);
            }
        };
        try (JobQueue heard = JobQueue.on(pool, o -> o.listener(listener))) {
            long id =
                    heard.enqueue(new SendReceipt(1), o -> o.header("own", "1")).id();
            assertThat(ask("select headers from tenfold_job where id = " + id))
                    .isEqualTo("own=1&trace=send-receipt%40default");
            assertThatThrownBy(() -> heard.enqueue(new Publish(1))).hasMessage("not today");
        }
        assertThat(jobs()).isEqualTo(1);
    }

    @Test
    void a_unique_job_is_recognised_though_it_is_encrypted() {
        PayloadCodec codec = PayloadCodec.encrypted(PayloadCodec.json(), PayloadKeys.of(1, new byte[32]));
        try (JobQueue secret = JobQueue.on(pool, o -> o.codec(codec))) {
            assertThat(secret.enqueue(new SendReceipt(7), EnqueueOptions::unique)
                            .isNew())
                    .isTrue();
            assertThat(secret.enqueue(new SendReceipt(7), EnqueueOptions::unique)
                            .isNew())
                    .isFalse();
        }
    }
}
