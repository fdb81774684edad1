package dev.tenfold.query.guard;

import static dev.tenfold.query.guard.QueryAssertions.assertNoFindings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaselineTest {
    private static final String WRITE = "tenfold.baseline";

    private final Posts posts = new Posts();

    @TempDir
    private Path folder;

    @AfterEach
    void close() throws SQLException {
        System.clearProperty(WRITE);
        posts.close();
    }

    @Test
    void a_new_finding_fails_with_the_line_to_add() {
        assertThatThrownBy(() -> assertNoFindings(baseline("none"), () -> posts.authors(3)))
                .isExactlyInstanceOf(AssertionError.class)
                .message()
                .startsWith("1 finding that is not in " + folder.resolve("none"))
                .contains("LOOP: ")
                .containsPattern(
                        "Mend them; or let them be, by -Dtenfold.baseline=write or by a new file of these lines:\\R"
                                + "LOOP [0-9a-f]{16} dev\\.tenfold\\.query\\.guard\\.Posts\\.author"
                                + "  # select name from author where id = \\?$");
    }

    @Test
    void the_line_that_a_failure_names_lets_the_finding_pass() throws Exception {
        Path file = folder.resolve("by-hand");
        String line = lineOf(() -> posts.authors(3), "other");
        Files.writeString(file, line + "\n");

        assertNoFindings(Baseline.at(file.toString()), () -> posts.authors(3));
    }

    @Test
    void what_was_written_passes_afterwards_and_other_findings_fail() throws Exception {
        Baseline baseline = baseline("sub/folder/queries.baseline");
        System.setProperty(WRITE, "write");
        assertNoFindings(baseline, () -> posts.authors(3));
        System.clearProperty(WRITE);

        assertNoFindings(baseline, () -> posts.authors(9));
        assertThatThrownBy(() -> assertNoFindings(baseline, () -> posts.posts(3)))
                .hasMessageStartingWith("1 finding that is not");
        assertThat(Files.readAllLines(folder.resolve("sub/folder/queries.baseline")))
                .singleElement()
                .asString()
                .startsWith("LOOP ")
                .endsWith("dev.tenfold.query.guard.Posts.author  # select name from author where id = ?");
        assertThat(names(folder.resolve("sub/folder"))).containsExactly("queries.baseline");
    }

    @Test
    void writing_keeps_comments_and_what_others_have_written_and_sorts() throws Exception {
        Path file = folder.resolve("kept");
        String zebra = "WRITE_LOOP 00000000000000aa com.acme.Zebra.run";
        String late = "REPEATED_READ 00000000000000bb com.acme.Late.run  # select 1";
        Files.writeString(file, "# Known since May.\n" + zebra + "\n# The end.\n");
        Baseline baseline = Baseline.at(file.toString());
        assertThat(baseline.unseen()).containsExactly(zebra);
        Files.writeString(file, "# Known since May.\n" + zebra + "\n\n# Later.\n" + late + "\n# The end.\n");

        System.setProperty(WRITE, "write");
        assertNoFindings(baseline, () -> posts.authors(3));

        List<String> lines = Files.readAllLines(file);
        assertThat(lines.get(0)).startsWith("LOOP ");
        assertThat(lines.subList(1, lines.size()))
                .containsExactly("", "# Later.", late, "# Known since May.", zebra, "# The end.");
    }

    @Test
    void a_loop_is_known_whether_or_not_the_query_before_it_was_seen() throws Exception {
        Path file = folder.resolve("twins");
        Files.writeString(file, """
                LOOP 0000000000000001 com.acme.Feed.view
                N_PLUS_ONE 0000000000000002 com.acme.Feed.view
                WRITE_LOOP 0000000000000003 com.acme.Feed.view
                """);
        Baseline baseline = Baseline.at(file.toString());
        Finding other = finding(FindingKind.LOOP, 3, "");
        Finding elsewhere =
                finding(FindingKind.LOOP, 2, "", new StackTraceElement("com.acme.Feed", "edit", "Feed.java", 2));

        assertThat(baseline.unknown(List.of(
                        finding(FindingKind.N_PLUS_ONE, 1, ""), finding(FindingKind.LOOP, 2, ""), other, elsewhere)))
                .containsExactly(other, elsewhere);
        assertThat(baseline.unseen()).containsExactly("WRITE_LOOP 0000000000000003 com.acme.Feed.view");
    }

    @Test
    void a_loop_that_is_known_is_not_written_as_the_other_kind_too() throws Exception {
        Path file = folder.resolve("twin");
        Baseline baseline = Baseline.at(file.toString());
        System.setProperty(WRITE, "write");
        Finding loop = finding(FindingKind.LOOP, 1, "select 1");
        Finding nPlusOne = finding(FindingKind.N_PLUS_ONE, 1, "select 1");
        assertThat(baseline.unknown(List.of(loop, nPlusOne))).isEmpty();
        assertThat(baseline.unknown(List.of(nPlusOne))).isEmpty();

        assertThat(Files.readAllLines(file)).containsExactly("LOOP 0000000000000001 com.acme.Feed.view  # select 1");
    }

    @Test
    @SuppressWarnings("NullAway") // gives null on purpose
    void a_path_that_is_null_is_refused_by_name() {
        assertThatThrownBy(() -> Baseline.at(null))
                .isExactlyInstanceOf(NullPointerException.class)
                .hasMessage("path");
    }

    @Test
    void many_that_write_at_once_lose_nothing() throws Exception {
        Path file = folder.resolve("shared");
        System.setProperty(WRITE, "write");
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Callable<List<Finding>>> tasks = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                Finding finding = finding(FindingKind.LOOP, i, "select " + i);
                tasks.add(() -> Baseline.at(file.toString()).unknown(List.of(finding)));
            }
            for (Future<List<Finding>> each : threads.invokeAll(tasks)) {
                assertThat(each.get()).isEmpty();
            }
        } finally {
            threads.shutdownNow();
            assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }

        assertThat(Files.readAllLines(file)).hasSize(100).isSorted();
        assertThat(names(folder)).containsExactly("shared");
    }

    @Test
    void lines_that_were_not_seen_are_told() throws Exception {
        Path file = folder.resolve("stale");
        String stale = "LOOP 00000000000000aa com.acme.Gone.run  # select 1";
        Files.writeString(file, stale + "\n" + lineOf(() -> posts.authors(3), "unseen") + "\n");
        Baseline baseline = Baseline.at(file.toString());
        assertThat(baseline.unseen()).hasSize(2);

        assertNoFindings(baseline, () -> posts.authors(3));

        assertThat(baseline.unseen()).containsExactly(stale);
    }

    @Test
    void a_site_is_the_method_in_the_source_whatever_the_compiler_calls_its_lambdas() {
        StackTraceElement lambda =
                new StackTraceElement("com.acme.Feed$$Lambda/0x12", "lambda$view$7", "Feed.java", 12);
        assertThat(baseline("lambdas").howToAccept(List.of(finding(FindingKind.LOOP, 1, "a\n b", lambda))))
                .endsWith("LOOP 0000000000000001 com.acme.Feed.view  # a b");
    }

    @Test
    void a_finding_without_statement_and_site_has_a_line_too() throws IOException {
        Path file = folder.resolve("bare");
        Finding bare = finding(FindingKind.NESTED_BORROW, -1, "", null);
        System.setProperty(WRITE, "write");
        assertThat(Baseline.at(file.toString()).unknown(List.of(bare))).isEmpty();

        assertThat(Files.readAllLines(file)).containsExactly("NESTED_BORROW - -");
    }

    @Test
    void a_line_that_is_no_finding_is_named() throws IOException {
        assertThatThrownBy(() -> read("# fine\nLOOP 12 com.acme.A.a\nLOOP what\n"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(folder.resolve("bad") + ":3: 'LOOP what' is no finding: a line is KIND fingerprint"
                        + " com.acme.Class.method  # statement");
        assertThatThrownBy(() -> read("LOOPS 12 com.acme.A.a\n"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith(
                        folder.resolve("bad") + ":1: 'LOOPS' is no kind of finding: it is one of [N_PLUS_ONE, LOOP,");
        assertThatThrownBy(() -> read("LOOP 12 com.acme.A.a\n<<<<<<< HEAD\n"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(folder.resolve("bad")
                        + ":2: left from a merge conflict: keep the lines of both sides, and remove this one");
    }

    @Test
    void what_is_no_text_is_refused() throws IOException {
        Path file = folder.resolve("image");
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xd8, (byte) 0xff});
        assertThatThrownBy(() -> Baseline.at(file.toString()).unseen())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage(file + " is not text in UTF-8, so it is no baseline");
    }

    @Test
    void a_path_that_cannot_be_a_file_is_refused() {
        assertThatThrownBy(() -> Baseline.at(" ")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Baseline.at(folder.toString()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(folder + " is a folder; name the baseline's file in it");
    }

    @Test
    void another_mode_than_write_is_refused() {
        System.setProperty(WRITE, "rewrite");
        assertThatThrownBy(() -> assertNoFindings(baseline("mode"), () -> posts.authors(3)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("-Dtenfold.baseline=rewrite: leave it out, or say 'write'");
    }

    @Test
    void one_file_is_one_baseline_and_relative_to_the_module() {
        Baseline one = Baseline.at("src/test/../test/resources/x.baseline");
        assertThat(one).isSameAs(Baseline.at("src/test/resources/x.baseline"));
        assertThat(Path.of(one.toString())).isAbsolute();
        assertThat(one.toString()).endsWith("toolkit-query/src/test/resources/x.baseline");
    }

    private Baseline baseline(String name) {
        return Baseline.at(folder.resolve(name).toString());
    }

    /** What cannot be read is not kept, so the same file is read again. */
    private void read(String text) throws IOException {
        Path file = folder.resolve("bad");
        Files.writeString(file, text, StandardCharsets.UTF_8);
        Baseline.at(file.toString()).unseen();
    }

    private String lineOf(QueryAssertions.Action<RuntimeException> action, String name) {
        Baseline baseline = baseline(name);
        try {
            assertNoFindings(baseline, action);
        } catch (AssertionError e) {
            String message = String.valueOf(e.getMessage());
            return message.substring(message.lastIndexOf('\n') + 1);
        }
        throw new AssertionError("nothing was found");
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private static Finding finding(FindingKind kind, int number, String statement) {
        return finding(kind, number, statement, new StackTraceElement("com.acme.Feed", "view", "Feed.java", number));
    }

    private static Finding finding(FindingKind kind, int number, String statement, @Nullable StackTraceElement site) {
        return new Finding(
                kind,
                number < 0 ? "" : String.format("%016x", number),
                statement,
                site,
                List.of(),
                null,
                "test",
                3,
                1,
                Duration.ZERO,
                "three times",
                "mend it");
    }
}
