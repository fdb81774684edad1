package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.Fault.Kind;
import dev.tenfold.redis.RedisUnavailableException.Reason;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisException;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FaultTest {
    private static Fault reply(String message) {
        return Fault.of(new RedisCommandExecutionException(message), false);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "LOADING Redis is loading the dataset in memory | REFUSED",
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'. | REFUSED",
                "CLUSTERDOWN The cluster is down | REFUSED",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE. | REFUSED",
                "READONLY You can't write against a read only replica. | MISLED",
                "READONLY You can't write against a read only replica. script: 0af1, on @user_script:1. | MISLED",
                "ERR Error running script (call to f_0af1): @user_script:1: -READONLY You can't write. | MISLED",
                "NOAUTH Authentication required. | MISLED",
                "OOM command not allowed when used memory > 'maxmemory'. | REFUSED_ONCE",
                "MISCONF Redis is configured to save RDB snapshots | REFUSED_ONCE",
                "NOREPLICAS Not enough good replicas to write. | REFUSED_ONCE",
                "TRYAGAIN Multiple keys request during rehashing of slot | REFUSED_ONCE",
                "WRONGTYPE Operation against a key holding the wrong kind of value | CALLER",
                "ERR value is not an integer or out of range | CALLER",
                "ERR Error running script (call to f_0af1): @user_script:1: WRONGTYPE Operation | CALLER",
                "NOPERM this user has no permissions | CALLER",
                "NOSCRIPT No matching script. Please use EVAL. | CALLER",
                "CROSSSLOT Keys in request don't hash to the same slot | CALLER",
                "ERR | CALLER",
            })
    void a_reply_tells_whose_affair_it_is(String message, Kind kind) {
        Fault fault = reply(message);
        assertThat(fault.kind()).isEqualTo(kind);
        assertThat(fault.isReply()).isTrue();
        assertThat(fault.countsAgainstServer()).isEqualTo(kind == Kind.REFUSED || kind == Kind.MISLED);
        if (kind == Kind.CALLER) {
            assertThat(fault.error())
                    .isInstanceOf(RedisCommandExecutionException.class)
                    .hasMessage(message);
        } else {
            assertThat(fault.error()).isInstanceOfSatisfying(RedisUnavailableException.class, e -> {
                assertThat(e.reason()).isEqualTo(Reason.REFUSED);
                assertThat(e.mayHaveRun()).isFalse();
                assertThat(e).hasMessageContaining(message);
            });
        }
    }

    @Test
    void a_script_that_ran_out_of_memory_may_have_written_before() {
        for (String message : new String[] {
            "OOM command not allowed when used memory > 'maxmemory'. script: 0af1, on @user_script:1.",
            "ERR Error running script (call to f_0af1): @user_script:1: -OOM command not allowed",
        }) {
            assertThat(reply(message).error())
                    .isInstanceOfSatisfying(
                            RedisUnavailableException.class,
                            e -> assertThat(e.mayHaveRun()).isTrue());
        }
    }

    @Test
    void a_redirection_is_the_servers_affair_in_a_cluster_and_a_wrong_link_elsewhere() {
        RedisCommandExecutionException moved = new RedisCommandExecutionException("MOVED 1 127.0.0.1:7000");
        assertThat(Fault.of(moved, true).kind()).isEqualTo(Kind.REFUSED);
        Fault elsewhere = Fault.of(moved, false);
        assertThat(elsewhere.kind()).isEqualTo(Kind.CALLER);
        assertThat(elsewhere.error()).isInstanceOf(RedisException.class).hasMessageContaining("connectCluster");
    }

    @Test
    void what_was_never_sent_cannot_have_run() {
        for (RedisException failure : new RedisException[] {
            new RedisConnectionException("Unable to connect"),
            new RedisException("Currently not connected. Commands are rejected."),
            new RedisException("Connection is closed"),
        }) {
            Fault fault = Fault.of(new CompletionException(failure), false);
            assertThat(fault.kind()).isEqualTo(Kind.LOST);
            assertThat(fault.error()).isInstanceOfSatisfying(RedisUnavailableException.class, e -> {
                assertThat(e.reason()).isEqualTo(Reason.DISCONNECTED);
                assertThat(e.mayHaveRun()).isFalse();
                assertThat(e).hasCause(failure);
            });
        }
    }

    @Test
    void what_was_on_its_way_may_have_run() {
        for (Throwable failure : new Throwable[] {
            new RedisException("Connection disconnected"),
            new RedisException("Connection closed"),
            new IOException("Connection reset"),
            new CancellationException(),
            new RedisCommandTimeoutException("the client's own timeout"),
        }) {
            Fault fault = Fault.of(failure, false);
            assertThat(fault.isReply()).isFalse();
            assertThat(fault.countsAgainstServer()).isTrue();
            assertThat(fault.error())
                    .isInstanceOfSatisfying(
                            RedisUnavailableException.class,
                            e -> assertThat(e.mayHaveRun()).isTrue());
        }
    }

    @Test
    void a_bug_is_handed_on_as_it_is() {
        IllegalArgumentException bug = new IllegalArgumentException("the caller's");
        Fault fault = Fault.of(new CompletionException(bug), false);
        assertThat(fault.error()).isSameAs(bug);
        assertThat(fault.countsAgainstServer()).isFalse();
    }
}
