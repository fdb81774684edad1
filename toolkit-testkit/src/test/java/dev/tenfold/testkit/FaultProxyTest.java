package dev.tenfold.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The proxy in front of a real Redis and a real PostgreSQL. Upper bounds are of the best of some tries: a build machine may be busy. */
class FaultProxyTest {
    private static final Duration BUSY = Duration.ofSeconds(2);
    private static final int PATIENCE_MILLIS = Math.toIntExact(Await.LIMIT.toMillis());

    private final RedisServer redis = RedisServer.shared();
    private final PostgresServer postgres = PostgresServer.shared();
    private final FaultProxy toRedis = FaultProxy.to(redis.host(), redis.port());
    private final FaultProxy toPostgres = FaultProxy.to(postgres.host(), postgres.port());

    @AfterEach
    void closeProxies() {
        toRedis.close();
        toPostgres.close();
    }

    @Test
    void without_a_fault_it_is_a_plain_copy() throws Exception {
        try (Socket client = client();
                Connection connection = connect()) {
            send(client, command("ECHO", "x".repeat(300_000)));
            assertThat(receive(client, 300_000 + 11))
                    .startsWith("$300000\r\nxxx")
                    .endsWith("x\r\n");
            assertThat(ask(connection)).isEqualTo(42);
            assertThat(toRedis.connections()).isEqualTo(1);
        }
    }

    @Test
    void delay_makes_a_round_trip_to_redis_longer_by_what_was_asked() throws Exception {
        try (Socket client = client()) {
            assertThat(best(3, () -> ping(client))).isLessThan(BUSY);
            toRedis.delay(Duration.ofMillis(80));
            assertThat(best(3, () -> ping(client))).isBetween(Duration.ofMillis(80), BUSY);
            toRedis.delay(Duration.ofMillis(2));
            assertThat(best(3, () -> ping(client))).isBetween(Duration.ofMillis(2), BUSY);
        }
    }

    @Test
    void delay_ends_when_set_to_zero() throws Exception {
        try (Socket client = client()) {
            toRedis.delay(Duration.ofMillis(500));
            ping(client);
            toRedis.delay(Duration.ZERO);
            assertThat(best(20, () -> ping(client))).isLessThan(Duration.ofMillis(100));
        }
    }

    @Test
    void delay_makes_a_query_on_postgresql_longer_by_what_was_asked() throws Exception {
        try (Connection connection = connect()) {
            toPostgres.delay(Duration.ofMillis(80));
            Duration best = best(3, () -> {
                long start = System.nanoTime();
                assertThat(ask(connection)).isEqualTo(42);
                return since(start);
            });
            assertThat(best).isBetween(Duration.ofMillis(80), BUSY);
        }
    }

