package dev.tenfold.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.ds.PGSimpleDataSource;

/** Real tables, real notifications, and connections that break. */
@Timeout(60)
class PostgresInvalidationsTest {
    private static final PostgresServer POSTGRES = PostgresServer.shared();
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Object ALL = "all";

    private final String database = POSTGRES.createDatabase();
    private final DataSource dataSource = POSTGRES.dataSource(database);
    private final BlockingQueue<Object> forgotten = new LinkedBlockingQueue<>();
    private final List<AutoCloseable> open = new ArrayList<>();

    @BeforeEach
    void create_a_table() throws SQLException {
        sql("create table users (id bigint primary key, name text)");
        PostgresInvalidations.install(dataSource, "users", List.of("id"), "users_changed");
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : open) {
            each.close();
        }
    }

    @Test
    void rows_written_outside_the_application_are_forgotten() throws Exception {
        listen(dataSource);

        sql("insert into users values (1, 'Ada'), (2, 'Bob')");
        assertThat(next()).isEqualTo(keys("1", "2"));
        sql("update users set name = 'Eve' where id = 2");
        assertThat(next()).isEqualTo(keys("2"));
        sql("delete from users where id = 1");
        assertThat(next()).isEqualTo(keys("1"));
    }

    @Test
    void a_cache_loads_again_what_psql_has_changed() throws Exception {
        sql("insert into users values (1, 'Ada')");
        try (TieredCache<Long, String> users =
                TieredCache.<Long, String>builder("users").build()) {
            PostgresInvalidations changes = PostgresInvalidations.listen(
                    dataSource, on -> on.changes("users_changed", key -> Long.valueOf(key.get(0)), users));
            open.add(changes);
            assertThat(changes.awaitListening(LONG)).isTrue();
            assertThat(users.get(1L, id -> "Ada")).isEqualTo("Ada");

            sql("update users set name = 'Eve'");

            await(() -> users.peek(1L).isEmpty());
            assertThat(users.get(1L, id -> "Eve")).isEqualTo("Eve");
            sql("truncate users");
            await(() -> users.peek(1L).isEmpty());
        }
    }

    @Test
    void a_changed_key_forgets_the_old_and_the_new_one() throws Exception {
        sql("insert into users values (1, 'Ada')");
        listen(dataSource);

        sql("update users set id = 5");

        assertThat(next()).isEqualTo(keys("1", "5"));
    }

    @Test
    void truncate_forgets_all() throws Exception {
        listen(dataSource);

        sql("truncate users");

        assertThat(next()).isEqualTo(ALL);
    }

    @Test
    void what_is_rolled_back_forgets_nothing() throws Exception {
        listen(dataSource);

        sql("begin; insert into users values (1, 'Ada'); rollback");
        sql("insert into users values (2, 'Bob')");

        assertThat(next()).isEqualTo(keys("2"));
    }

    @Test
    void ten_thousand_rows_are_forgotten_in_pieces() throws Exception {
        sql("insert into users select i, 'User ' || i from generate_series(1, 10000) i");
        listen(dataSource);

        sql("update users set name = 'Nobody'");

        int seen = 0;
        while (seen < 10_000) {
            Collection<?> some = (Collection<?>) next();
            assertThat(some.size()).isBetween(1, 1_000);
            seen += some.size();
        }
        assertThat(seen).isEqualTo(10_000);
    }

    @Test
    void composite_keys_come_in_the_order_of_the_columns_whatever_they_hold() throws Exception {
        sql("create table prices (country text, item int, note text)");
        PostgresInvalidations.install(dataSource, "public.prices", List.of("note", "country", "item"), "users_changed");
        listen(dataSource);

        sql("insert into prices values (null, 7, E'a \"quoted\" \\\\ \\n\\u0001 ä, [🙂]')");

        assertThat(next()).isEqualTo(List.of(Arrays.asList("a \"quoted\" \\ \n\u0001 ä, [🙂]", null, "7")));
    }

    @Test
    void a_key_too_long_for_a_notification_forgets_all() throws Exception {
        sql("create table pages (path text)");
        PostgresInvalidations.install(dataSource, "pages", List.of("path"), "users_changed");
        listen(dataSource);

        sql("insert into pages values (repeat('ä', 4000))");

        assertThat(next()).isEqualTo(ALL);
    }

    @Test
    void any_name_is_a_name_and_no_statement() throws Exception {
        String table = "a \"b'; drop table users; --";
        String column = "id${channel}\"::text);\ndrop table users; --";
        String channel = "c'); drop table users; --\n\"${old} $tenfold$ \\";
        sql("create table \"" + table.replace("\"", "\"\"") + "\" (\"" + column.replace("\"", "\"\"") + "\" int)");

        PostgresInvalidations.install(dataSource, table, List.of(column), channel);
        PostgresInvalidations changes = PostgresInvalidations.listen(
                dataSource, on -> on.changes(channel, key -> key, this::forget, this::all));
        open.add(changes);
        assertThat(changes.awaitListening(LONG)).isTrue();
        sql("insert into \"" + table.replace("\"", "\"\"") + "\" values (3)");

        assertThat(next()).isEqualTo(keys("3"));
        sql("insert into users values (1, 'still here')");
    }

    @Test
    void installing_again_changes_nothing_and_other_columns_replace_the_first() throws Exception {
        PostgresInvalidations.install(dataSource, "users", List.of("id"), "users_changed");
        PostgresInvalidations.install(dataSource, "users", List.of("name"), "users_changed");
        listen(dataSource);

        sql("insert into users values (1, 'Ada')");

        assertThat(next()).isEqualTo(keys("Ada"));
    }

    @Test
    void a_killed_connection_is_replaced_and_all_is_forgotten() throws Exception {
        PostgresInvalidations changes = listen(dataSource);

        sql("select pg_terminate_backend(pid) from pg_stat_activity"
                + " where datname = current_database() and query like 'listen%' and pid <> pg_backend_pid()");

        assertThat(next()).isEqualTo(ALL);
        assertThat(changes.awaitListening(LONG)).isTrue();
        sql("insert into users values (1, 'Ada')");
        assertThat(next()).isEqualTo(keys("1"));
    }

    @Test
    void a_connection_that_only_seems_open_is_found_out() throws Exception {
        try (FaultProxy proxy = FaultProxy.to(POSTGRES.host(), POSTGRES.port())) {
            PostgresInvalidations changes =
                    PostgresInvalidations.listen(through(proxy), on -> quick(on).keepAlive(Duration.ofMillis(500)));
            open.add(changes);
            assertThat(changes.awaitListening(LONG)).isTrue();

            proxy.halfOpen();
            sql("insert into users values (1, 'unheard')");
            await(() -> !changes.isListening());
            proxy.cut(); // ends attempts that nobody answers
            proxy.resume();

            assertThat(next()).isEqualTo(ALL);
            // On a busy machine half a second may pass without an answer, and all be forgotten once more.
            await(() -> {
                sql("insert into users values (2, 'heard') on conflict (id) do update set name = 'heard again'");
                return forgotten.removeIf(keys("2")::equals);
            });
        }
    }

    @Test
    void a_database_that_is_down_at_the_start_is_found_later() throws Exception {
        try (FaultProxy proxy = FaultProxy.to(POSTGRES.host(), POSTGRES.port())) {
            proxy.cut();
            PostgresInvalidations changes = PostgresInvalidations.listen(through(proxy), this::quick);
            open.add(changes);
            assertThat(changes.awaitListening(Duration.ofMillis(100))).isFalse();

            proxy.resume();

            assertThat(next()).isEqualTo(ALL);
            assertThat(changes.awaitListening(LONG)).isTrue();
        }
    }

    @Test
    void a_message_that_nobody_understands_forgets_all() throws Exception {
        listen(dataSource);

        for (String nonsense : List.of("", "7", "[\"1\"", "{\"a\": 1}", "[\"1\"] x", "[\"\\u12\"]")) {
            sql("notify users_changed, '" + nonsense + "'");
            assertThat(next()).as(nonsense).isEqualTo(ALL);
        }
        sql("notify users_changed, '[7]'");
        assertThat(next()).isEqualTo(keys("7"));
    }

    @Test
    void what_is_forgotten_in_vain_is_forgotten_as_a_whole() throws Exception {
        PostgresInvalidations changes = PostgresInvalidations.listen(
                dataSource,
                on -> on.changes(
                        "users_changed",
                        key -> key,
                        keys -> {
                            throw new IllegalStateException("thrown by the test");
                        },
                        this::all));
        open.add(changes);
        assertThat(changes.awaitListening(LONG)).isTrue();

        sql("insert into users values (1, 'Ada')");

        assertThat(next()).isEqualTo(ALL);
    }

    @Test
    void an_error_of_a_callback_forgets_all_and_ends_nothing() throws Exception {
        AtomicBoolean fails = new AtomicBoolean(true);
        PostgresInvalidations changes = PostgresInvalidations.listen(
                dataSource,
                on -> on.changes(
                                "users_changed",
                                key -> key,
                                (Collection<List<String>> keys) -> {
                                    if (fails.getAndSet(false)) throw new OutOfMemoryError("for a moment, by the test");
                                    forget(keys);
                                },
                                this::all)
                        .longestBackoff(Duration.ofMillis(100)));
        open.add(changes);
        assertThat(changes.awaitListening(LONG)).isTrue();

        sql("insert into users values (1, 'Ada')");
        assertThat(next()).isEqualTo(ALL);
        sql("insert into users values (2, 'Bob')");
        assertThat(next()).isEqualTo(keys("2"));
    }

    @Test
    void nothing_is_left_after_close() throws Exception {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        PostgresInvalidations changes = PostgresInvalidations.listen(dataSource, this::quick);
        assertThat(changes.awaitListening(LONG)).isTrue();

        changes.close();
        changes.close();

        assertThat(changes.isListening()).isFalse();
        before.assertNothingLeaked();
    }

    @Test
    void wrong_arguments_are_named() {
        assertThatThrownBy(() -> PostgresInvalidations.listen(dataSource, on -> on))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("changes(…)");
        assertThatThrownBy(() -> PostgresInvalidations.listen(dataSource, on -> quick(quick(on))))
                .hasMessageContaining("users_changed is given twice");
        assertThatThrownBy(() -> PostgresInvalidations.install(dataSource, "users", List.of(), "c"))
                .hasMessageContaining("no key columns of users");
        assertThatThrownBy(() -> PostgresInvalidations.install(dataSource, "users", List.of("id"), "c".repeat(64)))
                .hasMessageContaining("has 64 bytes");
        assertThatThrownBy(() -> PostgresInvalidations.install(dataSource, "nobody", List.of("id"), "c"))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("nobody");
        assertThatThrownBy(() -> PostgresInvalidations.listen(dataSource, on -> on.keepAlive(Duration.ZERO)))
                .hasMessageContaining("keepAlive PT0S must be 10 ms or more");
    }

    private PostgresInvalidations listen(DataSource from) throws InterruptedException {
        PostgresInvalidations changes = PostgresInvalidations.listen(from, this::quick);
        open.add(changes);
        assertThat(changes.awaitListening(LONG)).isTrue();
        return changes;
    }

    private PostgresInvalidations.Options quick(PostgresInvalidations.Options on) {
        return on.changes("users_changed", key -> key, this::forget, this::all).longestBackoff(Duration.ofMillis(100));
    }

    private void forget(Collection<List<String>> keys) {
        forgotten.add(new ArrayList<>(keys));
    }

    private void all() {
        forgotten.add(ALL);
    }

    private Object next() throws InterruptedException {
        Object event = forgotten.poll(LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(event).as("what is forgotten next").isNotNull();
        return event;
    }

    private static List<List<String>> keys(String... ids) {
        return Arrays.stream(ids).map(List::of).toList();
    }

    private DataSource through(FaultProxy proxy) {
        PGSimpleDataSource made = new PGSimpleDataSource();
        made.setUrl(POSTGRES.jdbcUrl(database, proxy));
        return made;
    }

    private void sql(String text) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(text);
        }
    }

    private static void await(Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!condition.call()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
