package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PostgresReplicaTest {
    private static PostgresServer primary;
    private static FaultProxy link;
    /** Follows through the link. A test leaves it running and whole. */
    private static PostgresServer replica;

    @BeforeAll
    static void start() throws SQLException {
        primary = PostgresServer.start();
        try (Connection connection = primary.dataSource("postgres").getConnection()) {
            connection.createStatement().execute("CREATE TABLE counted AS SELECT 0 AS n");
        }
        link = FaultProxy.to(primary.host(), primary.port());
        replica = primary.startReplica(link);
    }

    @AfterAll
    static void close() {
        replica.close();
        link.close();
        primary.close();
    }

    private static void count(PostgresServer server) {
        server.ask("UPDATE counted SET n = n + 1 RETURNING n");
    }

    private static String counted(PostgresServer server) {
        return server.ask("SELECT n FROM counted");
    }

    private static void awaitSame(PostgresServer replica) {
        Await.until(
                "the replica has what the primary has", () -> counted(replica).equals(counted(primary)));
    }

    @Test
    void a_replica_has_what_was_there_before_and_follows_and_takes_no_writes() {
        assertThat(replica.ask("SELECT pg_is_in_recovery()")).isEqualTo("t");
        awaitSame(replica);
        count(primary);
        awaitSame(replica);
        assertThatThrownBy(() -> count(replica)).hasRootCauseInstanceOf(SQLException.class);
    }

    @Test
    void a_paused_replica_stays_behind_until_it_is_resumed() {
        awaitSame(replica);
        String before = counted(replica);
        replica.pauseReplay();
        count(primary);
        assertThat(counted(replica)).isEqualTo(before);
        replica.resumeReplay();
        awaitSame(replica);
    }

    @Test
    void a_replica_that_was_killed_catches_up_after_a_restart() {
        replica.kill();
        count(primary);
        replica.restart();
        awaitSame(replica);
    }

    @Test
    void a_cut_between_primary_and_replica_is_a_lag_that_ends() {
        awaitSame(replica);
        String before = counted(replica);
        link.cut();
        count(primary);
        assertThat(counted(replica)).isEqualTo(before);
        link.resume();
        awaitSame(replica);
    }

    @Test
    void a_promoted_replica_takes_writes_and_a_replica_of_its_own() throws SQLException {
        try (PostgresServer promoted = primary.startReplica()) {
            promoted.promote();
            assertThat(promoted.ask("SELECT pg_is_in_recovery()")).isEqualTo("f");
            count(promoted);
            promoted.restart();
            try (PostgresServer second = promoted.startReplica();
                    Connection connection = second.dataSource("postgres").getConnection()) {
                assertThat(connection.isValid(5)).isTrue();
                Await.until("it follows", () -> counted(second).equals(counted(promoted)));
            }
        }
    }

    @Test
    void a_closed_replica_is_gone_with_its_directory() {
        PostgresServer other = primary.startReplica();
        Path dir = Path.of(other.ask("SHOW data_directory")).getParent();
        other.close();
        assertThat(dir).doesNotExist();
    }

    @Test
    void what_is_no_setting_and_what_is_no_replica_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> primary.startReplica("hot_standby"))
                .withMessage("setting hot_standby is no name=value");
        assertThatIllegalStateException().isThrownBy(primary::pauseReplay);
        assertThatIllegalStateException().isThrownBy(primary::promote);
        assertThatIllegalStateException()
                .isThrownBy(() -> PostgresServer.shared().startReplica());
    }
}
