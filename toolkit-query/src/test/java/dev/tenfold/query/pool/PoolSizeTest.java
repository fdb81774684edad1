package dev.tenfold.query.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.MariaDbServer;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.ds.PGSimpleDataSource;

class PoolSizeTest {
    /** Its first start can take as long as a test may. */
    private static final MariaDbServer MARIADB = MariaDbServer.shared();

    private static final Duration HOLD = Duration.ofMillis(12);

    private static SizeOptions usual(SizeOptions options) {
        return options.cores(8)
                .maxConnections(100)
                .reserved(10)
                .instances(1)
                .threads(200)
                .arrivals(300)
                .hold(HOLD);
    }

    @Test
    void the_least_that_serves_the_load_is_enough() {
        PoolSize size = Pools.size(PoolSizeTest::usual);

        assertThat(size.connections()).isEqualTo(6);
        assertThat(size.needed()).hasValue(6);
        assertThat(size.expectedWait())
                .hasValueSatisfying(wait -> assertThat(wait).isBetween(Duration.ofNanos(1), HOLD.dividedBy(10)));
        assertThat(size.conflicts()).isEmpty();
    }

    @Test
    void it_is_explained_line_by_line() {
        assertThat(Pools.size(PoolSizeTest::usual).explain()).isEqualTo("""
                        6 connections: what the load needs
                          load             6  300 borrows a second × 12 ms held = 3.6 busy on average; with 6 the mean wait is \
                        983 µs, 8.2 % of that (at most 10 %)
                          processors      17  2 × 8 cores + 1 disk
                          server          90  100 connections − 10 reserved
                          threads        200  200 threads × 1 connection each; more are never out""");
    }

