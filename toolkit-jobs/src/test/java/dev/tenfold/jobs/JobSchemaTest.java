package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.testkit.MariaDbServer;
import dev.tenfold.testkit.PostgresServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Collections;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jooq.SQLDialect;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class JobSchemaTest {
    private static final String H2 = "jdbc:h2:mem:schema-test-";

    private int h2s;

    @AfterAll
    void close() throws SQLException {
        for (int i = 0; i < h2s; i++) {
            execute(h2(i), "shutdown");
        }
    }

    private static DataSource h2(int number) {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setURL(H2 + number + ";DB_CLOSE_DELAY=-1");
        return h2;
    }

    private static DataSource postgres() {
        return PostgresServer.shared().dataSource(PostgresServer.shared().createDatabase());
    }

    /** An empty database of each kind. */
    Stream<DataSource> databases() {
        return Stream.of(
                postgres(),
                MariaDbServer.shared().dataSource(MariaDbServer.shared().createDatabase()),
                h2(h2s++));
    }

    private static void execute(DataSource dataSource, String sql) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static long number(DataSource dataSource, String sql) throws SQLException {
        try (Connection connection = dataSource.getConnection();
                var statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    @ParameterizedTest
    @MethodSource("databases")
    void eight_nodes_install_at_once(DataSource dataSource) throws Exception {
        StoreContract.parallel(8, thread -> {
            JobSchema.install(dataSource);
            JobSchema.validate(dataSource);
            return true;
        });
        assertThat(number(dataSource, "select count(*) from tenfold_job_schema where checksum is not null"))
                .isEqualTo(1);
        assertThat(number(dataSource, "select count(*) from tenfold_job")).isZero();
    }

    @ParameterizedTest
    @MethodSource("databases")
    void without_tables_the_message_says_what_to_run(DataSource dataSource) {
        assertThatThrownBy(() -> JobSchema.validate(dataSource))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no tables for jobs")
                .hasMessageContaining("JobSchema.install(dataSource)")
                .hasMessageContaining("V1__jobs.sql");
    }

    @ParameterizedTest
    @MethodSource("databases")
    void versions_that_follow_each_other_work_together(DataSource dataSource) throws SQLException {
        JobSchema.install(dataSource);
        Db db = new Db(dataSource, Db.dialectOf(dataSource), null, null);
        assertThatThrownBy(() -> JobSchema.validate(db, 2))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("have version 1, this program needs 2")
                .hasMessageContaining("V2__jobs.sql");

        execute(dataSource, "insert into tenfold_job_schema (version, compatible_from, installed_at) values (2, 1, 0)");
        assertThatCode(() -> JobSchema.validate(dataSource)).doesNotThrowAnyException();
        assertThatCode(() -> JobSchema.install(dataSource)).doesNotThrowAnyException();

        execute(dataSource, "insert into tenfold_job_schema (version, compatible_from, installed_at) values (3, 2, 0)");
        assertThatThrownBy(() -> JobSchema.validate(dataSource))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("suits programs from version 2")
                .hasMessageContaining("deploy a newer toolkit-jobs");
        assertThatThrownBy(() -> JobSchema.install(dataSource)).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @MethodSource("databases")
    void another_text_of_an_installed_version_is_refused(DataSource dataSource) throws SQLException {
        JobSchema.install(dataSource);
        execute(dataSource, "update tenfold_job_schema set checksum = 5");
        assertThatThrownBy(() -> JobSchema.install(dataSource))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("version 1")
                .hasMessageContaining("checksum 5");
    }

    @ParameterizedTest
    @MethodSource("databases")
    void what_another_tool_has_applied_is_taken_over(DataSource dataSource) throws SQLException {
        SQLDialect dialect = Db.dialectOf(dataSource);
        for (String each : JobSchema.statements(
                JobSchema.scripts(dialect).values().iterator().next())) {
            execute(dataSource, each);
        }
        JobSchema.validate(dataSource);
        JobSchema.install(dataSource);
        assertThat(number(dataSource, "select count(*) from tenfold_job_schema where checksum is not null"))
                .isEqualTo(1);
    }

    @Test
    void a_half_done_installation_in_mariadb_is_completed_by_the_next() throws SQLException {
        DataSource dataSource =
                MariaDbServer.shared().dataSource(MariaDbServer.shared().createDatabase());
        for (String each : JobSchema.statements(JobSchema.scripts(SQLDialect.MARIADB)
                        .values()
                        .iterator()
                        .next())
                .subList(0, 4)) {
            execute(dataSource, each);
        }
        JobSchema.install(dataSource);
        JobSchema.validate(dataSource);
        assertThat(number(dataSource, "select count(*) from tenfold_job_history"))
                .isZero();
    }

    @Test
    void a_schema_of_ones_own_has_the_tables_and_the_store_finds_them() throws SQLException {
        DataSource dataSource = postgres();
        JobSchema.install(dataSource, "work");
        JobSchema.validate(dataSource, "work");
        assertThatThrownBy(() -> JobSchema.validate(dataSource)).hasMessageContaining("no tables for jobs");
        assertThatThrownBy(() -> JobSchema.validate(dataSource, "other"))
                .hasMessageContaining("in schema other")
                .hasMessageContaining("JobSchema.install(dataSource, \"other\")");

        Db db = new Db(dataSource, SQLDialect.POSTGRES, "work", null);
        JobStore store = JobStore.of(db);
        int queue = store.queueId("default");
        int kind = store.kindId("k");
        NewJob job = new NewJob(queue, kind, 2, 0, true, 1, 1, null, null, 0, "tenant", 1, null);
        db.transaction(connection -> {
            store.insertAll(connection, job, Collections.nCopies(3, new byte[0]));
            return store.insert(connection, job, new byte[0]);
        });
        var claimed = store.claim(new Lane(queue, 2), Lane.Cursor.START, new int[] {kind}, 10, 1, 1_000_000);
        var admitted = store.admit(claimed, 1);
        assertThat(admitted).hasSize(1);
        store.bury(
                admitted.stream()
                        .map(each -> new JobStore.Ending(each, 1, 0, null))
                        .toList(),
                1,
                DeadReason.REJECTED);
        assertThat(store.buryCrashLoops(10)).isZero();
        assertThat(store.mendConcurrency()).isLessThanOrEqualTo(1);
        assertThat(store.prune(JobStore.DAY)).isZero();
        assertThat(number(dataSource, "select count(*) from work.tenfold_job_dead"))
                .isEqualTo(1);
    }

    @Test
    void a_bad_name_of_a_schema_is_refused_before_anything_is_asked() {
        DataSource none = new JdbcDataSource();
        assertThatThrownBy(() -> JobSchema.install(none, "a; drop table x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no name for a schema");
        assertThatThrownBy(() -> JobSchema.install(h2(h2s++), "work"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("PostgreSQL alone");
    }
}
