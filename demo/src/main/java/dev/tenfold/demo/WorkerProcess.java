package dev.tenfold.demo;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A {@link PictureWorker} as a process of its own. */
final class WorkerProcess implements AutoCloseable {
    private static final long LONGEST_DRAIN_SECONDS = 20;

    private final String name;
    private final Process process;
    private final Path log;

    private WorkerProcess(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /** Returns before it is ready. */
    static WorkerProcess start(String name, String jdbcUrl, int mailPort, boolean mended, Path directory)
            throws IOException {
        Path log = directory.resolve(name + ".log");
        Process process = new ProcessBuilder(
                        "nice", // it would have a machine of its own, and must not take this one from what is measured
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx160m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1", // it lives for seconds
                        "-cp",
                        classPath(),
                        PictureWorker.class.getName(),
                        name,
                        jdbcUrl,
                        Integer.toString(mailPort),
                        Boolean.toString(mended))
                .redirectError(Redirect.appendTo(log.toFile()))
                .start();
        return new WorkerProcess(name, process, log);
    }

    /** What this class was loaded from: within Maven that is not the path that the JVM was started with. */
    private static String classPath() {
        if (WorkerProcess.class.getClassLoader() instanceof URLClassLoader loader) {
            return Stream.of(loader.getURLs()).map(WorkerProcess::file).collect(Collectors.joining(File.pathSeparator));
        }
        return System.getProperty("java.class.path");
    }

    private static String file(URL url) {
        try {
            return Path.of(new URI(url.toString())).toString();
        } catch (URISyntaxException e) {
            throw new IllegalStateException("not a file: " + url, e);
        }
    }

    String name() {
        return name;
    }

    /** Blocks until it works. */
    void awaitReady() throws IOException {
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        String line = out.readLine();
        if (!PictureWorker.READY.equals(line)) {
            throw new IllegalStateException("worker " + name + " does not start: " + line + "; it says: " + said());
        }
    }

    /** With SIGKILL, where there are signals. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** What it has complained of; empty if nothing. */
    private String said() throws IOException {
        return Files.readString(log).strip();
    }

    /** Lets it finish what it has begun, and waits for its end. No effect on one that has ended. */
    void stop() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(LONGEST_DRAIN_SECONDS, TimeUnit.SECONDS)) {
                kill();
                throw new IllegalStateException(
                        "worker " + name + " did not end within " + LONGEST_DRAIN_SECONDS + " s; it says: " + said());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("worker " + name, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }

    @Override
    public void close() {
        stop();
    }
}
