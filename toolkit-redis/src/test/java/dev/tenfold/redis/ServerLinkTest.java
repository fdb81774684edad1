package dev.tenfold.redis;

import static dev.tenfold.redis.Network.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import dev.tenfold.testkit.Await;
import io.lettuce.core.RedisException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A link to one server, with a client of its own; and what a server alone can be made to do. */
class ServerLinkTest extends LinkContract {
    @Override
    Network start() {
        return Network.ofServer();
    }

    @Override
    RedisLink open(Network network, UnaryOperator<RedisOptions> options) {
        return RedisLink.connect(network.uris().get(0), options);
    }

    @Test
    void it_is_no_cluster() {
        assertThat(link().isCluster()).isFalse();
    }

    @Test
    void a_restarted_server_is_used_again_and_learns_the_scripts_anew() {
        try (Network mine = Network.ofServer()) {
            RedisLink link = open(mine, LinkContract::patient);
            closeAfterwards(link);
            RedisScript<Long> script = RedisScript.of("return redis.call('INCR', KEYS[1])", RedisScript.Reply.INTEGER);
            assertThat(link.await(link.eval(script, keys("key")))).isEqualTo(1);
            mine.servers().get(0).restart();
            awaitLost(link);
            awaitUp(link);
            assertThat(link.await(link.eval(script, keys("key")))).isEqualTo(1);
            assertThat(link.stats().scriptLoads()).isEqualTo(2);
        }
    }

    @Test
    void a_suspended_server_is_down_and_up_when_it_goes_on() {
        try (Network mine = Network.ofServer()) {
            RedisLink link = open(mine, options -> options.commandTimeout(Duration.ofMillis(100)));
            closeAfterwards(link);
            mine.direct(redis -> redis.set(bytes("key"), bytes("before")));
            mine.servers().get(0).suspend();
            List<RedisUnavailableException> failures = callUntilDown(link);
            assertThat(failures).allMatch(e -> e.reason() == Reason.TIMEOUT);
            mine.servers().get(0).resume();
            awaitUp(link);
            Await.until("it serves", () -> serves(link));
            assertThat(mine.get("key")).isEqualTo("before");
        }
    }

    @Test
    void a_primary_that_has_become_a_replica_is_down_until_it_is_a_primary_again() {
        try (Network mine = Network.ofServer();
                Network other = Network.ofServer()) {
            RedisLink link = open(mine, LinkContract::patient);
            closeAfterwards(link);
            set(link, "key", "value");
            int port = other.servers().get(0).port();
            mine.each(redis -> redis.replicaof("127.0.0.1", port));
            Await.until("down", () -> {
                try {
                    set(link, "key", "value");
                } catch (RedisUnavailableException e) {
                    assertThat(e.mayHaveRun()).isFalse();
                    assertThat(e.reason()).isIn(Reason.REFUSED, Reason.DOWN);
                }
                return !link.isAvailable();
            });
            long connected = mine.accepted();
            Await.until("it looks for the primary on other connections", () -> mine.accepted() > connected + 1);
            assertThat(link.isAvailable()).isFalse();
            mine.each(redis -> redis.replicaofNoOne());
            awaitUp(link);
            set(link, "key", "again");
        }
    }

    @Test
    void a_script_that_a_replica_refuses_says_the_same() {
        try (Network mine = Network.ofServer();
                Network other = Network.ofServer()) {
            RedisLink link = open(mine, options -> patient(options).failuresToOpen(1));
            closeAfterwards(link);
            RedisScript<Long> script = RedisScript.of("return redis.call('INCR', KEYS[1])", RedisScript.Reply.INTEGER);
            link.await(link.eval(script, keys("key")));
            int port = other.servers().get(0).port();
            mine.each(redis -> redis.replicaof("127.0.0.1", port));
            assertThatExceptionOfType(RedisUnavailableException.class)
                    .isThrownBy(() -> link.await(link.eval(script, keys("key"))))
                    .matches(e -> e.reason() == Reason.REFUSED && !e.mayHaveRun());
            assertThat(link.isAvailable()).isFalse();
        }
    }

    @Test
    void a_server_busy_with_a_script_is_down_until_the_script_is_killed() {
        RedisLink link = link(options -> patient(options).failuresToOpen(1).commandTimeout(Duration.ofSeconds(1)));
        warmUp(link);
        CompletableFuture<Void> endless = CompletableFuture.runAsync(() -> {
            try (Network other = network().anotherWay()) {
                other.direct(redis -> redis.eval("while true do end", ScriptOutputType.STATUS));
            } catch (RedisException killed) {
                assertThat(killed).hasMessageContaining("kill");
            }
        });
        awaitDown(link);
        Await.until("the script can be killed", this::kill);
        awaitUp(link);
        assertThat(endless).succeedsWithin(Await.LIMIT);
        warmUp(link);
    }

    private boolean kill() {
        try {
            network().each(redis -> redis.scriptKill());
            return true;
        } catch (RedisException notYet) {
            return false;
        }
    }

    @Test
    void a_full_memory_refuses_writes_and_leaves_the_link_up() {
        RedisLink link = link();
        set(link, "key", "value");
        network().each(redis -> redis.configSet("maxmemory", "1"));
        try {
            for (int i = 0; i < 20; i++) {
                assertThatExceptionOfType(RedisUnavailableException.class)
                        .isThrownBy(() -> set(link, "key", "other"))
                        .matches(e -> e.reason() == Reason.REFUSED && !e.mayHaveRun())
                        .withMessageContaining("OOM");
                assertThat(get(link, "key")).isEqualTo("value");
            }
        } finally {
            network().each(redis -> redis.configSet("maxmemory", "0"));
        }
        assertThat(link.stats()).matches(stats -> stats.opened() == 0 && stats.failures() == 20);
    }

    @Test
    void a_server_that_answers_probes_and_nothing_else_does_not_make_the_link_flutter() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(20)).probeInterval(Duration.ofMillis(300)));
        warmUp(link);
        BlockingQueue<RedisLinkState> states = new LinkedBlockingQueue<>();
        link.onStateChange(states::add);
        // PING is answered, SET is not: each session ends after three of these.
        network()
                .each(redis -> redis.dispatch(
                        CommandType.CLIENT,
                        new StatusOutput<>(ByteArrayCodec.INSTANCE),
                        new CommandArgs<>(ByteArrayCodec.INSTANCE)
                                .add("PAUSE")
                                .add(2_000)
                                .add("WRITE")));
        long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        while (System.nanoTime() - end < 0) {
            CompletableFuture<String> call = link.call(redis -> redis.set(bytes("key"), bytes("value")));
            try {
                link.await(call);
            } catch (RedisUnavailableException e) {
                Thread.onSpinWait();
            }
        }
        // Without the pauses: 2 s / (3 * 20 ms), up and down. With them: at once, 300, 600, 1000 ms later.
        assertThat(states).hasSizeLessThan(14);
        awaitUp(link);
        Await.until("it serves", () -> serves(link));
    }

    private static boolean serves(RedisLink link) {
        try {
            return set(link, "key", "before").equals("OK");
        } catch (RedisUnavailableException e) {
            return false;
        }
    }
}
