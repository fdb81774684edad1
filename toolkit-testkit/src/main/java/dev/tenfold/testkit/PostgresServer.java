package dev.tenfold.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A real PostgreSQL for tests: one a JVM, or a private one that keeps what it commits, and that a test may kill.
 *
 * <p>{@link #shared()} is, in this order, the server that the environment variable {@code TENFOLD_POSTGRES_URL} names (a
 * {@code jdbc:postgresql://} URL with a user that may create databases), or an embedded one on a free loopback port. A
 * test that cannot have either fails; it is never skipped.
 *
 * <p>The shared embedded server is set up for tests, not for data: {@code fsync}, {@code full_page_writes} and
 * {@code synchronous_commit} are off, so a commit costs no disk write and a power cut loses everything; there are 200
 * connections. {@link #start} always starts an embedded one, which is durable: its settings are those of {@code initdb}.
 * Embedded servers end with the JVM, even one killed with SIGKILL, and their directories go with them. Databases made on a
 * server that you brought stay there.
 *
 * <p>Thread-safe. The first {@link #shared()} blocks while the server starts, about two seconds, and longer the first time
 * on a machine, while the binaries are unpacked to the temporary directory.
 */
public final class PostgresServer implements AutoCloseable {
    private static final Lazy<PostgresServer> SHARED = new Lazy<>(PostgresServer::open);
    private static final Duration START_LIMIT = Duration.ofSeconds(60);
    private static final String PID_FILE = "data/postmaster.pid";

    private final DatabaseAddress address;
    private final @Nullable Own own;
    private final Lazy<String> version = new Lazy<>(() -> ask("SHOW server_version"));

    /** A process that belongs to one test, as opposed to the server of all. */
    private static final class Own {
        final ReentrantLock lock = new ReentrantLock();
        final Path dir;
        final Leash leash;
        final List<String> command;

        @Nullable
        Process process;

        /** Has the port while the process is dead. */
        @Nullable
        Socket held;

        Own(Path dir, Leash leash, List<String> command) {
            this.dir = dir;
            this.leash = leash;
            this.command = command;
        }
    }

    private PostgresServer(DatabaseAddress address, @Nullable Own own) {
        this.address = address;
        this.own = own;
    }

    /**
     * Returns the JVM's server, and starts it at the first call.
     *
     * @return the server, ready for connections
     * @throws IllegalStateException if no server can be had; the message names the remedy
     */
    public static PostgresServer shared() {
        return SHARED.get();
    }

    /**
     * Starts a server of your own that keeps what it has committed: {@code fsync}, {@code full_page_writes} and {@code
     * synchronous_commit} are on, as all else is by the defaults of {@code initdb}, but for 200 connections. Blocks for some
     * seconds.
     *
     * @param settings more settings, for example {@code "max_wal_size=2GB"}
     * @return the server, ready for connections; close it
     * @throws IllegalArgumentException if a setting is no {@code name=value}
     * @throws IllegalStateException if it does not start; the message ends with its log
     */
    public static PostgresServer start(String... settings) {
        requireSettings(settings);
        return Local.onFreePort(Local::freePort, port -> durable(port, List.of(settings)));
    }

    private static void requireSettings(String... settings) {
        for (String setting : settings) {
            if (setting.indexOf('=') < 1) {
                throw new IllegalArgumentException("setting " + setting + " is no name=value");
            }
        }
    }

    private static PostgresServer open() {
        String url = System.getenv("TENFOLD_POSTGRES_URL");
        return url == null || url.isBlank()
                ? Local.onFreePort(Local::freePort, PostgresServer::embedded)
                : named(url.strip());
    }

    private static PostgresServer named(String url) {
        PostgresServer server = new PostgresServer(
                DatabaseAddress.parse("TENFOLD_POSTGRES_URL", "postgresql", url, 5_432, "postgres"), null);
        server.version(); // a server that does not answer is better found here than in the first test
        return server;
    }

    private static PostgresServer embedded(int port) {
        Path dir = Local.tempDir("postgres");
        Leash leash = Leash.of(dir, PID_FILE, "QUIT");
        EmbeddedPostgres unused = unpackAndStart(port, dir, leash);
        return new PostgresServer(embeddedAddress(port), null);
    }

    private static DatabaseAddress embeddedAddress(int port) {
        return new DatabaseAddress("postgresql", Local.HOST, port, "postgres", "", "postgres");
    }

    /** Finds or unpacks the binaries, makes the data directory, and runs a server on it, set up for tests. */
    private static EmbeddedPostgres unpackAndStart(int port, Path dir, Leash leash) {
        Path log = dir.resolve("server.log");
        try {
            // Unpacking is not safe between several JVMs at once, hence the lock; a start takes a second or two.
            return Local.alone(
                    "postgres",
                    () -> EmbeddedPostgres.builder()
                            .setPort(port)
                            .setDataDirectory(dir.resolve("data"))
                            .setCleanDataDirectory(false)
                            .setRegisterShutdownHook(false)
                            .setPGStartupWait(START_LIMIT)
                            .setOutputRedirector(Redirect.appendTo(log.toFile()))
                            .setServerConfig("listen_addresses", Local.HOST)
                            .setServerConfig("unix_socket_directories", "")
                            .setServerConfig("max_connections", "200")
                            .setServerConfig("full_page_writes", "off")
                            .setServerConfig("synchronous_commit", "off")
                            .start());
        } catch (Exception | LinkageError e) {
            String tail = Local.tail(log);
            leash.close();
            throw new IllegalStateException(
                    "the embedded PostgreSQL does not start on port " + port + "; name a server that does with"
                            + " TENFOLD_POSTGRES_URL=jdbc:postgresql://host:port/postgres?user=…&password=…; it says: "
                            + tail,
                    e);
        }
    }

    /** The library's server always runs without fsync. Once it has made the data, its binary runs again, as we want it. */
    private static PostgresServer durable(int port, List<String> settings) {
        Path dir = Local.tempDir("postgres");
        Leash leash = Leash.of(dir, PID_FILE, "QUIT");
        EmbeddedPostgres first = unpackAndStart(port, dir, leash);
        try {
            first.close();
            return launch(port, new Own(dir, leash, command(port, dir, settings)));
        } catch (IOException e) {
            leash.close();
            throw new UncheckedIOException("cannot start PostgreSQL a second time in " + dir, e);
        } catch (RuntimeException e) {
            leash.close();
            throw e;
        }
    }

    private static PostgresServer launch(int port, Own own) {
        launchProcess(own);
        return new PostgresServer(embeddedAddress(port), own);
    }

    private static List<String> command(int port, Path dir, List<String> settings) throws IOException {
        // The server notes how it was started: first its binary, then its arguments, each in quotes.
        String started = Files.readString(dir.resolve("data/postmaster.opts"));
        return command(started.substring(0, started.indexOf(" \"")), port, dir, settings);
    }

    private static List<String> command(String binary, int port, Path dir, List<String> settings) {
        List<String> command = new ArrayList<>();
        // The server refuses to run as root; in a user namespace of its own it is nobody.
        if (LinuxUtils.isUnshareAvailable()) command.addAll(List.of("unshare", "-U"));
        command.add(binary);
        command.addAll(List.of("-D", dir.resolve("data").toString(), "-p", Integer.toString(port)));
        command.addAll(List.of("-c", "listen_addresses=" + Local.HOST, "-c", "unix_socket_directories="));
        command.addAll(List.of("-c", "max_connections=200"));
        for (String setting : settings) command.addAll(List.of("-c", setting));
        return command;
    }

    private static void launchProcess(Own own) {
        Path log = own.dir.resolve("server.log");
        Process process = Local.spawn(log, own.command);
        own.process = process;
        boolean up = Local.await(START_LIMIT, () -> !process.isAlive() || isReady(own.dir));
        if (!up || !process.isAlive()) {
            process.destroyForcibly();
            throw new IllegalStateException("PostgreSQL does not start; it says: " + Local.tail(log));
        }
    }

    /** The last line of its pid file says so, once it has recovered from a crash, or as a replica can be read. */
    private static boolean isReady(Path dir) {
        try {
            String status = Files.readString(dir.resolve(PID_FILE));
            return status.contains("\nready") || status.contains("\nstandby");
        } catch (IOException notYet) {
            return false;
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
     * Returns the user to connect as, a superuser when embedded.
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
     * @return a {@code jdbc:postgresql://} URL
     */
    public String jdbcUrl(String database) {
        return address.url(database);
    }

    /**
     * Returns the URL of a database as seen through a proxy that leads to this server.
     *
     * @param database the database's name
     * @param via the proxy to connect through
     * @return a {@code jdbc:postgresql://} URL, complete with user and password
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
     * @return for example {@code 18.6}
     * @throws IllegalStateException if the server does not answer
     */
    public String version() {
        return version.get();
    }

    String ask(String query) {
        return address.ask(query);
    }

    /**
     * Kills all processes of the server with SIGKILL, as a crash of the machine does: connections break; what was committed
     * stays. Returns when they have died. No effect on one that is dead.
     *
     * @throws IllegalStateException on the {@link #shared()} server, which other tests need; {@link #start} one that may die
     */
    public void kill() {
        Own mine = own();
        mine.lock.lock();
        try {
            Process process = mine.process;
            if (process == null) return;
            // One that was forked after they were counted would live on, and a restart find the data in use.
            boolean unused = Local.signal(process.pid(), "STOP");
            List<ProcessHandle> backends = process.descendants().toList();
            end(process.toHandle());
            backends.forEach(PostgresServer::end);
            mine.process = null;
            mine.held = Local.hold(port());
            // Another process may get this pid; the leash must not take it for ours.
            Files.deleteIfExists(mine.dir.resolve(PID_FILE));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove the pid file in " + mine.dir, e);
        } finally {
            mine.lock.unlock();
        }
    }

    /**
     * Whether it is dead, and its parent has not asked how it ended: an orphan's parent, in containers often no real init, may
     * take seconds or never do so. Only Linux says so.
     */
    static boolean isZombie(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"), ISO_8859_1);
            return stat.startsWith(") Z", stat.lastIndexOf(')'));
        } catch (IOException unknown) {
            return false;
        }
    }

    private static void end(ProcessHandle process) {
        boolean unused = process.destroyForcibly();
        if (!Local.await(Duration.ofSeconds(10), () -> !process.isAlive() || isZombie(process.pid()))) {
            throw new IllegalStateException(
                    "PostgreSQL's process " + process.pid() + " outlives SIGKILL; look for a stuck disk");
        }
    }

    /**
     * Starts the server again on the same port with the same settings and data; kills it first if it runs. Blocks until it has
     * recovered.
     *
     * @throws IllegalStateException if the server is the {@link #shared()} one, was closed, or does not start
     */
    public void restart() {
        Own mine = own();
        mine.lock.lock();
        try {
            kill();
            if (!Files.isDirectory(mine.dir)) {
                throw new IllegalStateException("this PostgreSQL was closed; start() a new one");
            }
            Local.release(mine.held);
            launchProcess(mine);
        } finally {
            mine.lock.unlock();
        }
    }

    /**
     * Starts a streaming replica of this server: a copy of all its databases that follows by its log, can be read, and may be
     * killed, restarted and closed as any other. Replication is asynchronous, so the replica lags; a slot on this server
     * keeps the log that it needs, however long it is away. There are ten slots, so as many replicas. {@code
     * fsync} is off, so a replica outlives its processes, but not the machine. Blocks for some seconds, and on this server for a checkpoint.
     *
     * @param settings more settings, for example {@code "hot_standby_feedback=on"}
     * @return the replica, ready for reads; close it
     * @throws IllegalArgumentException if a setting is no {@code name=value}
     * @throws IllegalStateException on the {@link #shared()} server, or if this one does not run or the replica not start
     */
    public PostgresServer startReplica(String... settings) {
        return startReplica(host(), port(), settings);
    }

    /**
     * Starts a replica that follows through a proxy, so that a test can delay or cut its replication. Else as {@link
     * #startReplica(String...)}.
     *
     * @param via a proxy that leads to this server
     * @param settings more settings
     * @return the replica, ready for reads; close it
     */
    public PostgresServer startReplica(FaultProxy via, String... settings) {
        return startReplica(via.host(), via.port(), settings);
    }

    private PostgresServer startReplica(String fromHost, int fromPort, String... settings) {
        requireSettings(settings);
        Own mine = own();
        return Local.onFreePort(Local::freePort, port -> {
            Path dir = Local.tempDir("postgres");
            Leash leash = Leash.of(dir, PID_FILE, "QUIT");
            try {
                String slot = "replica_" + port;
                ask("SELECT pg_create_physical_replication_slot('" + slot + "', true)");
                BaseBackup.take(jdbcUrl(address.database()), mine.dir.resolve("data"), dir.resolve("data"));
                List<String> all = new ArrayList<>(List.of(
                        "primary_conninfo=host=" + fromHost + " port=" + fromPort + " user=" + user(),
                        "primary_slot_name=" + slot,
                        "wal_retrieve_retry_interval=100ms",
                        "fsync=off"));
                all.addAll(List.of(settings));
                return launch(port, new Own(dir, leash, command(binary(mine), port, dir, all)));
            } catch (RuntimeException e) {
                leash.close();
                throw e;
            }
        });
    }

    private static String binary(Own own) {
        return own.command.get(own.command.indexOf("-D") - 1);
    }

    /**
     * Stops a replica from applying what it receives, so that it lags for as long as the test wants. Returns when it has
     * stopped.
     *
     * @throws IllegalStateException if this is no replica, or does not stop within 10 seconds
     */
    public void pauseReplay() {
        ask("SELECT pg_wal_replay_pause()");
        if (!Local.await(
                Duration.ofSeconds(10),
                () -> ask("SELECT pg_get_wal_replay_pause_state()").equals("paused"))) {
            throw new IllegalStateException("the replica at port " + port() + " does not pause within 10 s");
        }
    }

    /**
     * Lets a replica apply what it received, after {@link #pauseReplay()}. Returns at once; it has to catch up.
     *
     * @throws IllegalStateException if this is no replica
     */
    public void resumeReplay() {
        ask("SELECT pg_wal_replay_resume()");
    }

    /**
     * Makes a replica a primary of its own, on a new timeline, and waits until it takes writes. Its former primary is not told:
     * if that lives, both take writes.
     *
     * @throws IllegalStateException if this is no replica, or is no primary within 60 seconds
     */
    public void promote() {
        if (!ask("SELECT pg_promote(true, 60)").equals("t")) {
            throw new IllegalStateException("the replica at port " + port() + " is no primary after 60 s");
        }
    }

    private Own own() {
        if (own == null) {
            throw new IllegalStateException("the shared PostgreSQL is not yours to kill; use PostgresServer.start()");
        }
        return own;
    }

    /** Kills a server that {@link #start} or {@link #startReplica} returned, and removes its directory. No effect on the shared one. Idempotent. */
    @Override
    public void close() {
        if (own != null) {
            kill();
            Local.release(own.held);
            own.leash.close();
        }
    }
}
