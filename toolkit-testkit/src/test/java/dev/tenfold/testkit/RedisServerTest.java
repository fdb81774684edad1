package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class RedisServerTest {
    @Test
    void the_shared_server_is_one_and_answers() {
        RedisServer server = RedisServer.shared();
        assertThat(server).isSameAs(RedisServer.shared());
        assertThat(Resp.ask(server.uri(), "PING")).isEqualTo("PONG");
        assertThat(server.version()).matches("\\d+\\.\\d+\\.\\d+.*");
    }

    @Test
    void the_uri_leads_to_host_and_port() {
        RedisServer server = RedisServer.shared();
        assertThat(server.uri()).isEqualTo("redis://" + server.host() + ":" + server.port());
    }

    @Test
    void the_shared_server_can_be_neither_killed_nor_closed() {
        RedisServer server = RedisServer.shared();
        assertThatIllegalStateException().isThrownBy(server::kill).withMessageContaining("RedisServer.start()");
        assertThatIllegalStateException().isThrownBy(server::restart).withMessageContaining("RedisServer.start()");
        server.close();
        assertThat(Resp.ask(server.uri(), "PING")).isEqualTo("PONG");
    }

    @Test
    void kill_breaks_connections_and_refuses_new_ones() throws IOException {
        try (RedisServer server = RedisServer.start();
                Resp client = Resp.connect(server.uri())) {
            assertThat(client.call("PING")).isEqualTo("PONG");
            server.kill();
            assertThatThrownBy(() -> client.call("PING")).isInstanceOf(IOException.class);
            assertThatThrownBy(server::version).isInstanceOf(UncheckedIOException.class);
            server.kill(); // once is enough
        }
    }

    @Test
    void restart_listens_on_the_same_port_and_is_empty() {
        try (RedisServer server = RedisServer.start()) {
            int port = server.port();
            String process = server.info("server", "process_id");
            Resp.ask(server.uri(), "SET", "key", "value");
            server.kill();
            server.restart();
            assertThat(server.port()).isEqualTo(port);
            assertThat(Resp.ask(server.uri(), "DBSIZE")).isEqualTo("0");
            assertThat(server.info("server", "process_id")).isNotEqualTo(process);
        }
    }

    @Test
    void restart_kills_one_that_runs() {
        try (RedisServer server = RedisServer.start()) {
            Resp.ask(server.uri(), "SET", "key", "value");
            server.restart();
            assertThat(Resp.ask(server.uri(), "DBSIZE")).isEqualTo("0");
        }
    }

    @Test
    void a_suspended_server_accepts_and_says_nothing_until_it_is_resumed() throws IOException {
        try (RedisServer server = RedisServer.start();
                Resp before = Resp.connect(server.uri())) {
            server.suspend();
            try (Resp meanwhile = Resp.connect(server.uri())) {
                CompletableFuture<Object> pong = CompletableFuture.supplyAsync(() -> ping(meanwhile));
                assertThatThrownBy(() -> pong.get(100, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
                server.resume();
                assertThat(pong).succeedsWithin(Await.LIMIT).isEqualTo("PONG");
            }
            assertThat(before.call("PING")).isEqualTo("PONG");
            server.resume(); // once is enough
        }
    }

    private static Object ping(Resp connection) {
        try {
            return Objects.requireNonNull(connection.call("PING"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void extra_arguments_reach_the_server_across_a_restart() {
        try (RedisServer server = RedisServer.start("--maxmemory", "10mb")) {
            assertThat(server.info("memory", "maxmemory")).isEqualTo("10485760");
            server.restart();
            assertThat(server.info("memory", "maxmemory")).isEqualTo("10485760");
        }
    }

    @Test
    void close_ends_the_process_and_restart_after_it_fails() {
        RedisServer server = RedisServer.start();
        long pid = Long.parseLong(server.info("server", "process_id"));
        server.close();
        server.close();
        assertThat(ProcessHandle.of(pid)).isEmpty();
        assertThatIllegalStateException().isThrownBy(server::restart).withMessageContaining("closed");
    }

    @Test
    void a_server_that_does_not_start_says_why() {
        assertThatIllegalStateException()
                .isThrownBy(() -> RedisServer.start("--no-such-option", "1"))
                .withMessageContaining("no-such-option");
    }
}
