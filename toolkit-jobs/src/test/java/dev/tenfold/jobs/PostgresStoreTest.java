package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.PostgresServer;
import dev.tenfold.testkit.SettableClock;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.Test;

class PostgresStoreTest extends StoreContract {
    @Override
    String url() {
        return PostgresServer.shared().jdbcUrl(PostgresServer.shared().createDatabase());
    }

    private String text(String sql) throws SQLException {
        return db.autocommit(connection -> {
            StringBuilder all = new StringBuilder();
            try (var statement = connection.createStatement();
                    var rows = statement.executeQuery(sql)) {
                while (rows.next()) {
                    all.append(rows.getString(1)).append('\n');
                }
            }
            return all.toString();
        });
    }

    @Test
    void a_claim_walks_the_index_and_asks_for_the_time_once() throws SQLException {
        enqueueMany(draft(), 100_000);
        execute("analyze tenfold_job");
        String sql = ((PostgresStore) store).claimSql(500);
        for (Object each : List.of(queue, 2, "'{" + kind + "}'", Long.MIN_VALUE, 0, ME, MINUTE)) {
            sql = sql.replaceFirst("\\?", each.toString().replace("-9223372036854775808", "'-9223372036854775808'"));
        }
        String plan = text("explain (analyze, verbose, costs off) " + sql);

        assertThat(plan).contains("Index Scan using tenfold_job_due").doesNotContain("Seq Scan on");
        // Only in sub-selects, each of which runs once.
        assertThat(plan.lines().filter(line -> line.contains("clock_timestamp")))
                .allMatch(line -> line.strip().startsWith("Output: ((EXTRACT"));
        assertThat(plan.lines().filter(line -> line.contains("InitPlan"))).isNotEmpty();
        assertThat(plan).doesNotContain("SubPlan");
    }

    @Test
    void a_claim_and_a_renewal_write_no_index() throws SQLException {
        endAllSessions();
        enqueueMany(draft(), 2_000);
        long updated = statistic("n_tup_upd");
        long hot = statistic("n_tup_hot_upd");
        List<Claimed> claimed = claim(1_000);
        store.renew(
                claimed.stream().mapToLong(each -> each.id).toArray(),
                claimed.stream().mapToLong(each -> each.lease).toArray(),
                ME,
                MINUTE);
        assertThat(statistic("n_tup_upd") - updated).isEqualTo(2_000);
        // The second new version of a row may find its page full.
        assertThat(statistic("n_tup_hot_upd") - hot).isGreaterThanOrEqualTo(1_000);
    }

    /** A session reports what it did up to ten seconds later, or when it ends. */
    private void endAllSessions() throws SQLException {
        String pids = text("select string_agg(pid::text, ',') from pg_stat_activity"
                        + " where datname = current_database() and backend_type = 'client backend'")
                .strip();
        dataSource.getHikariPoolMXBean().softEvictConnections();
        Await.until(
                "they have ended",
                () -> number("select count(*) from pg_stat_activity where pid in (" + pids + ")") == 0);
    }

    /** Of what this session did, too, which it else reports a second later. */
    private long statistic(String column) throws SQLException {
        return db.autocommit(connection -> {
            try (var statement = connection.createStatement()) {
                statement.execute("select pg_stat_force_next_flush()");
                try (var rows = statement.executeQuery(
                        "select " + column + " from pg_stat_user_tables where relname = 'tenfold_job'")) {
                    rows.next();
                    return rows.getLong(1);
                }
            }
        });
    }

    @Test
    void a_plan_made_for_an_empty_table_does_not_outlive_a_burst() throws SQLException {
        endAllSessions();
        execute("alter table tenfold_job set (autovacuum_enabled = off)");
        execute("vacuum full tenfold_job");
        for (int i = 0; i < 20; i++) {
            assertThat(claim(100)).isEmpty(); // the pool's one idle connection has a generic plan by now
        }
        enqueueMany(draft(), 200_000);
        long empty = statistic("seq_scan");
        for (int i = 0; i < 10; i++) {
            assertThat(claim(100)).hasSize(100);
        }
        long healed = statistic("seq_scan");
        assertThat(healed - empty).as("scans of the whole table").isLessThanOrEqualTo(3);
        for (int i = 0; i < 10; i++) {
            assertThat(claim(100)).hasSize(100);
        }
        assertThat(statistic("seq_scan")).isEqualTo(healed);
        execute("alter table tenfold_job reset (autovacuum_enabled)");
    }

