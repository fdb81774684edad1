package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command as a user meets it. */
class LaunchDayTest {
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --fast               | unknown argument '--fast'; --help lists what there is
            --keys               | --keys needs a file
            --keys --quick       | --keys needs a file
            --quick --report     | --report needs a file
            --keys no/such/file  | --keys no/such/file: there is no such file in
            --keys src           | --keys src: is a directory, not a file
            """)
    void a_wrong_argument_is_named_in_one_line_and_ends_with_status_2(String arguments, String message)
            throws Exception {
        assertThat(run(arguments.split(" ", -1))).isEqualTo(2);
        assertThat(printed())
                .startsWith("launch day: " + message)
                .endsWith(System.lineSeparator())
                .hasLineCount(1);
    }

    @Test
    void help_names_every_option() throws Exception {
        assertThat(run("--help")).isZero();
        assertThat(printed()).contains("--keys", "--quick", "--report", "--help");
    }

    /** Counts are exact. Latencies are this machine's, so they are judged by the demo and not by its test. */
    @Test
    void a_quick_run_counts_queries_says_what_it_found_and_writes_a_report_that_needs_no_other_file() throws Exception {
        Path report = directory.resolve("deeper/launch-day.html");

        int status = run("--quick", "--report", report.toString());

        assertThat(printed().lines().filter(line -> line.startsWith("  naive ")))
                .as(printed())
                .hasSize(2)
                .allMatch(line -> line.contains(" 241.0 "));
        assertThat(printed().lines().filter(line -> line.startsWith("  with toolkit-query ")))
                .as(printed())
                .hasSize(3)
                .allMatch(line -> line.contains(" 4.0 "));
        assertThat(printed())
                .contains(
                        "N_PLUS_ONE: ",
                        "dev.tenfold.demo.NaiveFeed.comments(NaiveFeed.java:",
                        "create index concurrently ",
                        "4 statements a request instead of 241, and no findings.",
                        "0 were older than the 2 s promised",
                        "they load all anew, little by little, and show what they had for 2 s more.",
                        "the first node accepted 0 of ",
                        "each node goes on with its half of the limit",
                        " pictures accepted 0 are lost, 0 have no thumbnail in the end and 0 have two",
                        " 0 have no mail.",
                        "so the mail server delivered 0 twice.",
                        "in 1 group: dev.tenfold.demo.Photo$Unreadable",
                        "the letters are replayed: 0 are left.")
                .doesNotContain("where at most");
        assertThat(status).as(printed()).isEqualTo(printed().contains("FAILED") ? 1 : 0);
        assertThat(printed()).contains(report.toString());
        assertThat(Files.readString(report).replace("xmlns=\"http://www.w3.org/2000/svg\"", ""))
                .contains(
                        "<svg",
                        "Found by themselves",
                        "<h4>N_PLUS_ONE <span>",
                        "<code>NaiveFeed.comments(NaiveFeed.java:",
                        "<pre>create index concurrently ",
                        "class=\"offered\"",
                        "authors.across(page, Post::authorId)",
                        "posts.getAll(ids, database::viewsOf)",
                        "tokens.logoutAll(Subject.of(ISSUER, subject))",
                        "limiter.acquire(POLICY, client)",
                        "jobs.in(connection).enqueue(new SendMail(id))",
                        "Jobs not done yet")
                .doesNotContain("http:", "https:", "<script", "<link", "src=", "@import", "url(\"");
    }

    private int run(String... arguments) throws Exception {
        return LaunchDay.run(new PrintStream(printed, true, StandardCharsets.UTF_8), false, arguments);
    }

    private String printed() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
