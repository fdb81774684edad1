package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is seen of the rows that are read, on any database. */
abstract class WatchedRowsContract {
    static final String ALL = "select * from author order by id";

    QueryGuard guard = QueryGuard.watch(dataSource(), o -> Patient.guard(o.samples(5)));

    /** A database of this class. */
    abstract DataSource dataSource();

    @BeforeEach
    void fill() throws SQLException {
        try (Connection connection = dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("drop table if exists author");
            statement.execute(
                    "create table author (id bigint primary key, name varchar(100), bio varchar(2000), born date)");
            for (int i = 1; i <= 30; i++) {
                statement.execute("insert into author values (" + i + ", 'name', '" + "b".repeat(1_000)
                        + "', date '2000-01-01')");
            }
        }
    }

    /** Reads of a row, or of a result set. */
    interface Reader {
        void read(ResultSet rows) throws SQLException;
    }

    void query(String sql, int times, Reader reader) throws SQLException {
        for (int i = 0; i < times; i++) {
            try (Connection connection = guard.getConnection();
                    PreparedStatement statement = connection.prepareStatement(sql);
                    ResultSet rows = statement.executeQuery()) {
                reader.read(rows);
            }
        }
    }

    static Reader eachRow(Reader reader) {
        return rows -> {
            while (rows.next()) reader.read(rows);
        };
    }

    List<Finding> found(FindingKind kind) {
        return guard.findings().stream()
                .filter(finding -> finding.kind() == kind)
                .toList();
    }

    @Test
    void columns_that_nobody_reads_are_named_with_their_size() throws SQLException {
        query(ALL, 5, eachRow(rows -> {
            rows.getLong("id");
            rows.getString(2);
        }));

        assertThat(found(FindingKind.UNREAD_COLUMNS)).singleElement().satisfies(finding -> {
            assertThat(finding.detail())
                    .isEqualToIgnoringCase(
                            "2 of 4 columns were never read in 5 executions that were looked at: bio, born,"
                                    + " about 1010 bytes a row");
            assertThat(finding.statement()).isEqualTo(ALL);
            assertThat(finding.remedy()).isEqualTo("select only the columns that are read");
        });
    }