    @Test
    void a_day_of_history_is_dropped_as_a_whole() throws SQLException {
        Db settable =
                new Db(dataSource, SQLDialect.POSTGRES, null, SettableClock.at(Instant.parse("2030-01-01T00:00:00Z")));
        JobStore later = JobStore.of(settable);
        assertThat(later.prune(JobStore.DAY)).isZero();
        assertThat(number(days("_d2030"))).isEqualTo(2);
        assertThat(later.prune(JobStore.DAY)).isZero();
        assertThat(number(days("_d2030"))).isEqualTo(2);
        execute("create table tenfold_job_history_d20200101 partition of tenfold_job_history for values from ("
                + day("2020-01-01") + ") to (" + day("2020-01-02") + ")");
        assertThat(number(days("_d2020"))).isEqualTo(1);
        later.prune(JobStore.DAY);
        assertThat(number(days("_d2020"))).isZero();
    }

    private static long day(String date) {
        return Times.micros(Instant.parse(date + "T00:00:00Z"));
    }

    private static String days(String infix) {
        return "select count(*) from pg_class where relname like 'tenfold_job_history" + infix + "%' and relkind = 'r'";
    }

    @Test
    void a_tests_clock_takes_the_place_of_the_databases() throws SQLException {
        SettableClock clock = SettableClock.at(Instant.parse("2030-01-01T00:00:00Z"));
        Db settable = new Db(dataSource, SQLDialect.POSTGRES, null, clock);
        JobStore later = JobStore.of(settable);
        Draft draft = draft();
        draft.due = Times.micros(Duration.ofHours(1));
        settable.transaction(connection -> later.insert(connection, draft.job(), bytes("x")));
        assertThat(later.claim(lane(), Lane.Cursor.START, new int[] {kind}, 1, ME, MINUTE))
                .isEmpty();
        clock.advance(Duration.ofHours(2));
        assertThat(later.claim(lane(), Lane.Cursor.START, new int[] {kind}, 1, ME, MINUTE))
                .hasSize(1);
        clock.advance(Duration.ofMinutes(2));
        assertThat(later.claim(lane(), Lane.Cursor.START, new int[] {kind}, 1, OTHER, MINUTE))
                .hasSize(1);
    }

    @Test
    void a_window_that_has_ended_is_in_nobodys_way_if_it_is_forgotten_meanwhile() throws SQLException {
        insert(unique("k", MINUTE));
        execute("update tenfold_job_window set expires_at = 1");
        AtomicInteger forgotten = new AtomicInteger();

        JobStore.Inserted second = db.transaction(connection -> store.insert(
                before(connection, "update tenfold_job_window set expires_at", () -> {
                    if (forgotten.get() == 0) {
                        forgotten.addAndGet(store.prune(0));
                    }
                }),
                unique("k", MINUTE).job(),
                bytes("x")));

        assertThat(forgotten).hasValue(1);
        assertThat(second.isNew()).isTrue();
        assertThat(number("select job_id from tenfold_job_window")).isEqualTo(second.id());
        assertThat(number("select count(*) from tenfold_job")).isEqualTo(2);
    }

    private interface Deed {
        void run() throws SQLException;
    }

    /** The connection, on which something is done before a statement that begins like this is prepared. */
    private static Connection before(Connection connection, String sql, Deed deed) {
        return (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, given) -> {
                    if (method.getName().equals("prepareStatement") && ((String) given[0]).startsWith(sql)) {
                        deed.run();
                    }
                    try {
                        return method.invoke(connection, given);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    @Test
    void limits_are_met_exactly_with_few_texts() {
        assertThat(PostgresStore.step(1)).isEqualTo(1);
        assertThat(PostgresStore.step(99)).isEqualTo(64);
        assertThat(PostgresStore.step(150)).isEqualTo(128);
        assertThat(PostgresStore.step(500)).isEqualTo(500);
        assertThat(PostgresStore.step(1_000)).isEqualTo(1_000);
    }
}
