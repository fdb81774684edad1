package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import javax.sql.DataSource;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The contract on PostgreSQL, and what only it does: array binds, cancelled statements, a starved pool, a lost server. */
@Timeout(30)
class PostgresLoaderTest extends SqlLoaderContract {
    private static final PostgresServer SERVER = PostgresServer.shared();
    private static final String NAME = SERVER.createDatabase();
    private static final DataSource DATABASE = create();

    private static DataSource create() {
        return pooled(SERVER.dataSource(NAME));
    }

    @Override
    DataSource dataSource() {
        return DATABASE;
    }

    @Override
    SQLDialect dialect() {
        return SQLDialect.POSTGRES;
    }

    @Test
    void any_number_of_keys_is_one_statement_text() {
        for (int size = 2; size < 60; size++) {
            authors.loadAll(LongStream.range(0, size).boxed().toList());
        }

        assertThat(counted.sql().stream().distinct()).containsExactly("select id, name from author where id = any(?)");
    }

    @Test
    void jooq_binds_a_typed_array_without_a_cast() {
        var dsl = org.jooq.impl.DSL.using(counted, SQLDialect.POSTGRES);
        var key = org.jooq.impl.DSL.field("id", org.jooq.impl.SQLDataType.BIGINT);
        JooqLoader.one(dsl, org.jooq.impl.DSL.table("author"), key, row -> row.get(key))
                .loadAll(List.of(1L, 2L, 3L));

        assertThat(counted.sql()).singleElement().asString().endsWith("(id = any(?))");
    }

    @Test
    void composite_and_top_statements_use_their_indexes() throws SQLException {
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table big as select a as shop_id, b as item_id, a * b as amount"
                    + " from generate_series(1::bigint, 400) a, generate_series(1, 400) b");
            statement.execute("create index big_key on big (shop_id, item_id, amount)");
            statement.execute("vacuum analyze big");
            String composite = KeyQuery.parse("select * from big where (shop_id, item_id) = any(?)", 0)
                    .forArrays()
                    .replace("unnest(?, ?)", "unnest('{1,2,3,4}'::int8[], '{5,6,7,8}'::int4[])");
            String top = KeyQuery.parse("select * from big where shop_id = any(?) order by item_id desc", 3)
                    .forArrays()
                    .replace("unnest(?)", "unnest('{1,2,3,4}'::int8[])");

