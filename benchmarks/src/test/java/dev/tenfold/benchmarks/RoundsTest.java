package dev.tenfold.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundsTest {
    private static final Effort SHORT = new Effort(Duration.ofMillis(1), Duration.ofMillis(20), Duration.ofMillis(1));

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Progress progress = Progress.on(new PrintStream(out, true, UTF_8));

    @Test
    void every_contender_gets_a_slice_in_every_round() throws Exception {
        Samples samples = Rounds.run(
                "x",
                List.of(new Contender("a", "", page -> page), new Contender("b", "", page -> page)),
                3,
                SHORT,
                progress);
        assertThat(samples.rounds("a")).isEqualTo(samples.rounds("b")).isGreaterThanOrEqualTo(5);
        assertThat(samples.median("a")).isPositive();
    }

    @Test
    void a_contender_with_another_answer_ends_the_comparison() {
        List<Contender> contenders =
                List.of(new Contender("a", "", page -> page), new Contender("b", "", page -> page == 2 ? 7 : page));
        assertThatThrownBy(() -> Rounds.run("x", contenders, 3, SHORT, progress))
                .hasMessage("b answers page 2 otherwise than a does");
    }

    @Test
    void without_a_terminal_progress_is_told_in_plain_lines() throws Exception {
        var unused = Rounds.run("x", List.of(new Contender("a", "", page -> page)), 1, SHORT, progress);
        assertThat(out.toString(UTF_8).lines()).startsWith("x: about 0 s").endsWith("x: 100 %");
        assertThat(out.toString(UTF_8)).doesNotContain("\r", "\u001b");
    }

    @Test
    void all_ways_without_a_database_give_the_same_answer() throws Exception {
        List<Contender> contenders = QueryPerKey.contenders();
        Samples samples = Rounds.run("query.perkey", contenders, 1, SHORT, progress);
        assertThat(contenders)
                .allSatisfy(
                        contender -> assertThat(samples.has(contender.name())).isTrue());
        Bookkeeping work = new Bookkeeping();
        assertThat(work.futures()).hasSize(500).isEqualTo(work.peers());
    }
}
