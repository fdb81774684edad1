package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Runs {@link QuiescenceStress} under jcstress, which forks JVMs of its own. For a longer run:
 *
 * <pre>{@code
 * java -cp <test class path> org.openjdk.jcstress.Main -t QuiescenceStress -m tough
 * }</pre>
 */
class QuiescenceStressTest {
    @Test
    @Timeout(180)
    void no_forbidden_outcome_is_seen() throws Exception {
        Path results = Path.of("target", "jcstress").toAbsolutePath();
        Files.createDirectories(results);
        Path log = results.resolve("run.log");
        Process run = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        absolute(System.getProperty("java.class.path")),
                        "org.openjdk.jcstress.Main",
                        "-t",
                        "QuiescenceStress",
                        "-m",
                        "quick",
                        "-sc",
                        "false",
                        "-jvmArgs", // one kind of JVM; the longer run tries them all
                        "-Xmx512m",
                        "-r",
                        results.toString()))
                .directory(results.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            assertThat(run.waitFor(170, TimeUnit.SECONDS)).as("ended in time").isTrue();
        } finally {
            run.destroyForcibly();
        }

        String output = Files.readString(log);
        assertThat(run.exitValue()).as(output).isZero();
        assertThat(output).contains("Failed tests: No matches.", "Error tests: No matches.", "5 matching test results");
    }

    private static String absolute(String classPath) {
        return String.join(
                File.pathSeparator,
                List.of(classPath.split(File.pathSeparator)).stream()
                        .map(entry -> Path.of(entry).toAbsolutePath().toString())
                        .toList());
    }
}
