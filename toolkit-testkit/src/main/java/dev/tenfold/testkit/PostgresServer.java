package dev.tenfold.testkit;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.time.Duration;
import javax.sql.DataSource;

/**
 * A real PostgreSQL for tests, one a JVM.
 *
 * <p>It is, in this order, the server that the environment variable {@code TENFOLD_POSTGRES_URL} names (a
 * {@code jdbc:postgresql://} URL with a user that may create databases), or an embedded one on a free loopback port. A
 * test that cannot have either fails; it is never skipped.
 *
 * <p>The embedded server is set up for tests, not for data: {@code fsync}, {@code full_page_writes} and
 * {@code synchronous_commit} are off, so a commit costs no disk write and a power cut loses everything; there are 200
 * connections. It ends with the JVM, even one killed with SIGKILL, and its directory goes with it. Databases made on a
 * server that you brought stay there.
 *
 * <p>Thread-safe. The first {@link #shared()} blocks while the server starts, about two seconds, and longer the first time
 * on a machine, while the binaries are unpacked to the temporary directory.
 */
public final class PostgresServer {
    private static final Lazy<PostgresServer> SHARED = new Lazy<>(PostgresServer::open);

    private final DatabaseAddress address;
    private final Lazy<String> version = new Lazy<>(() -> ask("SHOW server_version"));

    private PostgresServer(DatabaseAddress address) {
        this.address = address;
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

    private static PostgresServer open() {
        String url = System.getenv("TENFOLD_POSTGRES_URL");
        return url == null || url.isBlank()
                ? Local.onFreePort(Local::freePort, PostgresServer::embedded)
                : named(url.strip());
    }

    private static PostgresServer named(String url) {
        PostgresServer server =
                new PostgresServer(DatabaseAddress.parse("TENFOLD_POSTGRES_URL", "postgresql", url, 5_432, "postgres"));
        server.version(); // a server that does not answer is better found here than in the first test
        return server;
    }

    private static PostgresServer embedded(int port) {
        Path dir = Local.tempDir("postgres");
        Path log = dir.resolve("server.log");
        Leash leash = Leash.of(dir, "data/postmaster.pid", "QUIT");
        try {
            // Unpacking is not safe between several JVMs at once, hence the lock; a start takes a second or two.
            Local.alone(
                    "postgres",
                    () -> EmbeddedPostgres.builder()
                            .setPort(port)
                            .setDataDirectory(dir.resolve("data"))
                            .setRegisterShutdownHook(false)
                            .setPGStartupWait(Duration.ofSeconds(60))
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
        return new PostgresServer(new DatabaseAddress("postgresql", Local.HOST, port, "postgres", "", "postgres"));
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
}
