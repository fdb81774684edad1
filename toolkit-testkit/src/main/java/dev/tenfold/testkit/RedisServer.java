package dev.tenfold.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A real Redis for tests: one a JVM, or a private one that a test may kill.
 *
 * <p>{@link #shared()} is, in this order, the server that the environment variable {@code TENFOLD_REDIS_URL} names, a
 * {@code redis-server} found on the PATH, or the embedded binary (6.2). {@link #start} always starts a process, from the
 * PATH or the embedded binary. Processes listen on a free loopback port, keep nothing on disk, and end with the JVM, even
 * one killed with SIGKILL.
 *
 * <p>Thread-safe. Starting blocks for some tens of milliseconds.
 */
public final class RedisServer implements AutoCloseable {
    private static final Lazy<RedisServer> SHARED = new Lazy<>(RedisServer::open);
    private static final Duration START_LIMIT = Duration.ofSeconds(20);

    private final String uri;
    private final @Nullable Own own;
    private final boolean closeable;

    /** A process of ours, as opposed to a server that was named to us. */
    private static final class Own {
        final int port;
        final ReentrantLock lock = new ReentrantLock();
        final Path dir = Local.tempDir("redis");
        final Leash leash = Leash.of(dir, "redis.pid", "KILL");
        final List<String> command;

        @Nullable
        Process process;

        /** Has the port while the process is dead. */
        @Nullable
        Socket held;

        Own(int port, Arguments arguments) {
            this.port = port;
            command = new ArrayList<>(List.of(RedisBinary.path().toString()));
            command.addAll(arguments.of(port, dir));
        }
    }

    /** What a process on this port, with this directory, is started with. */
    interface Arguments {
        List<String> of(int port, Path dir);
    }

    private static Arguments server(IntFunction<List<String>> extraArgs) {
        return (port, dir) -> {
            List<String> args = new ArrayList<>(List.of("--port", Integer.toString(port), "--bind", Local.HOST));
            args.addAll(List.of("--save", "", "--appendonly", "no", "--dir", dir.toString()));
            args.addAll(List.of("--pidfile", dir.resolve("redis.pid").toString()));
            args.addAll(extraArgs.apply(port));
            return args;
        };
    }

    private RedisServer(String uri, @Nullable Own own, boolean closeable) {
        this.uri = uri;
        this.own = own;
        this.closeable = closeable;
    }

    /**
     * Returns the JVM's server, and starts it at the first call. Tests share its keys: give yours a prefix of their own.
     * {@link #close()} has no effect on it.
     *
     * @return the server, ready for commands
     * @throws IllegalStateException if no server can be had; the message names the remedy
     */
    public static RedisServer shared() {
        return SHARED.get();
    }

    /**
     * Starts a server of your own, empty.
     *
     * @param extraArgs more arguments of {@code redis-server}, for example {@code "--maxmemory", "10mb"}
     * @return the server, ready for commands; close it
     * @throws IllegalStateException if it does not start; the message ends with its log
     */
    public static RedisServer start(String... extraArgs) {
        return start(server(port -> List.of(extraArgs)));
    }

    /** Starts the binary in whatever role; it listens on the port, and writes {@code redis.pid} into the directory. */
    static RedisServer start(Arguments arguments) {
        return launch(Local.onFreePort(Local::freePort, port -> running(port, arguments)), true);
    }

    /** Starts a server that can be a node of a cluster: ten thousand above its port is free as well. */
    static RedisServer startNode(IntFunction<List<String>> extraArgs) {
        return launch(Local.onFreePort(Local::freeBusPort, port -> running(port, server(extraArgs))), true);
    }

    private static RedisServer open() {
        String url = System.getenv("TENFOLD_REDIS_URL");
        if (url == null || url.isBlank()) {
            return launch(Local.onFreePort(Local::freePort, port -> running(port, server(any -> List.of()))), false);
        }
        URI named = URI.create(url.strip());
        if (!"redis".equals(named.getScheme()) || named.getHost() == null) {
            throw new IllegalStateException("TENFOLD_REDIS_URL is no URL of Redis; give redis://host:port");
        }
        RedisServer server = new RedisServer(url.strip(), null, false);
        server.version(); // a server that does not answer is better found here than in the first test
        return server;
    }

    private static RedisServer launch(Own own, boolean closeable) {
        return new RedisServer("redis://" + Local.HOST + ":" + own.port, own, closeable);
    }

    private static Own running(int port, Arguments arguments) {
        Own own = new Own(port, arguments);
        try {
            launchProcess(own);
            return own;
        } catch (RuntimeException e) {
            own.leash.close();
            throw e;
        }
    }

    private static void launchProcess(Own own) {
        Path log = own.dir.resolve("server.log");
        Process process = Local.spawn(log, own.command);
        own.process = process;
        // It writes the pid file after it has begun to listen: the leash needs both.
        boolean up = Local.await(
                START_LIMIT,
                () -> !process.isAlive() || (Files.exists(own.dir.resolve("redis.pid")) && Local.accepts(own.port)));
        if (!up || !process.isAlive()) {
            process.destroyForcibly();
            throw new IllegalStateException(
                    "redis-server does not start on port " + own.port + "; it says: " + Local.tail(log));
        }
    }

    /**
     * Returns the host to connect to.
     *
     * @return a name or an address; {@code 127.0.0.1} for a process of ours
     */
    public String host() {
        return URI.create(uri).getHost();
    }

    /**
     * Returns the TCP port to connect to. It stays the same across {@link #restart()}.
     *
     * @return the port
     */
    public int port() {
        int port = URI.create(uri).getPort();
        return port < 0 ? 6_379 : port;
    }

    /**
     * Returns the URI to connect to.
     *
     * @return {@code redis://127.0.0.1:port}, or what {@code TENFOLD_REDIS_URL} says
     */
    public String uri() {
        return uri;
    }

    /**
     * Asks the server for its version.
     *
     * @return for example {@code 6.2.6}
     * @throws java.io.UncheckedIOException if it does not answer
     */
    public String version() {
        return info("server", "redis_version");
    }

    /** A field of INFO, empty if it is not there. */
    String info(String section, String field) {
        return Resp.ask(uri, "INFO", section)
                .lines()
                .filter(line -> line.startsWith(field + ":"))
                .map(line -> line.substring(field.length() + 1).strip())
                .findFirst()
                .orElse("");
    }

    /**
     * Kills the process with SIGKILL: connections break and all data is gone. Returns when it has died. No effect on one
     * that is dead.
     *
     * @throws IllegalStateException on the {@link #shared()} server, which other tests need; {@link #start} one that may die
     */
    public void kill() {
        Own mine = own();
        mine.lock.lock();
        try {
            Process process = mine.process;
            if (process == null) return;
            if (!process.destroyForcibly().waitFor(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException(
                        "redis-server " + process.pid() + " outlives SIGKILL; look for a stuck disk");
            }
            mine.process = null;
            mine.held = Local.hold(mine.port);
            // Another process may get this pid; the leash must not take it for ours.
            Files.deleteIfExists(mine.dir.resolve("redis.pid"));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove the pid file in " + mine.dir, e);
        } finally {
            mine.lock.unlock();
        }
    }

    /**
     * Kills the process if it runs, and starts it again on the same port with the same arguments, empty.
     *
     * @throws IllegalStateException if the server is the {@link #shared()} one, was closed, or does not start
     */
    public void restart() {
        Own mine = own();
        mine.lock.lock();
        try {
            kill();
            if (!Files.isDirectory(mine.dir)) {
                throw new IllegalStateException("this Redis was closed; start() a new one");
            }
            Local.release(mine.held);
            launchProcess(mine);
        } finally {
            mine.lock.unlock();
        }
    }

    /**
     * Stops the process with SIGSTOP, as a machine that is suspended does: connections stay open, new ones are accepted, and
     * nothing is answered until {@link #resume()}.
     *
     * @throws IllegalStateException if the server is the {@link #shared()} one, or does not run
     */
    public void suspend() {
        signal("STOP");
    }

    /**
     * Ends {@link #suspend()}: the process goes on with what has arrived meanwhile. No effect on one that runs.
     *
     * @throws IllegalStateException if the server is the {@link #shared()} one, or does not run
     */
    public void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        Own mine = own();
        mine.lock.lock();
        try {
            Process process = mine.process;
            if (process == null) throw new IllegalStateException("this Redis does not run; restart() it");
            if (!Local.signal(process.pid(), name)) throw new IllegalStateException("kill -s " + name + " fails");
        } finally {
            mine.lock.unlock();
        }
    }

    private Own own() {
        if (own == null || !closeable) {
            throw new IllegalStateException("the shared Redis is not yours to kill; use RedisServer.start()");
        }
        return own;
    }

    /** Kills a server that {@link #start} returned, and removes its directory. No effect on the shared one. Idempotent. */
    @Override
    public void close() {
        if (closeable && own != null) {
            kill();
            Local.release(own.held);
            own.leash.close();
        }
    }
}