    @Test
    void all_columns_read_by_name_are_no_finding() throws SQLException {
        query(ALL, 5, eachRow(rows -> {
            ResultSetMetaData meta = rows.getMetaData();
            for (int i = 1; i <= meta.getColumnCount(); i++) rows.getObject(meta.getColumnLabel(i));
        }));

        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    @Test
    void columns_read_by_different_callers_count_together() throws SQLException {
        for (int i = 0; i < 5; i++) {
            query(ALL, 1, eachRow(rows -> rows.getObject(1, Long.class)));
            query(ALL, 1, eachRow(rows -> rows.getString("name")));
            query(ALL, 1, eachRow(rows -> rows.getString(rows.findColumn("bio"))));
            query(ALL, 1, eachRow(rows -> rows.getDate(4)));
        }

        // The first report comes after five looks, when all have been read by then.
        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    @Test
    void asking_where_a_column_is_reads_nothing() throws SQLException {
        query(ALL, 5, eachRow(rows -> {
            rows.getLong(1);
            rows.findColumn("bio");
            rows.getMetaData();
            rows.getRow();
        }));

        assertThat(found(FindingKind.UNREAD_COLUMNS))
                .singleElement()
                .satisfies(f -> assertThat(f.detail()).startsWith("3 of 4"));
    }

    @Test
    void asking_whether_there_is_a_row_says_nothing_of_columns() throws SQLException {
        query(ALL, 20, ResultSet::next);

        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    @Test
    void a_small_column_left_unread_is_not_worth_a_finding() throws SQLException {
        query("select id, name from author", 5, eachRow(rows -> rows.getString("name")));

        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    @Test
    void no_columns_are_judged_below_the_number_of_samples() throws SQLException {
        query(ALL, 4, eachRow(rows -> rows.getLong(1)));

        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    @Test
    void rows_read_through_the_drivers_object_are_not_judged() throws SQLException {
        query(ALL, 10, rows -> {
            rows.unwrap(driverType());
            while (rows.next()) rows.getLong(1);
        });

        assertThat(found(FindingKind.UNREAD_COLUMNS)).isEmpty();
    }

    abstract Class<?> driverType();

    @Test
    void rows_are_known_while_they_are_read() throws SQLException {
        query(ALL, 1, rows -> {
            for (int i = 0; i < 7; i++) rows.next();
            WatchedStatement statement = (WatchedStatement) rows.getStatement();
            Entry entry = statement.entry();
            assertThat(entry == null ? -1 : entry.rows).isEqualTo(7);
        });
    }

    @Test
    void typical_rows_are_those_of_the_looks() throws SQLException {
        query(ALL, 3, eachRow(rows -> rows.getLong(1)));

        StatementStats stats = guard.statements().get(0);
        assertThat(stats.rows()).hasValue(30);
        assertThat(guard.fingerprints().all().get(0).executions.typicalRows()).isEqualTo(30);
    }

    @Test
    void every_execution_in_a_test_is_looked_at() throws SQLException {
        try (QueryScope scope = QueryScope.open("test", 3)) {
            query(
                    ALL,
                    40,
                    rows -> assertThat(java.lang.reflect.Proxy.isProxyClass(rows.getClass()))
                            .isTrue());
            assertThat(scope.statements()).isEqualTo(40);
        }
    }

    @Test
    void few_of_many_executions_are_looked_at() throws SQLException {
        long frozen = System.nanoTime();
        guard = QueryGuard.watch(dataSource(), o -> o.nanoClock(() -> frozen));
        int[] looked = new int[1];
        query(ALL, 100, rows -> {
            if (java.lang.reflect.Proxy.isProxyClass(rows.getClass())) looked[0]++;
        });

        assertThat(looked[0]).isEqualTo(16);
    }

    @Test
    void the_statement_of_watched_rows_is_the_watched_one() throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement(ALL);
                ResultSet rows = statement.executeQuery()) {
            assertThat(rows.getStatement()).isSameAs(statement);
            assertThat(rows.unwrap(ResultSet.class)).isSameAs(rows);
            assertThat(rows).isIn(List.of(rows)).isNotEqualTo(null);
            assertThat(rows.isWrapperFor(ResultSet.class)).isTrue();
            assertThat(rows.hashCode()).isEqualTo(rows.hashCode());
        }
    }

    @Test
    void the_drivers_exceptions_arrive_as_they_are() throws SQLException {
        query(ALL, 1, rows -> {
            assertThat(rows.next()).isTrue();
            assertThatThrownBy(() -> rows.getLong("nothing")).isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> rows.getLong(99)).isInstanceOf(SQLException.class);
            rows.close();
            assertThatThrownBy(rows::next).isInstanceOf(SQLException.class);
        });
    }

    @Test
    void rows_got_after_execute_are_watched_once() throws SQLException {
        try (Connection connection = guard.getConnection();
                PreparedStatement statement = connection.prepareStatement(ALL)) {
            assertThat(statement.execute()).isTrue();
            ResultSet rows = statement.getResultSet();
            assertThat(rows.next()).isTrue();
            assertThat(statement.getResultSet()).isSameAs(rows);
        }

        assertThat(guard.statements().get(0).rows()).hasValue(1);
    }

    @Test
    void rows_of_a_statement_that_is_closed_are_counted_too() throws SQLException {
        try (Connection connection = guard.getConnection();
                Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery(ALL);
            rows.next();
            rows.next();
        }

        assertThat(guard.statements().get(0).rows()).hasValue(2);
    }

    @Test
    void rows_that_are_jumped_to_are_counted_and_not_judged() throws SQLException {
        for (int i = 0; i < 10; i++) {
            try (Connection connection = guard.getConnection();
                    PreparedStatement statement = connection.prepareStatement(
                            ALL, ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                    ResultSet rows = statement.executeQuery()) {
                assertThat(rows.last()).isTrue();
                assertThat(rows.getRow()).isEqualTo(30);
            }
        }

        assertThat(guard.statements().get(0).rows()).hasValue(30);
        assertThat(guard.findings()).isEmpty();
    }

    @Test
    void a_query_without_rows_says_nothing() throws SQLException {
        query("select * from author where id < 0", 20, eachRow(rows -> rows.getLong(1)));

        assertThat(guard.findings()).isEmpty();
        assertThat(guard.statements().get(0).rows()).hasValue(0);
    }
}
