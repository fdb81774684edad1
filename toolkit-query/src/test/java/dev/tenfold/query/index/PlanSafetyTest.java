package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.query.guard.StatementStats;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That asking for plans runs nothing, changes nothing, holds nothing and leaves nothing, whatever the text. */
@Timeout(30)
@ExtendWith(LeakCheck.class)
class PlanSafetyTest {
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final String DATABASE = SERVER.createDatabase();

    private final List<String> notes = new ArrayList<>();
    /** Sends texts as they are: a server that gets two statements would run both. */
    private static Connection simple;

    private Connection connection;

    @BeforeAll
    static void fill() throws SQLException {
        try (Connection admin = SERVER.dataSource(DATABASE).getConnection()) {
            run(
                    admin,
                    "create table victim (id int primary key, v int)",
                    "insert into victim select i, i from generate_series(1, 100) i",
                    "create sequence counter",
                    "create table big (id int, a int)",
                    "insert into big select i, i from generate_series(1, 20000) i",
                    "analyze big",
                    volatileFunction("volatile_write", "delete from victim;"),
                    volatileFunction("write_after_mode", "set transaction read write; delete from victim;"),
                    volatileFunction(
                            "write_after_config",
                            "perform set_config('transaction_read_only', 'off', false); delete from victim;"),
                    volatileFunction("write_after_commit", "commit; delete from victim;"),
                    volatileFunction("take_number", "perform nextval('counter');"),
                    volatileFunction("lock_rows", "perform 1 from victim for update;"),
                    volatileFunction("lock_table", "lock table victim in access exclusive mode;"),
                    volatileFunction("sleep_long", "perform set_config('statement_timeout', '0', true), pg_sleep(20);"),
                    // Declared immutable, it is called while a statement is planned; what it calls may do anything.
                    """
                    create function lying(call text) returns int language plpgsql immutable as
                    $$ declare n int; begin execute 'select ' || call into n; return n; end $$""");
        }
    }

    @BeforeAll
    static void connectSimply() throws SQLException {
        simple = DriverManager.getConnection(SERVER.jdbcUrl(DATABASE) + "&preferQueryMode=simple");
        run(simple, "prepare gone as select 1");
    }

    @AfterAll
    static void closeSimple() throws SQLException {
        simple.close();
    }

    @BeforeEach
    void connect() throws SQLException {
        connection = SERVER.dataSource(DATABASE).getConnection();
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
    }

