package dev.tenfold.testkit;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** What every embedded server needs of this machine: a port, a directory, a name, a lock between JVMs, a bounded wait. */
final class Local {
    static final String HOST = "127.0.0.1";

    private static final String RUN = Long.toString(ProcessHandle.current().pid(), 36)
            + Long.toString(System.currentTimeMillis(), 36).substring(2);
    private static final AtomicInteger NAMES = new AtomicInteger();

    private Local() {}

    /** A loopback port that was free a moment ago. Another process may take it first: starters try again. */
    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException("no free port on " + HOST, e);
        }
    }

    /** A free port whose neighbour ten thousand above, where a Redis node talks to the others, is free as well. */
    static int freeBusPort() {
        for (int tries = 0; tries < 1_000; tries++) {
            int port = freePort();
            if (port + 10_000 > 65_535) continue;
            try (ServerSocket bus = new ServerSocket(port + 10_000, 1, InetAddress.getLoopbackAddress())) {
                return bus.getLocalPort() - 10_000;
            } catch (IOException taken) {
                // The next port may do.
            }
        }
        throw new IllegalStateException(
                "no port below 55536 with a free one 10000 above; end what holds so many ports");
    }

    /** Starts something on a free port, twice more on another if that fails: the port may be gone by then. */
    static <T> T onFreePort(IntSupplier ports, IntFunction<T> start) {
        for (int failures = 0; ; failures++) {
            try {
                return start.apply(ports.getAsInt());
            } catch (IllegalStateException e) {
                if (failures == 2) throw e;
            }
        }
    }

    /** Starts a server process that writes to the log and holds nothing of this JVM. */
    static Process spawn(Path log, List<String> command) {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectInput(Redirect.from(new File("/dev/null")))
                    .redirectOutput(Redirect.appendTo(log.toFile()))
                    .start();
        } catch (IOException e) {
            throw new IllegalStateException("cannot start " + command.get(0), e);
        }
    }

    /**
     * Keeps the port of a server that was killed from all others until it is closed; who connects is refused meanwhile. Null if
     * somebody has it already, as the next start will say.
     */
    static @Nullable Socket hold(int port) {
        Socket held = new Socket();
        try {
            held.setReuseAddress(true);
            held.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return held;
        } catch (IOException taken) {
            release(held);
            return null;
        }
    }

    static void release(@Nullable Socket held) {
        if (held == null) return;
        try {
            held.close();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot close a socket that was never connected", e);
        }
    }

    /** Sends a signal, without the {@code SIG}; false if there is no such process. */
    static boolean signal(long pid, String name) {
        try {
            return new ProcessBuilder("kill", "-s", name, Long.toString(pid))
                            .start()
                            .waitFor()
                    == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot run kill; put it on the PATH", e);
        }
    }

    static boolean accepts(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException notYet) {
            return false;
        }
    }

    static Path tempDir(String server) {
        try {
            return Files.createTempDirectory("tenfold-" + server + "-");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot create a directory in " + System.getProperty("java.io.tmpdir"), e);
        }
    }

    /** A database name that no other run on the same server uses. */
    static String uniqueName() {
        return "tenfold_" + RUN + "_" + NAMES.incrementAndGet();
    }

    /** Runs the work while no other JVM of this machine runs work of the same name. */
    static <T> T alone(String name, Callable<T> work) throws Exception {
        Path lock = Path.of(System.getProperty("java.io.tmpdir"), "tenfold-" + name + ".lock");
        try (RandomAccessFile file = new RandomAccessFile(lock.toFile(), "rw")) {
            file.getChannel().lock(); // released as the file closes
            return work.call();
        }
    }

    /** Polls each millisecond; false once the time is up. */
    static boolean await(Duration atMost, BooleanSupplier condition) {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) return false;
            LockSupport.parkNanos(1_000_000);
        }
        return true;
    }

    /** The last lines of a server's log, for the message of the exception that says it did not start. */
    static String tail(Path log) {
        try {
            String text = Files.readString(log);
            return text.substring(Math.max(0, text.length() - 2_000)).strip();
        } catch (IOException e) {
            return "(no log at " + log + ")";
        }
    }
}
