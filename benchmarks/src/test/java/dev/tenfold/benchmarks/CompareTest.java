package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    /** Emits one row; fails if it is called {@code broken}. */
    private record Fake(String name) implements Topic {
        @Override
        public void run(Session session) {
            if (name.equals("broken")) {
                throw new IllegalStateException("a contender answers otherwise");
            }
            session.emit(Row.of(name + ".x", "peer", "us/request", 1, session.quick() ? 2 : 3, Better.LOWER));
        }
    }

    private static final List<Topic> TOPICS = List.of(new Fake("cache"), new Fake("query"));

    private int run(List<Topic> topics, String... args) {
        return Compare.run(List.of(args), topics, new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
    }

    @Test
    void a_topic_is_run_and_its_rows_are_printed() {
        assertThat(run(TOPICS, "query")).isZero();
        assertThat(out.toString(UTF_8)).contains("query.x").doesNotContain("cache.x");
        assertThat(err.toString(UTF_8)).isEmpty();
    }

    @Test
    void all_means_every_topic_once() {
        assertThat(Arguments.parse(List.of("query", "all"), TOPICS).topics())
                .containsExactlyInAnyOrderElementsOf(TOPICS);
    }

    @Test
    void options_may_stand_anywhere() {
        Arguments arguments = Arguments.parse(List.of("--json", "x.json", "query", "--quick"), TOPICS);
        assertThat(arguments.quick()).isTrue();
        assertThat(arguments.json()).isEqualTo(Path.of("x.json"));
        assertThat(arguments.topics()).extracting(Topic::name).containsExactly("query");
    }

    @Test
    void an_unknown_topic_gets_one_line_and_status_2() {
        assertThat(run(TOPICS, "qeury")).isEqualTo(2);
        assertThat(err.toString(UTF_8).lines()).containsExactly("unknown topic qeury; there are cache, query, all");
        assertThat(out.toString(UTF_8)).isEmpty();
    }

    @Test
    void an_unknown_option_gets_one_line_and_status_2() {
        assertThat(run(TOPICS, "query", "--fast")).isEqualTo(2);
        assertThat(err.toString(UTF_8).lines())
                .containsExactly("unknown option --fast; there are --quick, --json FILE and --trace FILE");
    }

    @Test
    void no_topic_gets_one_line_and_status_2() {
        assertThat(run(TOPICS, "--quick")).isEqualTo(2);
        assertThat(err.toString(UTF_8).lines()).containsExactly("name a topic: cache, query, all");
    }

    @Test
    void json_without_a_file_is_refused() {
        assertThatThrownBy(() -> Arguments.parse(List.of("query", "--json"), TOPICS))
                .hasMessage("--json needs a file to write to");
        assertThatThrownBy(() -> Arguments.parse(List.of("query", "--json", "--quick"), TOPICS))
                .hasMessage("--json needs a file to write to");
    }

    @Test
    void a_file_that_cannot_be_written_is_refused_before_anything_runs(@TempDir Path dir) {
        assertThat(run(TOPICS, "query", "--json", dir.resolve("no/such/file").toString()))
                .isEqualTo(2);
        assertThat(err.toString(UTF_8).lines()).hasSize(1);
        assertThat(out.toString(UTF_8)).isEmpty();
    }

    @Test
    void the_file_has_one_object_a_line(@TempDir Path dir) throws Exception {
        Path file = dir.resolve("results.json");
        assertThat(run(TOPICS, "all", "--quick", "--json", file.toString())).isZero();
        assertThat(Files.readAllLines(file))
                .containsExactly(
                        "{\"name\":\"cache.x\",\"peer\":\"peer\",\"unit\":\"us/request\",\"ours\":1,\"theirs\":2,"
                                + "\"ratio\":2,\"better\":\"lower\"}",
                        "{\"name\":\"query.x\",\"peer\":\"peer\",\"unit\":\"us/request\",\"ours\":1,\"theirs\":2,"
                                + "\"ratio\":2,\"better\":\"lower\"}");
    }

    @Test
    void a_topic_that_fails_gives_status_1_and_the_others_still_run() {
        List<Topic> topics = List.of(new Fake("broken"), new Fake("query"));
        assertThat(run(topics, "all")).isEqualTo(1);
        assertThat(err.toString(UTF_8)).contains("topic broken failed", "a contender answers otherwise");
        assertThat(out.toString(UTF_8)).contains("query.x");
    }
}
