package dev.tenfold.testkit;

import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ties the life of one server process to the life of this JVM, even when the JVM is killed with SIGKILL.
 *
 * <p>A leash is a small shell that reads from a pipe. Only this JVM holds the writing end: the JDK closes every other
 * descriptor in the processes that it starts, so no server inherits it. When the JVM ends, in whatever way, the kernel
 * closes the pipe; the shell reads end of file, signals the process named in the server's pid file, follows with SIGKILL
 * five seconds later, and removes the server's directory. Where there is a {@code setsid}, the shell has a session of its
 * own, so that killing the JVM's whole process group does not take the leash as well. {@link #close()} and the shutdown hook do nothing but let go of
 * the pipe and wait, so that there is one way in which a server ends, and every test run exercises it.
 *
 * <p>The leash is taken before the server starts: there is no moment at which a server runs without one.
 */
final class Leash implements AutoCloseable {
    /** Arguments: the script below and what it takes. The shell stays the process that was started: nothing forks here. */
    private static final String SESSION = """
            command -v setsid >/dev/null && exec setsid sh -c "$@"
            exec sh -c "$@"
            """;

    /** Arguments: directory, pid file within it, signal. The signals of a terminal are ignored: the pipe decides. */
    private static final String SCRIPT = """
            trap '' HUP INT TERM
            read -r word
            [ -n "$word" ] || sleep 1
            pid=$(head -n 1 "$1/$2" 2>/dev/null)
            if [ -n "$pid" ] && kill -s "$3" "$pid"; then
              tries=0
              while kill -0 "$pid" && [ $tries -lt 250 ]; do sleep 0.02; tries=$((tries + 1)); done
              kill -s KILL "$pid"
            fi
            rm -rf "$1"
            """;

    private static final Set<Leash> HELD = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(Leash::releaseAll, "tenfold-leash-release"));
    }

    private final Process shell;

    private Leash(Process shell) {
        this.shell = shell;
    }

    /**
     * Takes a leash for a server that is about to start.
     *
     * @param dir the server's own directory, removed at the end with all it contains
     * @param pidFile the file in {@code dir} whose first line is the server's pid
     * @param signal the signal that ends the server at once, without the {@code SIG}
     */
    static Leash of(Path dir, String pidFile, String signal) {
        try {
            Process shell = new ProcessBuilder(
                            "sh", "-c", SESSION, "sh", SCRIPT, "tenfold-leash", dir.toString(), pidFile, signal)
                    .redirectOutput(Redirect.DISCARD)
                    .redirectError(Redirect.DISCARD)
                    .start();
            Leash leash = new Leash(shell);
            HELD.add(leash);
            return leash;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start sh, which stops the test servers; put it on the PATH", e);
        }
    }

    /** Ends the server, removes its directory, and waits until both are done, ten seconds at most. */
    @Override
    public void close() {
        letGo();
        await(System.nanoTime() + SECONDS.toNanos(10));
    }

    private static void releaseAll() {
        HELD.forEach(Leash::letGo);
        long deadline = System.nanoTime() + SECONDS.toNanos(10);
        HELD.forEach(leash -> leash.await(deadline));
    }

    private void letGo() {
        // The word tells an orderly end from a death: after a death the server may still be writing its pid file.
        try (OutputStream pipe = shell.getOutputStream()) {
            pipe.write("done\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException alreadyGone) {
            // The shell has ended, and with it the server: nothing is left to do.
            return;
        }
    }

    private void await(long deadline) {
        try {
            if (shell.waitFor(deadline - System.nanoTime(), NANOSECONDS)) HELD.remove(this);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
