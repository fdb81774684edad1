package dev.tenfold.testkit;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.ProcessBuilder.Redirect;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Servers end with the JVM that started them, and take their directories along, however that JVM ends. */
class OrphansTest {
    /** The child: starts what it is told to, prints a line for each server, then "ready", and waits to be killed. */
    static final class Child {
        private Child() {}

        public static void main(String[] servers) throws IOException {
            PrintStream out = System.out;
            for (String server : servers) {
                switch (server) {
                    case "postgres" -> {
                        Path data = Path.of(PostgresServer.shared().ask("SHOW data_directory"));
                        out.println(firstLine(data.resolve("postmaster.pid")) + " " + data.getParent());
                    }
                    case "mariadb" -> {
                        Path pid = Path.of(MariaDbServer.shared().ask("SELECT @@pid_file"));
                        out.println(firstLine(pid) + " " + pid.getParent());
                    }
                    case "redis" -> {
                        RedisServer redis = RedisServer.shared();
                        String dir = Resp.ask(redis.uri(), "CONFIG", "GET", "dir");
                        out.println(redis.info("server", "process_id") + " "
                                + dir.substring(dir.indexOf('/'), dir.length() - 1));
                    }
                    case "urls" ->
                        out.println(RedisServer.shared().uri() + " "
                                + PostgresServer.shared().port());
                    case "binary" -> out.println(RedisBinary.path() + " -");
                    default -> throw new IllegalArgumentException(server);
                }
            }
            out.println("ready");
            out.flush();
            while (System.in.read() >= 0) {}
        }

        private static String firstLine(Path file) throws IOException {
            return Files.readAllLines(file).get(0).strip();
        }
    }

    private record Server(ProcessHandle process, Path dir) {
        /** Whoever has inherited it may not have asked how it ended. */
        boolean hasEnded() {
            return !process.isAlive() || PostgresServer.isZombie(process.pid());
        }
    }

    @Test
    void servers_end_when_their_jvm_is_killed() throws Exception {
        Process jvm = start(List.of(), Map.of(), "postgres", "redis", "mariadb");
        List<Server> servers = servers(jvm);
        assertThat(servers).hasSize(3).allMatch(server -> server.process.isAlive());
        jvm.destroyForcibly();
        assertAllEnd(servers);
    }

    @Test
    void servers_end_when_the_whole_process_group_of_their_jvm_is_killed() throws Exception {
        // PostgreSQL leaves the group of the JVM: only a leash that does so too can end it.
        Process jvm = start(List.of("setsid"), Map.of(), "postgres", "redis");
        List<Server> servers = servers(jvm);
        assertThat(servers).hasSize(2).allMatch(server -> server.process.isAlive());
        Process kill = new ProcessBuilder("kill", "-KILL", "--", "-" + jvm.pid()).start();
        assertThat(kill.waitFor()).isZero();
        assertAllEnd(servers);
    }

    @Test
    void servers_have_ended_when_their_jvm_ends_by_itself() throws Exception {
        Process jvm = start(List.of(), Map.of(), "postgres", "redis", "mariadb");
        List<Server> servers = servers(jvm);
        end(jvm);
        assertThat(jvm.exitValue()).isZero();
        assertThat(servers).hasSize(3).allMatch(Server::hasEnded);
        assertThat(servers).noneMatch(server -> Files.exists(server.dir));
    }

    @Test
    void servers_named_by_the_environment_come_first() throws Exception {
        PostgresServer postgres = PostgresServer.shared();
        try (RedisServer redis = RedisServer.start()) {
            Process jvm = start(
                    List.of(),
                    Map.of("TENFOLD_REDIS_URL", redis.uri(), "TENFOLD_POSTGRES_URL", postgres.jdbcUrl("postgres")),
                    "urls");
            assertThat(lines(jvm)).containsExactly(redis.uri() + " " + postgres.port());
            end(jvm);
        }
    }

    @Test
    void a_redis_server_on_the_path_comes_before_the_embedded_one() throws Exception {
        Path dir = Files.createTempDirectory("tenfold-path-");
        Path link = Files.createSymbolicLink(dir.resolve("redis-server"), RedisBinary.path());
        try {
            Process jvm = start(List.of(), Map.of("PATH", dir + ":" + System.getenv("PATH")), "binary", "redis");
            assertThat(lines(jvm)).hasSize(2).first().isEqualTo(link + " -");
            end(jvm);
        } finally {
            Files.delete(link);
            Files.delete(dir);
        }
    }

    @Test
    void a_named_server_that_cannot_be_had_is_an_error_that_names_the_variable_or_the_server() throws Exception {
        try (Socket held = Objects.requireNonNull(Local.hold(Local.freePort()))) {
            assertSaysWhat(held.getLocalPort());
        }
    }

    private static void assertSaysWhat(int nobody) throws Exception {
        for (Map<String, String> environment : List.of(
                Map.of("TENFOLD_REDIS_URL", "http://example.org"),
                Map.of("TENFOLD_REDIS_URL", "redis://127.0.0.1:" + nobody),
                Map.of("TENFOLD_REDIS_URL", RedisServer.shared().uri(), "TENFOLD_POSTGRES_URL", "localhost"))) {
            Process jvm = start(List.of(), environment, "urls");
            String error = new String(jvm.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(jvm.waitFor(Await.LIMIT.toSeconds(), SECONDS)).isTrue();
            assertThat(jvm.exitValue()).isNotZero();
            assertThat(error)
                    .contains("Exception")
                    .containsAnyOf("TENFOLD_REDIS_URL is", "TENFOLD_POSTGRES_URL is", "127.0.0.1:" + nobody);
        }
    }

    private static Process start(List<String> prefix, Map<String, String> environment, String... servers)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Child.class.getName()));
        command.addAll(List.of(servers));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment()
                .keySet()
                .removeAll(List.of("TENFOLD_REDIS_URL", "TENFOLD_POSTGRES_URL", "TENFOLD_MARIADB_URL"));
        builder.environment().putAll(environment);
        // The error stream is read only where a failure is expected; elsewhere it must not fill up.
        boolean fails = environment.containsKey("TENFOLD_REDIS_URL") && servers[0].equals("urls");
        return builder.redirectError(fails ? Redirect.PIPE : Redirect.INHERIT).start();
    }

    /** What the child prints before "ready". */
    private static List<String> lines(Process jvm) throws IOException {
        List<String> lines = new ArrayList<>();
        BufferedReader reader = new BufferedReader(new InputStreamReader(jvm.getInputStream(), StandardCharsets.UTF_8));
        for (@Nullable String line; (line = reader.readLine()) != null && !line.equals("ready"); ) lines.add(line);
        return lines;
    }

    private static List<Server> servers(Process jvm) throws IOException {
        List<Server> servers = new ArrayList<>();
        for (String line : lines(jvm)) {
            int space = line.indexOf(' ');
            Optional<ProcessHandle> process = ProcessHandle.of(Long.parseLong(line.substring(0, space)));
            servers.add(new Server(process.orElseThrow(), Path.of(line.substring(space + 1))));
        }
        return servers;
    }

    private static void assertAllEnd(List<Server> servers) {
        Await.until("they have ended", () -> servers.stream().allMatch(Server::hasEnded));
        Await.until("their directories are gone", () -> servers.stream().noneMatch(server -> Files.exists(server.dir)));
    }

    private static void end(Process jvm) throws Exception {
        jvm.getOutputStream().close();
        assertThat(jvm.waitFor(Await.LIMIT.toSeconds(), SECONDS)).isTrue();
    }
}