            for (String sql : List.of(composite, top)) {
                StringBuilder plan = new StringBuilder();
                try (ResultSet rows = statement.executeQuery("explain " + sql)) {
                    while (rows.next()) {
                        plan.append(rows.getString(1)).append('\n');
                    }
                }
                assertThat(plan.toString()).as(sql).contains("big_key").doesNotContain("Seq Scan on big");
            }
        }
    }

    @Test
    void keys_of_other_types_find_their_rows() throws SQLException {
        UUID known = UUID.fromString("00000000-0000-0000-0000-00000000002a");
        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("create table thing (id uuid primary key, code varchar(10), size numeric(8,2))");
            statement.execute("insert into thing values ('" + known + "', 'a', 1.50), (gen_random_uuid(), 'b', 2)");
        }
        Loader<UUID, UUID> byId = Loader.jdbc(
                counted, "select id from thing where id = any(?)", r -> r.getObject(1, UUID.class), id -> id);
        Loader<String, String> byCode =
                Loader.jdbc(counted, "select code from thing where code = any(?)", r -> r.getString(1), code -> code);
        Loader<java.math.BigDecimal, java.math.BigDecimal> bySize = Loader.jdbc(
                counted, "select size from thing where size = any(?)", r -> r.getBigDecimal(1), size -> size);

        assertThat(byId.loadAll(List.of(known, UUID.randomUUID()))).containsOnlyKeys(known);
        assertThat(byCode.loadAll(List.of("a", "b", "c"))).containsOnlyKeys("a", "b");
        assertThat(bySize.loadAll(List.of(new java.math.BigDecimal("1.50"), new java.math.BigDecimal("9"))))
                .hasSize(1);
    }

    @Test
    void a_query_without_exactly_one_place_for_the_keys_is_refused_at_once() {
        for (String sql : List.of(
                "select 1",
                "select * from author where id = ?",
                "select * from author where id = any(?) and name = ?",
                "select * from author where lower(name) = any(?)",
                "select * from author where id = any(?) or id = any(?)")) {
            assertThatIllegalArgumentException()
                    .as(sql)
                    .isThrownBy(() -> Loader.jdbc(DATABASE, sql, Author::map, Author::id))
                    .withMessageContaining("any(?)");
        }
    }

    @Test
    void at_the_deadline_the_statement_is_cancelled_on_the_server() throws SQLException {
        Loader<Long, Author> slow = Loader.<Long, Author>jdbc(
                        counted, "select id, name from author, pg_sleep(25) where id = any(?)", Author::map, Author::id)
                .named("slow");

        assertThatThrownBy(
                        () -> LoadScope.each(List.of(1L, 2L, 3L), slow::load, o -> o.deadline(Duration.ofSeconds(2))))
                .isInstanceOf(LoadException.DeadlineExceeded.class)
                .hasMessageContaining("'slow'")
                .hasMessageContaining("2000 ms");

        try (Connection connection = DATABASE.getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(
                        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(25)%'"
                                + " and pid <> pg_backend_pid()")) {
            row.next();
            assertThat(row.getInt(1)).as("sleeping statements").isZero();
        }
    }

    /** The order of events that a stall makes: the cancellation comes after the statement was made, and before it runs. */
    @Test
    void a_statement_that_was_about_to_begin_at_the_deadline_is_cancelled_too() {
        CountDownLatch isCancelled = new CountDownLatch(1);
        Loader<Long, Author> slow = Loader.<Long, Author>jdbc(
                        cancelledBeforeItRuns(isCancelled),
                        "select id, name from author, pg_sleep(15) where id = any(?)",
                        Author::map,
                        Author::id)
                .named("slow");

        long start = System.nanoTime();
        assertThatThrownBy(() -> LoadScope.each(List.of(1L, 2L), slow::load, o -> o.deadline(Duration.ofMillis(300))))
                .isInstanceOf(LoadException.DeadlineExceeded.class);
        assertThat(isCancelled.getCount()).isZero();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(14));
    }

    /** Its statements wait for a cancellation, and only then go to the server. */
    private static DataSource cancelledBeforeItRuns(CountDownLatch isCancelled) {
        return intercepted(DataSource.class, DATABASE, (method, proceed) -> {
            Object made = proceed.call();
            if (!(made instanceof Connection connection)) return made;
            return intercepted(Connection.class, connection, (ofConnection, go) -> {
                Object result = go.call();
                if (!(result instanceof PreparedStatement statement)) return result;
                return intercepted(PreparedStatement.class, statement, (ofStatement, run) -> {
                    if (ofStatement.equals("executeQuery")) awaitUninterruptibly(isCancelled);
                    Object done = run.call();
                    if (ofStatement.equals("cancel")) isCancelled.countDown();
                    return done;
                });
            });
        });
    }

    private interface Interceptor {
        Object on(String method, Callable<Object> proceed) throws Exception;
    }

    private static <T> T intercepted(Class<T> type, T target, Interceptor interceptor) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, args) -> interceptor.on(method.getName(), () -> {
                    try {
                        return method.invoke(target, args);
                    } catch (InvocationTargetException e) {
                        if (e.getTargetException() instanceof Exception thrown) throw thrown;
                        throw e;
                    }
                })));
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
    }

    @Test
    void members_that_hold_every_connection_fail_at_the_deadline_with_the_reason() {
        try (HikariDataSource pool = pool(SERVER.jdbcUrl(NAME), 2)) {
            Loader<Long, Author> loader = Loader.<Long, Author>jdbc(
                            pool, "select id, name from author where id = any(?)", Author::map, Author::id)
                    .named("authors");
            CountDownLatch held = new CountDownLatch(2);

            assertThatThrownBy(() -> LoadScope.each(
                            List.of(1L, 2L),
                            id -> {
                                try (Connection mine = pool.getConnection()) {
                                    held.countDown();
                                    held.await();
                                    assertThat(mine.isClosed()).isFalse();
                                    return loader.load(id);
                                } catch (SQLException | InterruptedException e) {
                                    throw new IllegalStateException(e);
                                }
                            },
                            o -> o.deadline(Duration.ofSeconds(2))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class)
                    .hasMessageContaining("waiting for a connection")
                    .hasMessageContaining("LoadContext.transaction");
        }
    }

    @Test
    void who_runs_the_batch_that_waits_for_a_connection_is_told_the_reason_too() throws SQLException {
        try (HikariDataSource pool = pool(SERVER.jdbcUrl(NAME), 1);
                Connection only = pool.getConnection()) {
            assertThat(only).isNotNull();
            Loader<Long, Author> loader =
                    Loader.jdbc(pool, "select id, name from author where id = any(?)", Author::map, Author::id);

            assertThatThrownBy(() -> LoadScope.run(scope -> loader.load(1L), o -> o.deadline(Duration.ofSeconds(2))))
                    .isInstanceOf(LoadException.DeadlineExceeded.class)
                    .hasMessageContaining("waiting for a connection");
        }
    }

    @Test
    void inside_the_members_transaction_no_second_connection_is_needed() throws SQLException {
        try (HikariDataSource pool = pool(SERVER.jdbcUrl(NAME), 1);
                Connection only = pool.getConnection()) {
            Loader<Long, Author> loader =
                    Loader.jdbc(pool, "select id, name from author where id = any(?)", Author::map, Author::id);

            List<Author> loaded = LoadScope.each(
                    List.of(1L, 2L, 3L),
                    loader::load,
                    o -> o.context(LoadContext.none().transaction(only)));

            assertThat(loaded).extracting(Author::id).containsExactly(1L, 2L, 3L);
        }
    }

    @Test
    void a_half_open_server_fails_the_waiters_at_the_deadline_and_a_cut_one_at_once() {
        try (FaultProxy proxy = FaultProxy.to(SERVER.host(), SERVER.port());
                HikariDataSource pool = pool(SERVER.jdbcUrl(NAME, proxy) + socketTimeout(), 2, Duration.ofSeconds(1))) {
            Loader<Long, Author> loader =
                    Loader.jdbc(pool, "select id, name from author where id = any(?)", Author::map, Author::id);
            assertThat(LoadScope.each(List.of(1L, 2L), loader::load)).hasSize(2);

            proxy.halfOpen();
            assertThatThrownBy(() ->
                            LoadScope.each(List.of(1L, 2L), loader::load, o -> o.deadline(Duration.ofMillis(300))))
                    .isInstanceOf(LoadException.class);

            proxy.cut();
            assertThatThrownBy(() -> LoadScope.each(List.of(1L, 2L), loader::load))
                    .isInstanceOf(LoadException.class)
                    .hasCauseInstanceOf(SQLException.class);

            proxy.resume();
            Await.until("the pool connects again", () -> connects(pool));
            assertThat(LoadScope.each(List.of(1L, 2L), loader::load)).hasSize(2);
        }
    }

    private static boolean connects(HikariDataSource pool) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return connection.isValid((int) Await.LIMIT.toSeconds());
        } catch (SQLTransientConnectionException notYet) {
            return false;
        }
    }

    @Test
    void nothing_is_left_behind() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        for (int i = 0; i < 20; i++) {
            LoadScope.each(List.of(1L, 2L, 3L), id -> authors.load(id).name());
        }

        Await.until(
                "the threads that scopes share have ended",
                () -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("tenfold-load-")));
        before.assertNothingLeaked();
        assertThat(LoadContext.current()).isEqualTo(LoadContext.none());
    }

    private static String socketTimeout() {
        return (SERVER.jdbcUrl(NAME).contains("?") ? "&" : "?") + "socketTimeout=2&cancelSignalTimeout=1";
    }

    private static HikariDataSource pool(String url, int size) {
        return pool(url, size, Await.LIMIT);
    }

    private static HikariDataSource pool(String url, int size, Duration patience) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(SERVER.user());
        config.setPassword(SERVER.password());
        config.setMaximumPoolSize(size);
        config.setConnectionTimeout(patience.toMillis());
        config.setInitializationFailTimeout(Await.LIMIT.toMillis());
        return new HikariDataSource(config);
    }
}
