package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Servers.class)
class ServersTest {
    private static final List<RedisReplication> GIVEN = new ArrayList<>();

    private final PostgresServer postgres;
    private final SettableClock clock;
    private int prepared;

    ServersTest(PostgresServer postgres, SettableClock clock) {
        this.postgres = postgres;
        this.clock = clock;
    }

    @BeforeEach
    void prepare(MariaDbServer mariaDb) {
        prepared = mariaDb.port();
    }

    @Test
    void servers_are_the_shared_ones(
            PostgresServer sql, MariaDbServer mariaDb, RedisServer redis, RedisCluster cluster) {
        assertThat(sql).isSameAs(PostgresServer.shared()).isSameAs(postgres);
        assertThat(mariaDb).isSameAs(MariaDbServer.shared());
        assertThat(prepared).isEqualTo(mariaDb.port());
        assertThat(redis).isSameAs(RedisServer.shared());
        assertThat(cluster).isSameAs(RedisCluster.shared());
    }

    @Test
    void constructor_and_method_of_one_test_get_the_same_clock(SettableClock same) {
        assertThat(same).isSameAs(clock);
        assertThat(same.instant()).isEqualTo(Instant.parse("2030-01-01T00:00:00Z"));
        same.set(Instant.EPOCH);
    }

    @Test
    void another_test_gets_another_clock(SettableClock same) {
        assertThat(same.instant()).isEqualTo(Instant.parse("2030-01-01T00:00:00Z"));
        same.set(Instant.EPOCH);
    }

    @Test
    void a_replication_is_the_tests_own(RedisReplication pair, RedisReplication same) {
        assertThat(Resp.ask(pair.primary().uri(), "SET", "key", "value")).isEqualTo("OK");
        assertThat(same).isSameAs(pair);
        GIVEN.add(pair);
    }

    @AfterAll
    static void a_replication_was_closed_after_its_test() {
        assertThat(GIVEN).hasSize(1);
        assertThatIllegalStateException()
                .isThrownBy(() -> GIVEN.get(0).primary().restart())
                .withMessageContaining("closed");
    }
}
