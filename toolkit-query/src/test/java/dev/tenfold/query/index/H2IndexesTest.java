package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class H2IndexesTest {
    private final JdbcDataSource database = new JdbcDataSource();

    @SuppressWarnings("NullAway.Init")
    private Connection connection;

    @BeforeEach
    void open() throws SQLException {
        database.setURL("jdbc:h2:mem:indexes");
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

    private List<String> duplicates() {
        return IndexCheck.of(database).report().advice().stream()
                .map(IndexAdvice::subject)
                .toList();
    }

    @Test
    void equal_indexes_and_prefixes_go() throws SQLException {
        run("create table t (a int, b int)", "create index t_1 on t (a, b)", "create index t_2 on t (a, b)");
        run("create index t_a on t (a)", "create index t_b on t (b)");
        assertThat(duplicates()).containsExactlyInAnyOrder("T_2", "T_A");
    }

    @Test
    void indexes_of_constraints_stay() throws SQLException {
        run("create table p (id int primary key, u int unique)", "create index p_id on p (id)");
        run("create table c (id int primary key, p_id int references p)", "create index c_p on c (p_id)");
        run("create unique index p_u on p (u)");
        assertThat(duplicates()).containsExactlyInAnyOrder("P_ID", "C_P", "P_U");
    }

    @Test
    void indexes_that_differ_in_direction_or_uniqueness_stay() throws SQLException {
        run("create table t (a int, b int)", "create index t_1 on t (a, b)", "create index t_2 on t (a desc)");
        run("create unique index t_3 on t (a)");
        assertThat(duplicates()).isEmpty();
    }

    @Test
    void what_is_proposed_can_be_run() throws SQLException {
        run("create schema \"S.1\"", "create table \"S.1\".\"t\" (a int, b int)");
        run(
                "create index \"S.1\".\"i\"\"1\" on \"S.1\".\"t\" (a)",
                "create index \"S.1\".\"i 2\" on \"S.1\".\"t\" (a, b)");
        List<IndexAdvice> advice = IndexCheck.of(database).report().advice();
        assertThat(advice).extracting(IndexAdvice::table).containsExactly("S.1.t");
        run(String.valueOf(advice.get(0).ddl()));
        IndexCheck.of(database).report().assertClean();
        assertThat(IndexCheck.of(database).schemas("PUBLIC").report().advice()).isEmpty();
    }

    @Test
    void a_schema_that_is_not_there_is_refused() throws SQLException {
        run("create schema shop");
        IndexCheck check = IndexCheck.of(database).schemas("SHOP", "shop");
        assertThatIllegalArgumentException()
                .isThrownBy(check::report)
                .withMessageContaining("no schema \"shop\"; there are INFORMATION_SCHEMA, PUBLIC, SHOP;");
    }

    @Test
    void it_says_what_was_not_looked_at() {
        IndexReport report = IndexCheck.of(database).report();
        assertThat(report.database()).startsWith("H2 2.");
        assertThat(report.notes()).singleElement().asString().contains("H2 indexes them by itself");
    }

    @Test
    void a_database_that_is_not_known_is_a_note_and_no_failure() throws SQLException {
        DataSource renamed = wrap(
                DataSource.class,
                database,
                "getConnection",
                wrap(
                        Connection.class,
                        connection,
                        "getMetaData",
                        wrap(DatabaseMetaData.class, connection.getMetaData(), "getDatabaseProductName", "Oracle")));
        IndexReport report = IndexCheck.of(renamed).report();
        report.assertClean();
        assertThat(report.notes()).singleElement().asString().contains("nothing was looked at", "not of Oracle");
        open();
    }

    /** The same thing with another answer to one method. */
    private static <T> T wrap(Class<T> type, T thing, String name, Object answer) {
        return type.cast(Proxy.newProxyInstance(
                H2IndexesTest.class.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
                    if (method.getName().equals(name)) return answer;
                    try {
                        return method.invoke(thing, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }
}