    @Test
    void pipelined_requests_do_not_wait_for_one_another() throws Exception {
        // The proxy reads 64 KiB at a time, so this is at least 40 chunks each way, one after another 40 × 1 s.
        int length = 40 * 64 * 1_024;
        toRedis.delay(Duration.ofSeconds(1));
        try (Socket client = client()) {
            long start = System.nanoTime();
            send(client, command("ECHO", "x".repeat(length)) + "PING\r\n".repeat(1_000));
            String reply = receive(client, ("$" + length + "\r\n").length() + length + 2 + 1_000 * 7);
            assertThat(since(start)).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(20));
            assertThat(reply).endsWith("x\r\n" + "+PONG\r\n".repeat(1_000));
        }
    }

    @Test
    void bandwidth_limits_how_fast_each_direction_is() throws Exception {
        try (Socket client = client()) {
            toRedis.bandwidth(100_000);
            Duration up = best(3, () -> {
                long start = System.nanoTime();
                send(client, command("SET", "tenfold-bandwidth", "x".repeat(20_000)));
                assertThat(receive(client, 5)).isEqualTo("+OK\r\n");
                return since(start);
            });
            assertThat(up)
                    .isBetween(Duration.ofMillis(200), Duration.ofMillis(200).plus(BUSY));

            Duration down = best(3, () -> {
                long start = System.nanoTime();
                send(client, command("GET", "tenfold-bandwidth"));
                assertThat(receive(client, 20_010)).endsWith("x\r\n");
                return since(start);
            });
            assertThat(down)
                    .isBetween(Duration.ofMillis(200), Duration.ofMillis(200).plus(BUSY));

            toRedis.bandwidth(Long.MAX_VALUE);
            assertThat(best(3, () -> ping(client))).isLessThan(BUSY);
        }
    }

    @Test
    void cut_breaks_open_connections_and_refuses_new_ones() throws Exception {
        try (Socket client = client();
                Connection connection = connect()) {
            ping(client);
            toRedis.cut();
            toPostgres.cut();
            assertThatThrownBy(() -> ping(client)).isInstanceOf(IOException.class);
            assertThatThrownBy(this::client).isInstanceOf(ConnectException.class);
            assertThatThrownBy(() -> ask(connection))
                    .isInstanceOfSatisfying(
                            SQLException.class, e -> assertThat(e.getSQLState()).startsWith("08"));
            assertThatThrownBy(() -> connect()).isInstanceOf(SQLException.class);
            assertThat(toRedis.connections()).isZero();
            toRedis.cut(); // once is enough
        }
    }

    @Test
    void resume_after_cut_serves_the_same_port_again() throws Exception {
        int port = toRedis.port();
        toRedis.cut();
        toPostgres.cut();
        toRedis.resume();
        toPostgres.resume();
        try (Socket client = client();
                Connection connection = connect()) {
            ping(client);
            assertThat(ask(connection)).isEqualTo(42);
            assertThat(toRedis.port()).isEqualTo(port);
        }
    }

    @Test
    void the_first_to_connect_after_resume_is_served() throws Exception {
        for (int round = 0; round < 50; round++) {
            toRedis.cut();
            Thread resume = new Thread(toRedis::resume, "resume");
            resume.start();
            try (Socket client = connectAsSoonAsPossible()) {
                ping(client);
            }
            resume.join();
        }
    }

    @Test
    void half_open_is_silence_on_a_socket_that_stays_open_and_resume_delivers_what_was_held() throws Exception {
        try (Socket client = client()) {
            ping(client);
            toRedis.halfOpen();
            client.setSoTimeout(200);
            send(client, "PING\r\n");
            assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
            assertThat(toRedis.connections()).isEqualTo(1);

            toRedis.resume();
            client.setSoTimeout(PATIENCE_MILLIS);
            assertThat(receive(client, 7)).isEqualTo("+PONG\r\n");
            ping(client);
        }
    }

    @Test
    void one_connection_is_half_open_and_the_others_go_on() throws Exception {
        try (Socket silent = client();
                Socket other = client()) {
            ping(other);
            send(silent, "CLIENT INFO\r\n");
            String info = receive(silent, Integer.parseInt(line(silent).substring(1)) + 2);
            Matcher port = Pattern.compile(" addr=127\\.0\\.0\\.1:(\\d+)").matcher(info);
            assertThat(port.find()).as(info).isTrue();

            toRedis.halfOpen(Integer.parseInt(port.group(1)));
            silent.setSoTimeout(200);
            send(silent, "PING\r\n");
            assertThatThrownBy(() -> silent.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
            ping(other);

            toRedis.resume();
            silent.setSoTimeout(PATIENCE_MILLIS);
            assertThat(receive(silent, 7)).isEqualTo("+PONG\r\n");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> toRedis.halfOpen(1))
                .withMessageContaining("port 1;");
    }

    @Test
    void what_is_held_back_is_lost_when_the_proxy_closes_or_is_cut() throws Exception {
        int rounds = 50;
        try (Socket direct = new Socket(redis.host(), redis.port())) {
            for (int i = 0; i < rounds; i++) {
                FaultProxy proxy = FaultProxy.to(redis.host(), redis.port());
                try (Socket client = new Socket(proxy.host(), proxy.port())) {
                    ping(client);
                    proxy.halfOpen();
                    send(client, command("SET", "held-back", "no"));
                    if (i % 2 == 0) proxy.cut();
                } finally {
                    proxy.close();
                }
            }
            send(direct, command("EXISTS", "held-back"));
            assertThat(line(direct)).isEqualTo(":0");
        }
    }

    @Test
    void half_open_accepts_new_connections_and_says_nothing() throws Exception {
        toRedis.halfOpen();
        try (Socket client = client()) {
            client.setSoTimeout(200);
            assertThatThrownBy(() -> ping(client)).isInstanceOf(SocketTimeoutException.class);
            assertThat(client.isClosed()).isFalse();
        }
    }

    @Test
    void half_open_is_a_read_timeout_of_the_postgresql_driver() throws Exception {
        try (Connection connection = connect()) {
            assertThat(ask(connection)).isEqualTo(42);
            connection.setNetworkTimeout(Runnable::run, 1_000);
            toPostgres.halfOpen();
            assertThatThrownBy(() -> ask(connection)).hasRootCauseInstanceOf(SocketTimeoutException.class);
        }
        toPostgres.resume();
        try (Connection again = connect()) {
            assertThat(ask(again)).isEqualTo(42);
        }
    }

    @Test
    void a_server_that_refuses_ends_the_clients_connection() throws Exception {
        RedisServer dead = RedisServer.start();
        try (dead;
                FaultProxy proxy = FaultProxy.to(dead.host(), dead.port())) {
            dead.kill();
            try (Socket client = new Socket(proxy.host(), proxy.port())) {
                client.setSoTimeout(PATIENCE_MILLIS);
                assertThatThrownBy(() -> ping(client)).isInstanceOf(IOException.class);
            }
            dead.restart();
            try (Socket client = new Socket(proxy.host(), proxy.port())) {
                client.setSoTimeout(PATIENCE_MILLIS);
                ping(client);
            }
        }
    }

    @Test
    void a_client_that_leaves_takes_its_connection_along() throws Exception {
        try (Socket client = client()) {
            ping(client);
            assertThat(toRedis.connections()).isEqualTo(1);
        }
        Await.until("it is gone", () -> toRedis.connections() == 0);
    }

    @Test
    void close_leaves_no_thread_and_no_socket_whatever_the_fault() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        Await.inTime(BUSY, this::timeToCloseThree);
        before.assertNothingLeaked();
    }

    private Duration timeToCloseThree() throws IOException {
        FaultProxy delayed = FaultProxy.to(redis.host(), redis.port());
        FaultProxy silent = FaultProxy.to(redis.host(), redis.port());
        FaultProxy cut = FaultProxy.to(redis.host(), redis.port());
        try (Socket one = new Socket(delayed.host(), delayed.port());
                Socket two = new Socket(silent.host(), silent.port());
                Socket three = new Socket(cut.host(), cut.port())) {
            ping(one);
            ping(two);
            ping(three);
            delayed.delay(Duration.ofHours(1));
            silent.halfOpen();
            send(one, "PING\r\n");
            send(two, "PING\r\n");
            cut.cut();
            long start = System.nanoTime();
            delayed.close();
            silent.close();
            cut.close();
            cut.close(); // once is enough
            Duration took = since(start);
            assertThatThrownBy(() -> new Socket(delayed.host(), delayed.port()).close())
                    .isInstanceOf(ConnectException.class);
            return took;
        }
    }

    @Test
    void bad_arguments_are_refused_with_the_remedy() {
        assertThatIllegalArgumentException().isThrownBy(() -> toRedis.delay(Duration.ofMillis(-1)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> toRedis.bandwidth(0))
                .withMessageContaining("halfOpen()");
        assertThatIllegalArgumentException().isThrownBy(() -> FaultProxy.to("localhost", 0));
        assertThatIllegalArgumentException().isThrownBy(() -> FaultProxy.to("no-such-host.invalid", 1));
    }

    private Socket client() throws IOException {
        Socket client = new Socket(InetAddress.getByName(toRedis.host()), toRedis.port());
        client.setTcpNoDelay(true);
        client.setSoTimeout(PATIENCE_MILLIS);
        return client;
    }

    private Socket connectAsSoonAsPossible() throws IOException {
        long deadline = System.nanoTime() + Await.LIMIT.toNanos();
        while (true) {
            try {
                return client();
            } catch (ConnectException notYet) {
                if (System.nanoTime() > deadline) throw notYet;
                Thread.onSpinWait();
            }
        }
    }

    private Connection connect() throws SQLException {
        return DriverManager.getConnection(postgres.jdbcUrl("postgres", toPostgres));
    }

    private static int ask(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("SELECT 6 * 7")) {
            row.next();
            return row.getInt(1);
        }
    }

    private static Duration best(int times, Callable<Duration> trip) throws Exception {
        Duration best = trip.call();
        for (int i = 1; i < times; i++) {
            Duration next = trip.call();
            if (next.compareTo(best) < 0) best = next;
        }
        return best;
    }

    private static Duration ping(Socket client) throws IOException {
        long start = System.nanoTime();
        send(client, "PING\r\n");
        assertThat(receive(client, 7)).isEqualTo("+PONG\r\n");
        return since(start);
    }

    private static String command(String... words) {
        StringBuilder command = new StringBuilder("*" + words.length + "\r\n");
        for (String word : words) {
            command.append('$')
                    .append(word.length())
                    .append("\r\n")
                    .append(word)
                    .append("\r\n");
        }
        return command.toString();
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(US_ASCII));
    }

    /** Reads so many bytes; an end of the stream before them is an error of the connection. */
    private static String line(Socket client) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int read; (read = client.getInputStream().read()) != '\n'; ) {
            line.append((char) read);
        }
        return line.toString().strip();
    }

    private static String receive(Socket client, int length) throws IOException {
        byte[] bytes = client.getInputStream().readNBytes(length);
        if (bytes.length < length) throw new IOException("the connection ended after " + bytes.length + " bytes");
        return new String(bytes, US_ASCII);
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
