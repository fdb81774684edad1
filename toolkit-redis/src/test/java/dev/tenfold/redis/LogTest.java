package dev.tenfold.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.RedisException;
import io.lettuce.core.ScriptOutputType;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One line each way, for whoever is on call, and never a password. */
class LogTest {
    private final PrintStream stderr = System.err;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    @BeforeEach
    void capture() {
        System.setErr(new PrintStream(log, true, UTF_8));
    }

    @AfterEach
    void release() {
        System.setErr(stderr);
    }

    private List<String> lines(String part) {
        return log.toString(UTF_8)
                .lines()
                .filter(line -> line.contains(RedisLink.class.getName()) && line.contains(part))
                .toList();
    }

    @Test
    void an_outage_is_one_warning_and_one_line_when_it_is_over() {
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(network.uris().get(0), LinkContract::patient)) {
            LinkContract.set(link, "key", "value");
            network.cut();
            LinkContract.callUntilDown(link);
            long attempts = System.nanoTime();
            Await.until("some attempts", () -> System.nanoTime() - attempts > 700_000_000);
            network.heal();
            LinkContract.awaitUp(link);
            assertThat(lines("WARN"))
                    .singleElement()
                    .asString()
                    .contains(network.uris().get(0) + " is down (", "refused at once until it answers a PING");
            Await.until("it is logged", () -> lines("INFO").size() == 2);
            assertThat(lines("INFO"))
                    .allMatch(line -> line.contains(network.uris().get(0) + " is up, after "));
        }
    }

    @Test
    void an_outage_of_messages_is_one_warning_and_one_line_when_it_is_over() {
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(network.uris().get(0), LinkContract::patient)) {
            LinkContract.Recorder recorder = new LinkContract.Recorder();
            link.subscribe(Network.bytes("channel"), recorder);
            recorder.await("subscribed", 1);
            network.each(redis -> redis.clientKill(io.lettuce.core.KillArgs.Builder.typePubsub()));
            recorder.await("subscribed", 2);
            assertThat(lines("WARN"))
                    .singleElement()
                    .asString()
                    .contains("No messages from " + network.uris().get(0));
            assertThat(lines("come again")).hasSize(1);
        }
    }

    @Test
    void a_server_too_busy_to_subscribe_is_asked_again_until_it_does_after_one_warning() {
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(
                        network.uris().get(0),
                        options -> LinkContract.patient(options).probeInterval(Duration.ofMillis(20)))) {
            LinkContract.Recorder recorder = new LinkContract.Recorder();
            link.subscribe(Network.bytes("channel"), recorder);
            recorder.await("subscribed", 1);
            CompletableFuture<Void> endless = CompletableFuture.runAsync(() -> {
                try (Network other = network.anotherWay()) {
                    other.direct(redis -> redis.eval("while true do end", ScriptOutputType.STATUS));
                } catch (RedisException killed) {
                    assertThat(killed).hasMessageContaining("kill");
                }
            });
            Await.until("the script runs", () -> isBusy(network));
            network.cut();
            recorder.await("lost", 1);
            network.heal();
            Await.until("it refuses", () -> !lines("refuses to subscribe").isEmpty());
            long refused = System.nanoTime();
            Await.until("it has been asked again", () -> System.nanoTime() - refused > 200_000_000);
            assertThat(lines("refuses to subscribe")).hasSize(1);
            network.each(redis -> redis.scriptKill());
            recorder.await("subscribed", 2);
            assertThat(endless).succeedsWithin(Await.LIMIT);
            assertThat(lines("come again")).hasSize(1);
        }
    }

    private static boolean isBusy(Network network) {
        try {
            network.each(redis -> redis.ping());
            return false;
        } catch (RedisException busy) {
            return String.valueOf(busy.getMessage()).startsWith("BUSY");
        }
    }

    @Test
    void a_password_is_not_shown_when_it_is_wrong_nor_when_nobody_asks_for_it() {
        try (RedisServer server = RedisServer.start("--requirepass", "s3cret-a")) {
            String address = server.host() + ":" + server.port();
            try (RedisLink wrong = RedisLink.connect("redis://:s3cret-b@" + address, LinkContract::patient);
                    RedisLink right = RedisLink.connect("redis://:s3cret-a@" + address, LinkContract::patient);
                    RedisLink nobody = RedisLink.connect("redis://user:s3cret-c@127.0.0.1:1");
                    RedisLink cluster = RedisLink.connectCluster(List.of("redis://user:s3cret-d@127.0.0.1:1"));
                    RedisLink sentinel = RedisLink.connect("redis-sentinel://user:s3cret-e@127.0.0.1:1/0#primary")) {
                assertThat(List.of(wrong, nobody, cluster, sentinel))
                        .allMatch(link -> link.state() == RedisLinkState.DOWN);
                LinkContract.set(right, "key", "value");
                assertThat(lines("redis://" + address + " is down"))
                        .singleElement()
                        .asString()
                        .contains("WRONGPASS");
                assertThat(lines("redis://127.0.0.1:1 is down")).hasSize(1);
                assertThat(lines("redis cluster 127.0.0.1:1 is down")).hasSize(1);
                assertThat(lines("redis-sentinel://127.0.0.1:1#primary is down"))
                        .hasSize(1);
            }
        }
        assertThat(log.toString(UTF_8)).doesNotContain("s3cret");
    }
}
