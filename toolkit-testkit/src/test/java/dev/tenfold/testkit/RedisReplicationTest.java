package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class RedisReplicationTest {
    @Test
    void a_write_reaches_the_replica_which_takes_none_itself() throws IOException {
        try (RedisReplication pair = RedisReplication.start();
                Resp primary = Resp.connect(pair.primary().uri())) {
            primary.call("SET", "key", "value");
            assertThat(primary.call("WAIT", "1", "20000")).isEqualTo(1L);
            String replica = pair.replica().uri();
            assertThat(Resp.ask(replica, "GET", "key")).isEqualTo("value");
            assertThatIllegalStateException()
                    .isThrownBy(() -> Resp.ask(replica, "SET", "key", "other"))
                    .withMessageContaining("READONLY");
        }
    }

    @Test
    void promote_makes_the_replica_writable_after_the_primary_is_killed() throws IOException {
        try (RedisReplication pair = RedisReplication.start();
                Resp primary = Resp.connect(pair.primary().uri())) {
            primary.call("SET", "before", "1");
            assertThat(primary.call("WAIT", "1", "20000")).isEqualTo(1L);
            pair.primary().kill();
            pair.promote();
            String replica = pair.replica().uri();
            assertThat(Resp.ask(replica, "SET", "after", "2")).isEqualTo("OK");
            assertThat(Resp.ask(replica, "GET", "before")).isEqualTo("1");
        }
    }
}