    /** All of them as if the tokenizer had called them harmless reads. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "with gone as (delete from victim returning *) select * from gone",
                "with new as (insert into victim values (0, 0) returning *) select * from new where id = ?",
                "delete from victim",
                "update victim set v = ? where id = ?",
                "truncate victim",
                "drop table victim",
                "select volatile_write()",
                "select * from volatile_write() v where v = ?",
                "select * from victim where v = volatile_write()",
                "select lying('volatile_write()')",
                "select * from victim where v = lying('volatile_write()')",
                "select * from lying('volatile_write()')",
                "select * from victim where v = ? limit lying('volatile_write()')",
                "select lying('write_after_mode()')",
                "select lying('write_after_config()')",
                "select lying('write_after_commit()')",
                "select lying('take_number()')",
                "select lying('lock_rows()')",
                "select lying('lock_table()')",
                "select nextval('counter')",
                "select setval('counter', 77)",
                "select 1; delete from victim",
                "select 1; delete from victim;",
                "select 1;; commit; delete from victim",
                "commit; delete from victim",
                "select 1 /* ; */; delete from victim -- ;",
                "select '\\'; delete from victim; --'",
                "select $a$ $b$; delete from victim; $a$",
                "select 1 -- \n; delete from victim",
                "select 1 /* /* */; delete from victim; -- */",
                "select * into copied from victim",
                "create table copied as select * from victim",
                "analyze delete from victim",
                "analyze select volatile_write()",
                "(analyze) select volatile_write()",
                "explain analyze delete from victim",
                "execute gone",
                "commit",
                "rollback",
                "prepare p as delete from victim",
                "copy victim to program 'true'",
                "do $$ begin delete from victim; end $$",
                "call volatile_write()",
                "declare c cursor for select volatile_write()",
                "select {fn lying('volatile_write()')}",
                "select '",
                "select /*",
                "",
                ";",
            })
    void nothing_is_run_and_nothing_is_changed(String sql) throws SQLException {
        run(connection, "prepare gone as delete from victim");

        for (boolean oldWay : List.of(false, true)) look(connection, oldWay, sql, "select 1");
        try (Connection simple = DriverManager.getConnection(SERVER.jdbcUrl(DATABASE) + "&preferQueryMode=simple")) {
            run(simple, "prepare gone as delete from victim");
            for (boolean oldWay : List.of(false, true)) look(simple, oldWay, sql, "select 1");
        }

        assertThat(ask(connection, "select count(*) || ' ' || sum(v) from victim"))
                .isEqualTo("100 5050");
        assertThat(ask(connection, "select last_value || ' ' || is_called from counter"))
                .isEqualTo("1 false");
        assertThat(ask(connection, "select to_regclass('copied') is null")).isEqualTo("t");
        assertThat(ask(connection, "select string_agg(name, ',') from pg_prepared_statements where from_sql"))
                .isEqualTo("gone");
        assertThat(locks(connection)).isEqualTo("0");
    }

    @Test
    void a_write_while_planning_is_refused_and_noted() throws SQLException {
        look(connection, false, "select lying('volatile_write()')");

        assertThat(notes).singleElement().asString().contains("calls a function that writes, which was refused");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void planning_ends_at_its_limit(boolean oldWay) throws SQLException {
        long start = System.nanoTime();
        PlanCheck.look(connection, stats("select lying('sleep_long()')"), 10_000, oldWay, notes::add);

        assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start)).isLessThan(15); // of 20
        assertThat(notes).singleElement().asString().contains("planning took longer than 200ms");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_locked_table_is_waited_for_shortly_and_the_next_statement_looked_at(boolean oldWay) throws SQLException {
        try (Connection other = SERVER.dataSource(DATABASE).getConnection()) {
            other.setAutoCommit(false);
            run(other, "lock table victim in access exclusive mode");

            List<IndexAdvice> advice =
                    look(connection, oldWay, "select * from victim where v = ?", "select * from big where a = ?");

            assertThat(notes.get(0)).contains("not looked at: a table is locked; waited 50ms");
            assertThat(advice).hasSize(1);
            assertThat(locks(connection)).isEqualTo("0");
            other.rollback();
        }
    }

    @Test
    void no_lock_outlives_its_statement() throws SQLException {
        look(connection, false, "select lying('lock_table()')", "select * from big where a = ?");

        assertThat(locks(connection)).isEqualTo("0");
        try (Connection other = SERVER.dataSource(DATABASE).getConnection()) {
            run(other, "begin", "lock table victim, big in access exclusive mode nowait", "rollback");
        }
    }

    @Test
    void prepared_statements_of_others_stay() throws SQLException {
        run(connection, "prepare tenfold_plan_100 as select 7", "prepare tenfold_plan_101 as select 8");

        assertThat(look(connection, true, "select * from big where a = ?", "select * from big where id = ?"))
                .hasSize(2);

        assertThat(ask(connection, "execute tenfold_plan_100")).isEqualTo("7");
        assertThat(ask(connection, "select count(*) from pg_prepared_statements where from_sql"))
                .isEqualTo("2");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void the_connection_comes_back_as_it_was(boolean autoCommit) throws SQLException {
        connection.setAutoCommit(autoCommit);
        connection.setNetworkTimeout(Runnable::run, 54_321);

        look(connection, false, "select * from big where a = ?", "select nonsense");
        look(connection, true, "select * from big where a = ?", "select nonsense");

        assertThat(connection.getAutoCommit()).isEqualTo(autoCommit);
        assertThat(connection.isReadOnly()).isFalse();
        assertThat(connection.getNetworkTimeout()).isEqualTo(54_321);
        assertThat(ask(
                        connection,
                        "select current_setting('statement_timeout') || current_setting('lock_timeout')"
                                + " || current_setting('plan_cache_mode') || current_setting('transaction_read_only')"))
                .isEqualTo("00autooff");
        if (!autoCommit) connection.rollback();
    }

    @Test
    void a_read_only_connection_of_a_pool_will_do() throws SQLException {
        HikariConfig config = new HikariConfig();
        config.setDataSource(SERVER.dataSource(DATABASE));
        config.setMaximumPoolSize(1);
        config.setReadOnly(true);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            for (int i = 0; i < 3; i++) {
                try (Connection borrowed = pool.getConnection()) {
                    assertThat(look(borrowed, i == 1, "select * from big where a = ?"))
                            .hasSize(1);
                }
            }
        }
    }

    @Test
    void a_transaction_that_is_not_read_only_stops_it() throws SQLException {
        Connection deaf = (Connection) Proxy.newProxyInstance(
                Connection.class.getClassLoader(),
                new Class<?>[] {Connection.class},
                (proxy, method, arguments) -> method.getName().equals("setAutoCommit")
                                || method.getName().equals("rollback")
                        ? null
                        : method.invoke(connection, arguments));

        assertThatThrownBy(() -> look(deaf, false, "select * from big where a = ?"))
                .hasMessageContaining("the transaction is not read only");
    }

    @Test
    void a_server_that_goes_away_ends_the_check() throws SQLException {
        List<IndexAdvice> advice = lookAndCut();
        while (notes.get(0).contains("planning took longer")) { // than the check waits, on a busy machine
            notes.clear();
            advice = lookAndCut();
        }

        assertThat(advice).hasSize(1);
        assertThat(notes).hasSize(3);
        assertThat(notes.get(1)).startsWith("c (").contains("not looked at: ");
        assertThat(notes.get(2)).isEqualTo("statements after this one not looked at: the connection broke");
    }

    private List<IndexAdvice> lookAndCut() throws SQLException {
        try (FaultProxy proxy = FaultProxy.to(SERVER.host(), SERVER.port());
                Connection via = DriverManager.getConnection(SERVER.jdbcUrl(DATABASE, proxy))) {
            return PlanCheck.look(
                    via,
                    List.of(
                            PlanCheckTest.stats("a", "select * from big where a = ?", true, 9),
                            PlanCheckTest.stats("b", "select 1; select 2", true, 8),
                            PlanCheckTest.stats("c", "select * from big where id = ?", true, 7),
                            PlanCheckTest.stats("d", "select 1", true, 6)),
                    10_000,
                    note -> {
                        notes.add(note);
                        if (note.startsWith("b ")) proxy.cut();
                    });
        }
    }

    @Test
    void a_server_that_falls_silent_ends_the_check() throws SQLException {
        try (FaultProxy proxy = FaultProxy.to(SERVER.host(), SERVER.port());
                Connection via = DriverManager.getConnection(SERVER.jdbcUrl(DATABASE, proxy))) {
            via.setNetworkTimeout(Runnable::run, 2_000);
            PlanCheck.look(
                    via,
                    List.of(
                            PlanCheckTest.stats("b", "select 1; select 2", true, 8),
                            PlanCheckTest.stats("c", "select * from big where id = ?", true, 7)),
                    10_000,
                    note -> {
                        notes.add(note);
                        if (note.startsWith("b ")) proxy.halfOpen();
                    });

            assertThat(notes).last().asString().endsWith("not looked at: the connection broke");
        }
    }

    @Test
    void a_server_that_ends_the_session_ends_the_check() throws SQLException {
        try (Connection mine = SERVER.dataSource(DATABASE).getConnection()) {
            String pid = ask(mine, "select pg_backend_pid()");
            PlanCheck.look(
                    mine,
                    List.of(
                            PlanCheckTest.stats("b", "select 1; select 2", true, 8),
                            PlanCheckTest.stats("c", "select * from big where id = ?", true, 7)),
                    10_000,
                    note -> {
                        notes.add(note);
                        if (note.startsWith("b ")) terminate(pid);
                    });

            assertThat(notes).last().asString().endsWith("not looked at: the connection broke");
        }
    }

    @Test
    void a_connection_that_is_closed_is_an_error() throws SQLException {
        connection.close();

        assertThatThrownBy(() -> look(connection, false, "select 1")).isInstanceOf(SQLException.class);
    }

    @Test
    void a_text_that_is_too_long_is_not_sent() throws SQLException {
        look(connection, false, "select '" + "x".repeat(10_000) + "'");

        assertThat(notes)
                .singleElement()
                .asString()
                .contains("not looked at: it has 10009 characters; the limit is 10000");
    }

    // ---- helpers ----------------------------------------------------------------------------------------------------

    private static String volatileFunction(String name, String body) {
        return "create function " + name + "() returns int language plpgsql volatile as $$ begin " + body
                + " return 1; end $$";
    }

    private void terminate(String pid) {
        try {
            String unused = ask(connection, "select pg_terminate_backend(" + pid + ", 10000)");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<IndexAdvice> look(Connection on, boolean oldWay, String... statements) throws SQLException {
        return PlanCheckTest.patiently(on, oldWay, notes, stats(statements));
    }

    private static List<StatementStats> stats(String... statements) {
        List<StatementStats> stats = new ArrayList<>();
        for (int i = 0; i < statements.length; i++) {
            stats.add(PlanCheckTest.stats("f" + i, statements[i], true, 100 - i));
        }
        return stats;
    }

    private static String locks(Connection of) throws SQLException {
        String pid = ask(of, "select pg_backend_pid()");
        if (!of.getAutoCommit()) of.rollback();
        try (Connection other = SERVER.dataSource(DATABASE).getConnection()) {
            return ask(other, "select count(*) from pg_locks where pid = " + pid);
        }
    }

    private static void run(Connection on, String... statements) throws SQLException {
        try (Statement statement = on.createStatement()) {
            for (String each : statements) statement.execute(each);
        }
    }

    private static String ask(Connection on, String sql) throws SQLException {
        try (Statement statement = on.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
