package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.tenfold.query.index.IndexAdvice.Kind;
import dev.tenfold.testkit.MariaDbServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MariaDbIndexesTest {
    private static final MariaDbServer SERVER = MariaDbServer.shared();

    private final DataSource database = SERVER.dataSource(SERVER.createDatabase());

    @SuppressWarnings("NullAway.Init")
    private Connection connection;

    @BeforeEach
    void open() throws SQLException {
        connection = database.getConnection();
    }

    @AfterEach
    void close() throws SQLException {
        connection.close();
    }

    private void run(String... sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String one : sql) statement.execute(one);
        }
    }

    private IndexReport report() {
        return IndexCheck.of(database).report();
    }

    private List<String> duplicates() {
        return report().advice().stream()
                .filter(one -> one.kind() == Kind.DUPLICATE_INDEX)
                .map(IndexAdvice::subject)
                .toList();
    }

    @Test
    void equal_indexes_and_prefixes_go() throws SQLException {
        run("create table t (a int, b int, key t_1 (a, b), key t_2 (a, b), key t_a (a), key t_b (b))");
        assertThat(duplicates()).containsExactlyInAnyOrder("t_2", "t_a");
    }

    @Test
    void a_unique_prefix_and_the_primary_key_stay() throws SQLException {
        run(
                "create table t (a int, b int, primary key (a, b), unique key t_a (a), unique key t_ab (a, b), key t_k (a))");
        assertThat(duplicates()).containsExactlyInAnyOrder("t_ab", "t_k");
    }

    @Test
    void indexes_that_differ_in_method_direction_or_length_stay() throws SQLException {
        run("create table t (a varchar(50), b int, key t_1 (a), key t_2 (a(10)), fulltext key t_3 (a), key t_4 (b, a),"
                + " key t_5 (b desc))");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void one_that_the_optimizer_ignores_does_not_replace_another() throws SQLException {
        run("create table t (a int, b int, key t_1 (a), key t_2 (a, b) ignored)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void the_index_of_a_foreign_key_can_go_if_another_serves_it() throws SQLException {
        run("create table p (id int primary key)");
        run(
                "create table c (p_id int, x int, key c_p (p_id), key c_px (p_id, x), foreign key (p_id) references p (id))");
        IndexReport report = report();
        assertThat(report.advice()).extracting(IndexAdvice::subject).containsExactly("c_p");
        run(String.valueOf(report.advice().get(0).ddl()));
        report().assertClean();
    }

    @Test
    void names_with_quotes_and_dots_can_be_run() throws SQLException {
        run("create table `T.``1` (`a b` int, b int, key `i.``1` (`a b`), key `i 2` (`a b`, b))");
        IndexReport report = report();
        assertThat(report.advice()).extracting(IndexAdvice::table).containsExactly("`T.``1`");
        run(String.valueOf(report.advice().get(0).ddl()));
        report().assertClean();
    }

    @Test
    void another_database_is_looked_at_if_it_is_named() throws SQLException {
        String other = SERVER.createDatabase();
        run("create table " + other + ".t (a int, key t_1 (a), key t_2 (a))");
        report().assertClean();
        assertThat(IndexCheck.of(database).schemas(other).report().advice())
                .extracting(IndexAdvice::table)
                .containsExactly(other + ".t");
    }

    @Test
    void a_database_that_is_not_there_is_refused() {
        String other = SERVER.createDatabase();
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> IndexCheck.of(database).schemas(other, "pubic").report())
                .withMessageContaining("no schema \"pubic\"; there are ");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> IndexCheck.of(database).schemas("%").report());
    }

    @Test
    void it_says_what_was_not_looked_at() {
        IndexReport report =
                IndexCheck.of(database).unusedFor(Duration.ofDays(300)).report();
        assertThat(report.database()).startsWith("MariaDB ");
        assertThat(report.notes())
                .hasSize(2)
                .noneMatch(note -> note.contains("PT"))
                .anyMatch(note -> note.contains("InnoDB indexes them by itself"))
                .anyMatch(note -> note.contains("performance_schema=on") || note.contains("since its start"));
    }

    @Test
    void where_use_is_counted_an_index_that_nothing_has_read_is_unused() throws SQLException {
        run("create table p (id int primary key)", "insert into p values (1)");
        run("create table t (id int primary key, a int, b int, c int unique, p_id int, key t_a (a), key t_b (b),"
                + " foreign key t_p (p_id) references p (id))");
        run(
                "insert into t values (1, 1, 1, 1, 1), (2, 2, 2, 2, 1)",
                "select count(*) from t force index (t_a) where a = 1");
        IndexReport report =
                IndexCheck.of(database).unusedFor(Duration.ZERO).minRows(0).report();
        boolean counted = report.notes().stream().noneMatch(note -> note.contains("performance_schema=on"));
        assertThat(report.advice()).extracting(IndexAdvice::subject).isEqualTo(counted ? List.of("t_b") : List.of());
    }

    @Test
    void the_transaction_is_read_only() throws SQLException {
        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> IndexCheck.readOnly(database, reading -> {
                    try (Statement statement = reading.createStatement()) {
                        return statement.execute("create table written (a int)");
                    }
                }))
                .withMessageContaining("READ ONLY");
    }
}
