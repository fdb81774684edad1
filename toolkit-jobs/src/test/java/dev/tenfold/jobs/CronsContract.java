package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.SettableClock;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What crons promise, on each database. Time is a clock that the tests move. */
abstract class CronsContract {
    private static final ZoneId PARIS = ZoneId.of("Europe/Paris");
    private static final Instant NOON = Instant.parse("2026-05-04T12:00:00Z"); // a Monday

    record Rollup(String table) {}

    private record Stored(String kind, String queue, int priority, int maxAttempts, String payload, String headers) {
        Map<String, String> header() {
            return Headers.decode(headers);
        }

        String at() {
            return header().getOrDefault("cron-at", "none");
        }
    }

    private final SettableClock clock = SettableClock.at(NOON);
    private final List<JobQueue> opened = new ArrayList<>();
    private final DataSource dataSource;
    private final JobQueue jobs;

    /** @param dataSource of a database with the schema, which the class's tests share */
    CronsContract(DataSource dataSource) {
        this.dataSource = dataSource;
        jobs = open(new JobListener() {});
    }

    @BeforeEach
    void empty() throws SQLException {
        execute("delete from tenfold_job");
        execute("delete from tenfold_job_cron");
    }

    private JobQueue open(JobListener listener) {
        JobQueue queue = JobQueue.on(dataSource, o -> o.clock(clock).listener(listener));
        opened.add(queue);
        return queue;
    }

    @AfterEach
    void close() {
        opened.forEach(JobQueue::close);
    }

    private List<Stored> stored() throws SQLException {
        try (var connection = dataSource.getConnection();
                var statement = connection.createStatement();
                var rows =
                        statement.executeQuery("select k.name, q.name, j.priority, j.max_attempts, j.payload, j.headers"
                                + " from tenfold_job j join tenfold_job_kind k on k.id = j.kind_id"
                                + " join tenfold_job_queue q on q.id = j.queue_id order by j.id")) {
            List<Stored> stored = new ArrayList<>();
            while (rows.next()) {
                stored.add(new Stored(
                        rows.getString(1),
                        rows.getString(2),
                        rows.getInt(3),
                        rows.getInt(4),
                        new String(rows.getBytes(5), java.nio.charset.StandardCharsets.UTF_8),
                        rows.getString(6)));
            }
            return stored;
        }
    }

    private void execute(String sql) throws SQLException {
        try (var connection = dataSource.getConnection();
                var statement = connection.createStatement()) {
            boolean unused = statement.execute(sql);
        }
    }

    /** Fires until nothing is due; returns the wait until the next. */
    private Duration fire() throws SQLException {
        long wait = 0;
        while (wait == 0) {
            wait = jobs.crons().fireDue();
        }
        return Duration.ofNanos(wait * 1_000);
    }

    private static Instant at(String time) {
        return Instant.parse("2026-05-" + time + ":00Z");
    }

    // ---- firing -----------------------------------------------------------------------------------------------------

    @Test
    void a_fire_enqueues_one_job_as_registered() throws SQLException {
        jobs.cron(
                "nightly",
                "0 2 * * *",
                PARIS,
                new Rollup("sales"),
                o -> o.queue("reports").priority(Priority.LOW).maxAttempts(3).header("tenant", "a b"));
        clock.set(at("05T00:00"));

        Duration unused = fire();

        assertThat(stored())
                .singleElement()
                .satisfies(job -> assertThat(job.header())
                        .isEqualTo(Map.of("tenant", "a b", "cron", "nightly", "cron-at", "2026-05-05T00:00:00Z")))
                .satisfies(job -> assertThat(job.payload()).isEqualTo("{\"table\":\"sales\"}"))
                .satisfies(job -> assertThat(List.of(job.kind(), job.queue(), job.priority(), job.maxAttempts()))
                        .isEqualTo(List.of("rollup", "reports", 3, 3)));
    }

    @Test
    void nothing_fires_before_it_is_due() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:00").minusMillis(1));

