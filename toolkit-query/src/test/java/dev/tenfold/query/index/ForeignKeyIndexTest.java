package dev.tenfold.query.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tenfold.query.index.IndexAdvice.Kind;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Objects;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which foreign keys lack an index, on schemas made by hand. */
class ForeignKeyIndexTest {
    private static final DataSource DATABASE = create();

    @SuppressWarnings("NullAway.Init")
    private static Connection connection;

    private static DataSource create() {
        PostgresServer server = PostgresServer.shared();
        return server.dataSource(server.createDatabase());
    }

    @BeforeAll
    static void open() throws SQLException {
        connection = DATABASE.getConnection();
    }

    @AfterAll
    static void close() throws SQLException {
        connection.close();
    }

    static List<FkSchemas.Case> schemas() {
        return FkSchemas.read();
    }

    @Test
    void there_are_many_schemas() {
        assertThat(schemas()).hasSizeGreaterThanOrEqualTo(40).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @MethodSource("schemas")
    void what_lacks_an_index_is_found_and_no_other_and_what_is_proposed_mends_it(FkSchemas.Case schema)
            throws SQLException {
        install(schema);
        IndexReport before = IndexCheck.of(DATABASE).report();
        assertThat(missing(before))
                .extracting(one -> one.table() + "(" + one.subject() + ")")
                .as(before.text())
                .containsExactlyInAnyOrderElementsOf(schema.expected());
        if (schema.expected().isEmpty()) return;
        assertThat(missing(before))
                .allMatch(one -> one.ddl() != null || one.detail().contains("no index on the columns can help"));
        List<String> ddl = missing(before).stream()
                .map(IndexAdvice::ddl)
                .filter(Objects::nonNull)
                .distinct()
                .toList();
        for (String one : ddl) run(one);
        IndexReport after = IndexCheck.of(DATABASE).report();
        assertThat(missing(after))
                .as(before.text() + "\n\nthen\n\n" + after.text())
                .allMatch(advice -> advice.detail().contains("no index on the columns can help"));
    }

    private static void install(FkSchemas.Case schema) throws SQLException {
        assumeTrue(connection.getMetaData().getDatabaseMajorVersion() >= schema.needs());
        schema.install(connection);
    }

    private static List<IndexAdvice> missing(IndexReport report) {
        return report.advice().stream()
                .filter(one -> one.kind() == Kind.MISSING_FOREIGN_KEY_INDEX)
                .toList();
    }

    private static void run(String ddl) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String one : ddl.split(";\n", -1)) statement.execute(one);
        }
    }
}