    /** 2·cores + disks, over the instances that share the server. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1, 3", "4, 1, 1, 9", "8, 0, 1, 16", "8, 1, 4, 4", "1, 0, 10, 1", "64, 4, 1, 132"})
    void without_a_load_the_processors_decide(int cores, int spindles, int instances, int connections) {
        PoolSize size = Pools.size(
                o -> o.cores(cores).spindles(spindles).instances(instances).maxConnections(1_000));

        assertThat(size.connections()).isEqualTo(connections);
        assertThat(size.explain()).contains("what the processors serve at once");
        assertThat(size.needed()).isEmpty();
        assertThat(size.expectedWait()).isEmpty();
    }

    @Test
    void connections_that_work_half_of_the_time_take_half_of_a_processor() {
        PoolSize size = Pools.size(o -> o.cores(8).arrivals(10_000).hold(HOLD).worked(HOLD.dividedBy(2)));

        assertThat(size.connections()).isEqualTo(34);
        assertThat(size.explain()).contains("× 2 held ÷ worked");
    }

    @Test
    void the_server_grants_a_share_to_each_instance() {
        PoolSize size =
                Pools.size(o -> o.cores(64).maxConnections(100).reserved(10).instances(4));

        assertThat(size.connections()).isEqualTo(22);
        assertThat(size.explain())
                .startsWith("22 connections: the server grants no more")
                .contains("22  100 connections − 10 reserved, over 4 instances")
                .contains("load             –  not given: arrivals(…), hold(…)");
    }

    @Test
    void a_limit_alone_is_said_to_be_no_goal() {
        PoolSize size = Pools.size(o -> o.maxConnections(100));

        assertThat(size.connections()).isEqualTo(100);
        assertThat(size.explain()).contains("a limit and no goal: give cores(…)");
    }

    @Test
    void threads_cannot_use_more_than_they_ask_for() {
        PoolSize size = Pools.size(o -> usual(o).threads(3).arrivals(1_000));

        assertThat(size.connections()).isEqualTo(3);
        assertThat(size.explain()).startsWith("3 connections: threads that are there cannot use more");
        assertThat(size.conflicts()).isEmpty();
    }

    @Test
    void threads_that_hold_two_get_one_more_than_they_are() {
        PoolSize size = Pools.size(o -> usual(o).threads(10).connectionsPerThread(2));

        assertThat(size.connections()).isEqualTo(11);
        assertThat(size.explain())
                .startsWith("11 connections: fewer could deadlock")
                .contains("no deadlock     11  10 threads × (2 connections each − 1) + 1; never less");
        assertThat(size.conflicts()).isEmpty();
    }

    @Test
    void a_deadlock_that_the_server_does_not_allow_to_prevent_is_a_conflict() {
        PoolSize size = Pools.size(o -> usual(o).instances(4).connectionsPerThread(2));

        assertThat(size.connections()).isEqualTo(22);
        assertThat(size.conflicts().get(0))
                .isEqualTo(
                        "deadlock: 200 threads that hold 2 connections each can wait for each other for ever unless there are"
                                + " 201, and the server grants 22; let a thread hold one (pass it on, no new transaction inside of"
                                + " another), or use at most 21 threads, or let the server grant more");
        assertThat(size.explain()).contains("conflict     deadlock: ");
    }

    @Test
    void more_than_the_processors_serve_against_a_deadlock_is_a_conflict_and_taken() {
        PoolSize size = Pools.size(o -> usual(o).cores(4).threads(20).connectionsPerThread(2));

        assertThat(size.connections()).isEqualTo(21);
        assertThat(size.conflicts())
                .singleElement()
                .asString()
                .startsWith("threads: it takes 21")
                .contains("busy with 9");
    }

    @Test
    void a_load_that_is_too_much_is_a_conflict_with_its_wait() {
        PoolSize size = Pools.size(o -> usual(o).cores(2));

        assertThat(size.connections()).isEqualTo(5);
        assertThat(size.explain()).startsWith("5 connections: the processors serve no more at once");
        assertThat(size.conflicts())
                .singleElement()
                .asString()
                .startsWith(
                        "load: it needs 6 connections, and there can be 5, with which one waits 3.52 ms on average");
    }

    @Test
    void a_load_that_can_never_be_served_has_no_wait() {
        PoolSize size = Pools.size(o -> usual(o).cores(1));

        assertThat(size.connections()).isEqualTo(3);
        assertThat(size.expectedWait()).isEmpty();
        assertThat(size.conflicts()).singleElement().asString().contains("the queue grows without end");
    }

    @Test
    void bursts_and_long_holds_need_more() {
        PoolSize even = Pools.size(o -> usual(o));
        PoolSize bursts = Pools.size(o -> usual(o).arrivalVariation(3).holdVariation(2));

        assertThat(bursts.connections()).isGreaterThan(even.connections());
        assertThat(bursts.explain()).contains("× 6.5 for how they vary");
        assertThat(Pools.size(o -> usual(o).mostWait(0.5)).connections()).isEqualTo(5);
    }

    @Test
    void it_says_in_a_word_what_it_is() {
        assertThat(Pools.size(PoolSizeTest::usual)).hasToString("6 connections: what the load needs");
    }

    @Test
    void what_makes_no_sense_is_refused() {
        refused(o -> o, "nothing to compute a size from; give cores(…)");
        refused(o -> o.threads(5), "nothing to compute a size from");
        refused(o -> o.cores(0), "cores 0 must be at least 1");
        refused(o -> o.spindles(-1), "spindles -1 must be at least 0");
        refused(o -> o.maxConnections(0), "maxConnections 0 must be at least 1");
        refused(o -> o.reserved(-1), "reserved -1 must be at least 0");
        refused(o -> o.instances(0), "instances 0 must be at least 1");
        refused(o -> o.threads(0), "threads 0 must be at least 1");
        refused(o -> o.connectionsPerThread(0), "connectionsPerThread 0 must be at least 1");
        refused(o -> o.arrivals(0), "arrivals 0.0 must be more than 0");
        refused(o -> o.arrivals(Double.NaN), "arrivals NaN must be more than 0");
        refused(o -> o.arrivals(Double.POSITIVE_INFINITY), "and finite");
        refused(o -> o.arrivalVariation(-1), "arrivalVariation -1.0 must be at least 0");
        refused(o -> o.holdVariation(Double.NaN), "holdVariation NaN must be at least 0");
        refused(o -> o.hold(Duration.ZERO), "hold PT0S must be more than zero");
        refused(o -> o.hold(Duration.ofDays(400)), "at most a day");
        refused(o -> o.worked(Duration.ofMillis(-1)), "worked PT-0.001S must be more than zero");
        refused(o -> o.mostWait(0), "mostWait 0.0 must be more than 0");
    }

    @Test
    void what_does_not_go_together_is_refused() {
        refused(o -> o.arrivals(300), "arrivals 300.0 say nothing without hold(…)");
        refused(o -> o.hold(HOLD), "hold 12 ms says nothing without arrivals(…)");
        refused(o -> o.cores(8).worked(HOLD), "worked 12 ms must be a part of hold(…), which was not given");
        refused(o -> o.arrivals(1).hold(HOLD).worked(HOLD.plusMillis(1)), "worked 13 ms must be a part of hold 12 ms");
        refused(o -> o.cores(8).connectionsPerThread(2), "connectionsPerThread 2 needs threads(…)");
        refused(o -> o.maxConnections(10).reserved(8).instances(4), "leave none for each of 4 instances");
        refused(o -> o.arrivals(1e9).hold(Duration.ofSeconds(10)), "is hold in the right unit?");
    }

    private static void refused(UnaryOperator<SizeOptions> options, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Pools.size(options))
                .withMessageContaining(message);
    }

    @Test
    void postgres_is_asked_for_its_limit_in_one_query() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        DataSource database = server.dataSource(server.createDatabase());
        int most = number(database, "select current_setting('max_connections')::int");

        PoolSize size = Pools.size(database, o -> o);

        assertThat(size.connections()).isEqualTo(most - 3);
        assertThat(size.explain()).contains(most + " connections (max_connections, as it says) − 3 reserved");
        assertThat(Pools.size(QueryGuard.watch(database), o -> o).connections()).isEqualTo(most - 3);
    }

    @Test
    void a_limit_of_a_database_or_a_role_is_tighter() throws SQLException {
        PostgresServer server = PostgresServer.shared();
        String name = server.createDatabase();
        String role = "role_of_" + name;
        DataSource admin = server.dataSource(name);
        run(admin, "create role " + role + " login password 'x' connection limit 20");
        try {
            PGSimpleDataSource database = new PGSimpleDataSource();
            database.setUrl("jdbc:postgresql://" + server.host() + ":" + server.port() + "/" + name);
            database.setUser(role);
            database.setPassword("x");
            assertThat(Pools.size(database, o -> o).explain())
                    .contains("20 connections (the role's connection limit, as it says) − 0 reserved");

            run(admin, "alter database " + name + " connection limit 12");
            assertThat(Pools.size(database, o -> o.reserved(2)).explain())
                    .contains("12 connections (the database's connection limit, as it says) − 2 reserved");
        } finally {
            run(admin, "drop role " + role);
        }
    }

    @Test
    void mariadb_is_asked_for_its_limit() throws SQLException {
        DataSource database = MARIADB.dataSource(MARIADB.createDatabase());

        PoolSize size = Pools.size(database, o -> o);

        assertThat(size.connections()).isEqualTo(number(database, "select @@global.max_connections"));
        assertThat(size.explain()).contains("max_connections, as it says");
    }

    @Test
    void what_is_given_wins_over_what_the_database_says() {
        PostgresServer server = PostgresServer.shared();
        DataSource database = server.dataSource(server.createDatabase());

        assertThat(Pools.size(database, o -> o.maxConnections(50).reserved(20)).connections())
                .isEqualTo(30);
    }

    @Test
    void a_database_without_limits_is_left_out() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:limits");

        assertThat(Pools.size(h2, o -> o.cores(2)).explain())
                .contains("server           –  not given: maxConnections(…)");
    }

    @Test
    void a_database_that_is_away_is_named_with_the_remedy() {
        PGSimpleDataSource away = new PGSimpleDataSource();
        away.setUrl("jdbc:postgresql://localhost:1/nothing");

        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> Pools.size(away, o -> o.cores(2)))
                .withMessageContaining("how many connections it grants")
                .withMessageContaining("give maxConnections(…)");
    }

    @Test
    void bad_input_is_refused_before_the_database_is_asked() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL("jdbc:h2:mem:limits");
        CountingDataSource counting = CountingDataSource.of(h2);

        assertThatIllegalArgumentException().isThrownBy(() -> Pools.size(counting, o -> o.arrivals(1)));
        assertThat(counting.connections()).isZero();
    }

    private static int number(DataSource database, String sql) throws SQLException {
        try (Connection connection = database.getConnection();
                var rows = connection.createStatement().executeQuery(sql)) {
            assertThat(rows.next()).isTrue();
            return rows.getInt(1);
        }
    }

    private static void run(DataSource database, String sql) throws SQLException {
        try (Connection connection = database.getConnection()) {
            connection.createStatement().execute(sql);
        }
    }
}