        assertThat(fire()).isEqualTo(Duration.ofMillis(1));
        assertThat(stored()).isEmpty();
    }

    @Test
    void the_wait_until_the_next_is_five_seconds_at_most() throws SQLException {
        assertThat(fire()).isEqualTo(Duration.ofSeconds(5));
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));

        assertThat(fire()).isEqualTo(Duration.ofSeconds(5));
    }

    @Test
    void fires_within_the_grace_are_made_up_for_one_by_one() throws SQLException {
        jobs.cron("often", "*/20 * * * * *", ZoneOffset.UTC, new Rollup("sales"), o -> o.misfire(Misfire.SKIP));
        clock.set(NOON.plusSeconds(61));

        assertThat(fire()).isEqualTo(Duration.ofSeconds(5));
        assertThat(stored())
                .extracting(Stored::at)
                .containsExactly("2026-05-04T12:00:20Z", "2026-05-04T12:00:40Z", "2026-05-04T12:01:00Z");
    }

    @Test
    void a_fire_rings_the_lane_of_its_job() throws SQLException {
        AtomicReference<Lane> woken = new AtomicReference<>();
        jobs.wakeups.add(new Wakeups.Sleeper() {
            @Override
            public void wake(@Nullable Lane lane) {
                woken.set(lane);
            }

            @Override
            public void cancelled(long id) {}
        });
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"), o -> o.queue("reports"));
        clock.set(at("05T00:00"));

        Duration unused = fire();

        assertThat(woken.get()).isEqualTo(new Lane(jobs.kinds.queueId("reports"), 2));
    }

    @Test
    void a_fire_whose_job_cannot_be_inserted_is_due_still() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:00"));
        execute("alter table tenfold_job rename to tenfold_job_gone");
        assertThatThrownBy(this::fire).isInstanceOf(SQLException.class);
        execute("alter table tenfold_job_gone rename to tenfold_job");

        Duration unused = fire();

        assertThat(stored()).extracting(Stored::at).containsExactly("2026-05-05T00:00:00Z");
    }

    @Test
    void a_cron_that_cannot_be_read_does_not_hold_up_the_others() throws SQLException {
        jobs.cron("a", "0 2 * * *", PARIS, new Rollup("a"));
        jobs.cron("b", "0 2 * * *", PARIS, new Rollup("b"));
        execute("update tenfold_job_cron set zone = 'Moon/Tranquility' where name = 'a'");
        clock.set(at("05T00:00"));

        assertThatThrownBy(this::fire).isInstanceOf(SQLException.class).hasStackTraceContaining("Moon/Tranquility");

        assertThat(stored()).extracting(job -> job.header().get("cron")).containsExactly("b");
        assertThat(jobs.crons().list().get(0).next()).isEmpty();
    }

    @Test
    void many_nodes_fire_each_time_once() throws Exception {
        int nodes = 4;
        int fires = 15;
        jobs.cron("a", "* * * * * *", ZoneOffset.UTC, new Rollup("a"));
        jobs.cron("b", "* * * * * *", ZoneOffset.UTC, new Rollup("b"));
        clock.set(NOON.plusSeconds(fires));
        CyclicBarrier start = new CyclicBarrier(nodes);
        ExecutorService threads = Executors.newFixedThreadPool(nodes);
        try {
            List<Future<Void>> done = new ArrayList<>();
            for (int i = 0; i < nodes; i++) {
                JobQueue node = open(new JobListener() {});
                done.add(threads.submit(() -> {
                    int unused = start.await();
                    while (node.crons().fireDue() == 0) {}
                    return null;
                }));
            }
            for (Future<Void> each : done) {
                each.get();
            }
        } finally {
            threads.shutdownNow();
        }

        List<String> all = stored().stream()
                .map(job -> job.header().get("cron") + " " + job.at())
                .toList();
        assertThat(all).hasSize(2 * fires);
        assertThat(new HashSet<>(all)).hasSize(2 * fires);
    }

    // ---- misfires ---------------------------------------------------------------------------------------------------

    private List<String> missed(Misfire misfire, Duration late) throws SQLException {
        jobs.cron("hourly", "0 * * * *", ZoneOffset.UTC, new Rollup("sales"), o -> o.misfire(misfire));
        clock.set(NOON.plus(Duration.ofHours(6)).plus(late));
        Duration unused = fire();
        assertThat(jobs.crons().next("hourly", 1)).containsExactly(NOON.plus(Duration.ofHours(7)));
        return stored().stream().map(Stored::at).toList();
    }

    @Test
    void by_default_the_latest_missed_fire_is_made_up_for() throws SQLException {
        assertThat(missed(Misfire.FIRE_ONCE, Duration.ofMinutes(10))).containsExactly("2026-05-04T18:00:00Z");
        assertThat(CronOptions.DEFAULT.misfire).isEqualTo(Misfire.FIRE_ONCE);
    }

    @Test
    void missed_fires_can_be_skipped() throws SQLException {
        assertThat(missed(Misfire.SKIP, Duration.ofMinutes(10))).isEmpty();
    }

    @Test
    void one_that_is_hardly_late_is_not_skipped_with_the_others() throws SQLException {
        assertThat(missed(Misfire.SKIP, Duration.ofSeconds(50))).containsExactly("2026-05-04T18:00:00Z");
    }

    @Test
    void the_latest_missed_fires_can_be_made_up_for() throws SQLException {
        assertThat(missed(Misfire.fireAll(3), Duration.ofMinutes(10)))
                .containsExactly("2026-05-04T16:00:00Z", "2026-05-04T17:00:00Z", "2026-05-04T18:00:00Z");
    }

    @Test
    void no_more_are_made_up_for_than_were_missed() throws SQLException {
        assertThat(missed(Misfire.fireAll(100), Duration.ofMinutes(10))).hasSize(6);
    }

    @Test
    void years_of_missed_seconds_take_little_time() throws SQLException {
        jobs.cron("often", "* * * * * *", PARIS, new Rollup("sales"), o -> o.misfire(Misfire.fireAll(2)));
        clock.set(Instant.parse("2036-05-04T12:00:00Z"));

        Duration unused = fire();

        assertThat(stored()).extracting(Stored::at).containsExactly("2036-05-04T11:59:59Z", "2036-05-04T12:00:00Z");
    }

    // ---- registration -----------------------------------------------------------------------------------------------

    @Test
    void a_fire_that_is_due_while_a_new_version_starts_is_not_lost() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:10"));
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("orders"), o -> o.maxAttempts(7));

        Duration unused = fire();

        assertThat(stored())
                .singleElement()
                .satisfies(job -> assertThat(job.at()).isEqualTo("2026-05-05T00:00:00Z"))
                .satisfies(job -> assertThat(job.payload()).contains("orders"))
                .satisfies(job -> assertThat(job.maxAttempts()).isEqualTo(7));
    }

    @Test
    void another_expression_or_zone_counts_from_now_on() {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:10"));

        jobs.cron("nightly", "0 3 * * *", PARIS, new Rollup("sales"));
        assertThat(jobs.crons().next("nightly", 1)).containsExactly(at("05T01:00"));

        jobs.cron("nightly", "0 3 * * *", ZoneOffset.UTC, new Rollup("sales"));
        assertThat(jobs.crons().next("nightly", 1)).containsExactly(at("05T03:00"));
    }

    @Test
    void nodes_that_register_the_same_name_at_once_leave_one_cron() throws Exception {
        int nodes = 4;
        CyclicBarrier start = new CyclicBarrier(nodes);
        ExecutorService threads = Executors.newFixedThreadPool(nodes);
        try {
            List<Future<Void>> done = new ArrayList<>();
            for (int i = 0; i < nodes; i++) {
                done.add(threads.submit(() -> {
                    int unused = start.await();
                    for (int name = 0; name < 5; name++) {
                        jobs.cron("cron-" + name, "0 2 * * *", PARIS, new Rollup("sales"));
                    }
                    return null;
                }));
            }
            for (Future<Void> each : done) {
                each.get();
            }
        } finally {
            threads.shutdownNow();
        }

        assertThat(jobs.crons().list()).hasSize(5);
    }

    @Test
    void bad_input_is_refused_and_changes_nothing() {
        Rollup payload = new Rollup("sales");

        assertThatThrownBy(() -> jobs.cron("night ly", "0 2 * * *", PARIS, payload))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("night ly");
        assertThatThrownBy(() -> jobs.cron("nightly", "0 25 * * *", PARIS, payload))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("25 not in range");
        assertThatThrownBy(() -> jobs.cron("nightly", "0 0 31 2 *", PARIS, payload))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("never fire");
        assertThatThrownBy(() -> jobs.cron("nightly", "0 2 * * *", PARIS, "a string"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> jobs.cron("nightly", "0 2 * * *", PARIS, payload, o -> o.queue("no queue")))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Misfire.fireAll(0)).isInstanceOf(IllegalArgumentException.class);

        assertThat(jobs.crons().list()).isEmpty();
    }

    // ---- from outside -----------------------------------------------------------------------------------------------

    @Test
    void a_paused_cron_does_not_fire() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        assertThat(jobs.crons().pause("nightly")).isTrue();
        clock.set(at("05T00:00"));

        assertThat(fire()).isEqualTo(Duration.ofSeconds(5));
        assertThat(stored()).isEmpty();
    }

    @Test
    void a_registration_leaves_a_paused_cron_paused() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        boolean unused = jobs.crons().pause("nightly");

        jobs.cron("nightly", "0 3 * * *", PARIS, new Rollup("sales"));

        assertThat(jobs.crons().list()).singleElement().matches(CronEntry::paused);
    }

    @Test
    void what_was_missed_while_paused_is_not_made_up_for() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"), o -> o.misfire(Misfire.fireAll(10)));
        boolean paused = jobs.crons().pause("nightly");
        clock.set(at("08T12:00"));
        boolean resumed = jobs.crons().resume("nightly");

        Duration unused = fire();

        assertThat(paused && resumed).isTrue();
        assertThat(stored()).isEmpty();
        assertThat(jobs.crons().next("nightly", 1)).containsExactly(at("09T00:00"));
    }

    @Test
    void to_resume_one_that_is_not_paused_loses_no_fire() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:00"));

        assertThat(jobs.crons().resume("nightly")).isTrue();
        Duration unused = fire();

        assertThat(stored()).hasSize(1);
    }

    @Test
    void run_now_enqueues_at_once_and_moves_nothing() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        boolean unused = jobs.crons().pause("nightly");
        List<Instant> before = jobs.crons().next("nightly", 3);

        Enqueued run = jobs.crons().runNow("nightly");

        assertThat(run.isNew()).isTrue();
        assertThat(stored())
                .singleElement()
                .satisfies(job -> assertThat(job.header()).isEqualTo(Map.of("cron", "nightly")));
        assertThat(jobs.crons().next("nightly", 3)).isEqualTo(before);
    }

    @Test
    void a_removed_cron_is_gone() throws SQLException {
        jobs.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));

        assertThat(jobs.crons().remove("nightly")).isTrue();
        assertThat(jobs.crons().remove("nightly")).isFalse();
        clock.set(at("05T00:00"));
        Duration unused = fire();

        assertThat(stored()).isEmpty();
        assertThat(jobs.crons().list()).isEmpty();
    }

    @Test
    void an_unknown_cron_is_named() {
        assertThat(jobs.crons().pause("nothing")).isFalse();
        assertThat(jobs.crons().resume("nothing")).isFalse();
        assertThatThrownBy(() -> jobs.crons().runNow("nothing"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"nothing\"");
        assertThatThrownBy(() -> jobs.crons().next("nothing", 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void the_list_shows_all_of_them_by_name() throws SQLException {
        jobs.cron("weekly", "@weekly", ZoneOffset.UTC, new Rollup("sales"));
        jobs.cron(
                "hourly",
                "0 * * * *",
                PARIS,
                new Rollup("sales"),
                o -> o.queue("reports").misfire(Misfire.fireAll(4)).priority(Priority.HIGH));
        clock.set(at("04T13:00"));
        Duration unused = fire();

        assertThat(jobs.crons().list()).extracting(CronEntry::name).containsExactly("hourly", "weekly");
        assertThat(jobs.crons().list().get(0))
                .isEqualTo(new CronEntry(
                        "hourly",
                        "0 * * * *",
                        "Europe/Paris",
                        "rollup",
                        "reports",
                        Priority.HIGH,
                        Misfire.fireAll(4),
                        List.of(at("04T14:00"), at("04T15:00"), at("04T16:00"), at("04T17:00"), at("04T18:00")),
                        java.util.Optional.of(at("04T13:00")),
                        false));
    }

    @Test
    void a_listener_adds_headers_to_each_fire() throws SQLException {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        JobQueue traced = open(new JobListener() {
            @Override
            public void enqueuing(String kind, String queue, Map<String, String> headers) {
                heard.add(kind + " in " + queue);
                headers.put("traceparent", "00-1");
            }
        });
        traced.cron("nightly", "0 2 * * *", PARIS, new Rollup("sales"));
        clock.set(at("05T00:00"));

        long unused = traced.crons().fireDue();

        assertThat(heard).containsExactly("rollup in default");
        assertThat(stored())
                .singleElement()
                .satisfies(job -> assertThat(job.header()).containsEntry("traceparent", "00-1"));
    }
}
