package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;

/**
 * A real MariaDB for tests, one a JVM.
 *
 * <p>It is, in this order, the server that the environment variable {@code TENFOLD_MARIADB_URL} names (a
 * {@code jdbc:mariadb://} URL with a user that may create databases), or an embedded one on a free loopback port, which
 * there is for Linux on x86-64 alone. A test that cannot have either fails; it is never skipped.
 *
 * <p>The embedded server is set up for tests, not for data: the log is not flushed at commit and pages are not written
 * twice, so a power cut loses everything; there are 200 connections and a buffer pool of 64 MiB. It ends with the JVM, even
 * one killed with SIGKILL, and its directory goes with it. Databases made on a server that you brought stay there.
 *
 * <p>Thread-safe. The first {@link #shared()} blocks while the server starts, about two seconds, and longer the first time
 * on a machine, while 320 MB of binaries are unpacked to the temporary directory.
 */
public final class MariaDbServer {
    private static final Lazy<MariaDbServer> SHARED = new Lazy<>(MariaDbServer::open);
    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final DatabaseAddress address;
    private final Lazy<String> version = new Lazy<>(() -> ask("SELECT version()"));

    private MariaDbServer(DatabaseAddress address) {
        this.address = address;
    }

    /**
     * Returns the JVM's server, and starts it at the first call.
     *
     * @return the server, ready for connections
     * @throws IllegalStateException if no server can be had; the message names the remedy
     */
    public static MariaDbServer shared() {
        return SHARED.get();
    }

    private static MariaDbServer open() {
        String url = System.getenv("TENFOLD_MARIADB_URL");
        if (url == null || url.isBlank()) return Local.onFreePort(Local::freePort, MariaDbServer::embedded);
        MariaDbServer server =
                new MariaDbServer(DatabaseAddress.parse("TENFOLD_MARIADB_URL", "mariadb", url.strip(), 3_306, "root"));
        server.version(); // a server that does not answer is better found here than in the first test
        return server;
    }

    private static MariaDbServer embedded(int port) {
        Path dir = Local.tempDir("mariadb");
        Path log = dir.resolve("server.log");
        Leash leash = Leash.of(dir, "mariadb.pid", "KILL");
        try {
            Path home = MariaDbBinary.home();
            bootstrap(home, dir, log);
            List<String> command = command(home, dir);
            command.add("--port=" + port);
            command.add("--bind-address=" + Local.HOST);
            command.add("--pid-file=" + dir.resolve("mariadb.pid"));
            command.add("--socket=" + dir.resolve("mariadb.sock"));
            command.add("--skip-name-resolve");
            command.add("--max-connections=200");
            Process process = Local.spawn(log, command);
            // It writes the pid file after it has begun to listen: until then, another server may have taken the port.
            boolean up = Local.await(
                    START_LIMIT,
                    () -> !process.isAlive() || (Files.exists(dir.resolve("mariadb.pid")) && Local.accepts(port)));
            if (!up || !process.isAlive()) {
                process.destroyForcibly();
                throw new IllegalStateException("it does not listen after " + START_LIMIT);
            }
            MariaDbServer server =
                    new MariaDbServer(new DatabaseAddress("mariadb", Local.HOST, port, "root", "", "mysql"));
            server.version();
            return server;
        } catch (RuntimeException e) {
            String tail = Local.tail(log);
            leash.close();
            throw new IllegalStateException(
                    "the embedded MariaDB does not start on port " + port + "; name a server that does with"
                            + " TENFOLD_MARIADB_URL=jdbc:mariadb://host:port/?user=…&password=…; it says: " + tail,
                    e);
        }
    }

    private static List<String> command(Path home, Path dir) {
        List<String> command = new ArrayList<>();
        command.add(home.resolve("bin/mariadbd").toString());
        command.add("--no-defaults");
        command.add("--basedir=" + home);
        command.add("--datadir=" + dir.resolve("data"));
        // Without a user named, the server refuses to run as root; for anybody else the option has no effect.
        if ("root".equals(System.getProperty("user.name"))) command.add("--user=root");
        command.add("--innodb-flush-log-at-trx-commit=0");
        command.add("--skip-innodb-doublewrite");
        command.add("--innodb-buffer-pool-size=64M");
        command.add("--innodb-log-file-size=16M");
        return command;
    }

    /** Creates the system tables, as the installer does: feeds the server the scripts that it comes with. */
    private static void bootstrap(Path home, Path dir, Path log) {
        try {
            Path script = dir.resolve("bootstrap.sql");
            StringBuilder sql = new StringBuilder("create database mysql;\nuse mysql;\nset @auth_root_socket=null;\n");
            for (String name : List.of(
                    "mariadb_system_tables",
                    "mariadb_performance_tables",
                    "mariadb_system_tables_data",
                    "maria_add_gis_sp_bootstrap")) {
                sql.append(Files.readString(home.resolve("share/" + name + ".sql")));
            }
            Files.writeString(script, sql);
            Files.createDirectory(dir.resolve("data"));
            List<String> command = command(home, dir);
            command.add("--bootstrap");
            Process process = new ProcessBuilder(command)
                    .redirectInput(script.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(Redirect.appendTo(log.toFile()))
                    .start();
            boolean ended = process.waitFor(START_LIMIT.toSeconds(), TimeUnit.SECONDS);
            if (!ended) process.destroyForcibly();
            if (!ended || process.exitValue() != 0) {
                throw new IllegalStateException("mariadbd --bootstrap fails: " + process);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run mariadbd --bootstrap in " + dir, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while MariaDB started", e);
        }
    }

    /**
     * Returns the host to connect to.
     *
     * @return a name or an address; {@code 127.0.0.1} when embedded
     */
    public String host() {
        return address.host();
    }

    /**
     * Returns the TCP port to connect to.
     *
     * @return the port
     */
    public int port() {
        return address.port();
    }

    /**
     * Returns the user to connect as, {@code root} when embedded.
     *
     * @return the user's name
     */
    public String user() {
        return address.user();
    }

    /**
     * Returns the user's password.
     *
     * @return the password, empty when the server asks for none
     */
    public String password() {
        return address.password();
    }

    /**
     * Creates an empty database. Blocks for some tens of milliseconds.
     *
     * @return its name, unique on the server, safe to use unquoted
     * @throws IllegalStateException if the server refuses
     */
    public String createDatabase() {
        return address.createDatabase();
    }

    /**
     * Returns the URL of a database, complete with user and password.
     *
     * @param database the database's name
     * @return a {@code jdbc:mariadb://} URL
     */
    public String jdbcUrl(String database) {
        return address.url(database);
    }

    /**
     * Returns the URL of a database as seen through a proxy that leads to this server.
     *
     * @param database the database's name
     * @param via the proxy to connect through
     * @return a {@code jdbc:mariadb://} URL, complete with user and password
     */
    public String jdbcUrl(String database, FaultProxy via) {
        return address.url(via.host(), via.port(), database);
    }

    /**
     * Returns a data source without a pool: each {@code getConnection} opens a new connection, which the caller closes.
     *
     * @param database the database's name
     * @return a plain data source
     */
    public DataSource dataSource(String database) {
        return address.dataSource(database);
    }

    /**
     * Returns the server's version. The first call asks the server.
     *
     * @return for example {@code 11.4.5-MariaDB}
     * @throws IllegalStateException if the server does not answer
     */
    public String version() {
        return version.get();
    }

    String ask(String query) {
        return address.ask(query);
    }
}
