package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

/** What a stage claims, and what it says when that did not happen. */
class StageTest {
    private final Measured slow = measured("naive", 400, 9_000, 241);
    private final Measured quick = measured("with toolkit-query", 1_000, 20, 4);

    @Test
    void a_hundred_users_break_nothing() {
        Stage.Result result = HundredUsers.judge(measured("naive", 1_000, 300, 241), quick);

        assertThat(result.kept()).isTrue();
        assertThat(result.sentence()).contains("within 300 ms naive and 20 ms with toolkit-query");
    }

    @Test
    void a_hundred_users_that_break_something_fail_the_stage() {
        Stage.Result result = HundredUsers.judge(slow, quick);

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence())
                .startsWith("FAILED: ")
                .contains(
                        "naive: it serves 40.0 of 100.0 requests a second, and its p99 is 9.0 s where 1.0 s are allowed");
    }

    @Test
    void a_thousand_users_break_the_naive_version_alone() {
        Stage.Result result = ThousandUsers.judge(slow, quick);

        assertThat(result.kept()).isTrue();
        assertThat(result.sentence())
                .contains("The naive version breaks")
                .contains("within 20 ms")
                .contains("60 times fewer queries");
    }

    @Test
    void a_naive_version_that_keeps_up_fails_the_stage() {
        assertThat(ThousandUsers.judge(measured("naive", 1_000, 300, 241), quick)
                        .sentence())
                .isEqualTo("FAILED: 1,000 users should break the naive version, but it kept up.");
    }

    @Test
    void a_slow_module_fails_the_stage() {
        Stage.Result result = ThousandUsers.judge(slow, measured("with toolkit-query", 1_000, 1_500, 4));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence()).contains("its p99 is 1.5 s where 1.0 s are allowed");
    }

    @Test
    void too_many_queries_fail_the_stage() {
        Stage.Result result = ThousandUsers.judge(slow, measured("with toolkit-query", 1_000, 20, 24.1));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence()).contains("took 10.0 times fewer");
    }

    @Test
    void ten_thousand_users_break_queries_alone_and_not_the_cache() {
        Stage.Result result = tenThousand(measured("with toolkit-cache", 1_000, 20, 0.4));

        assertThat(result.kept()).isTrue();
        assertThat(result.sentence()).contains("within 20 ms").contains("90 % fewer queries");
        assertThat(result.notes())
                .anySatisfy(note -> assertThat(note).contains("0 were older than the 2 s promised"))
                .anySatisfy(note -> assertThat(note).contains("1,000 of 1,000 requests served", "in step 0.5 s later"));
    }

    @Test
    void one_post_older_than_promised_fails_the_stage() {
        Measured stale = measured("with toolkit-cache", 1_000, 20, 0.4, new StaleReads.Found(20_000, 3, 0, 1));

        assertThat(tenThousand(stale).sentence())
                .isEqualTo("FAILED: with toolkit-cache: 1 posts were shown that were older than promised.");
    }

    @Test
    void a_cache_that_does_not_save_queries_fails_the_stage() {
        assertThat(tenThousand(measured("with toolkit-cache", 1_000, 20, 3)).sentence())
                .contains("took 1.3 times fewer");
    }

    private Stage.Result tenThousand(Measured cache) {
        return TenThousandUsers.judge(
                measured("with toolkit-query", 400, 5_000, 4),
                cache,
                measured("cache, Redis killed", 1_000, 90, 0.5),
                new Stage.Away(4, 8, 0.5));
    }

    private static Measured measured(String version, int served, long millis, double queries) {
        return measured(version, served, millis, queries, new StaleReads.Found(20_000, 3, 2, 0));
    }

    private static Measured measured(String version, int served, long millis, double queries, StaleReads.Found stale) {
        Histogram latency = new Histogram(3);
        latency.recordValueWithCount(millis * 1_000, 1_000);
        return new Measured(
                version, new Load(1_000, served, 0, 10, 10, latency, new int[10], new int[10]), queries, 1, stale);
    }
}
