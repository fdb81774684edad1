package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
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
        Stage.Result result = ThousandUsers.judge(InspectionTest.found(), slow, quick);

        assertThat(result.kept()).isTrue();
        assertThat(result.sentence())
                .contains("The naive version breaks")
                .contains("within 20 ms")
                .contains("60 times fewer queries");
    }

    @Test
    void what_was_found_before_the_load_is_told_with_its_place_and_its_index() {
        Stage.Result result = ThousandUsers.judge(InspectionTest.found(), slow, quick);

        assertThat(result.notes())
                .singleElement()
                .asString()
                .contains(
                        "the N+1 at NaiveFeed.page(NaiveFeed.java:7)",
                        "an index is missing on public.comments USING btree (post_id, id)",
                        "4 statements a request instead of 241, and no findings.");
    }

    @Test
    void an_N_plus_1_that_was_not_found_before_the_load_fails_the_stage_although_the_load_was_carried() {
        Inspection.Found all = InspectionTest.found();
        Inspection.Seen blind = new Inspection.Seen("naive", 241, List.of(), List.of(), List.of());
        Inspection.Found none =
                new Inspection.Found(blind, all.batched(), all.before(), all.after(), all.forgotten(), all.proposed());

        Stage.Result result = ThousandUsers.judge(none, slow, quick);

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence()).startsWith("FAILED: QueryGuard should find the N+1 in NaiveFeed");
    }

    @Test
    void a_naive_version_that_keeps_up_fails_the_stage() {
        assertThat(ThousandUsers.judge(InspectionTest.found(), measured("naive", 1_000, 300, 241), quick)
                        .sentence())
                .isEqualTo("FAILED: 1,000 users should break the naive version, but it kept up.");
    }

    @Test
    void a_slow_module_fails_the_stage() {
        Stage.Result result =
                ThousandUsers.judge(InspectionTest.found(), slow, measured("with toolkit-query", 1_000, 1_500, 4));

        assertThat(result.kept()).isFalse();
        assertThat(result.sentence()).contains("its p99 is 1.5 s where 1.0 s are allowed");
    }

    @Test
    void too_many_queries_fail_the_stage() {
        Stage.Result result =
                ThousandUsers.judge(InspectionTest.found(), slow, measured("with toolkit-query", 1_000, 20, 24.1));

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

    @Test
    void a_flood_breaks_the_cached_site_and_not_the_limited_one() {
        Stage.Result result = ClientsInALoop.judge(flooded(flood(17), flood(21), 700));

        assertThat(result.kept()).as(result.sentence()).isTrue();
        assertThat(result.sentence()).contains("its p99 is 2.0 s", "99.0 % of what", "within 90 ms");
        assertThat(result.notes())
                .anySatisfy(note -> assertThat(note).contains("17 to one client at most, where the limit allows 17"))
                .anySatisfy(note -> assertThat(note).contains("made 700 decisions", "21 times at most", "allows 23"));
    }

    @Test
    void one_request_more_than_the_limit_allows_fails_the_stage() {
        assertThat(ClientsInALoop.judge(flooded(flood(18), flood(21), 700)).sentence())
                .isEqualTo(
                        "FAILED: with toolkit-ratelimit: one client was admitted 18 times in 11.5 s, where at most 17 are"
                                + " allowed.");
    }

    @Test
    void while_Redis_is_away_a_client_gets_one_burst_more_and_nothing_else() {
        assertThat(ClientsInALoop.judge(flooded(flood(17), flood(23), 700)).kept())
                .isTrue();
        assertThat(ClientsInALoop.judge(flooded(flood(17), flood(24), 700)).sentence())
                .isEqualTo(
                        "FAILED: limit, Redis killed: one client was admitted 24 times in 11.5 s, where at most 23 are"
                                + " allowed.");
    }

    @Test
    void an_outage_that_no_node_noticed_fails_the_stage() {
        assertThat(ClientsInALoop.judge(flooded(flood(17), flood(21), 0)).sentence())
                .isEqualTo("FAILED: Redis was killed, but no request was admitted or refused without it.");
    }

    @Test
    void a_limit_that_lets_a_tenth_of_the_flood_pass_fails_the_stage() {
        Flood.Found leak = new Flood.Found(10_000, 9_000, 0, 17, 11.5);

        assertThat(ClientsInALoop.judge(flooded(leak, flood(21), 700)).sentence())
                .contains("more than 90 % of the flood should be refused, but 90.0 % was.");
    }

    @Test
    void users_who_hardly_noticed_the_flood_fail_the_stage() {
        Site.Under slow = new Site.Under(measured("with toolkit-ratelimit", 1_000, 500, 0.5), flood(17), 0, 0);

        assertThat(ClientsInALoop.judge(flooded(slow, flood(21), 700)).sentence())
                .contains("p99 should be at least 5 times as long, but was 4.0 times as long.");
    }

    @Test
    void a_node_that_has_lost_Redis_for_a_moment_may_give_one_burst_more() {
        Measured users = measured("with toolkit-ratelimit", 1_000, 90, 0.5);
        Site.Under moment = new Site.Under(users, flood(23), 3, 1);
        Site.Under leak = new Site.Under(users, flood(24), 3, 1);

        assertThat(ClientsInALoop.judge(flooded(moment, flood(21), 700)).kept()).isTrue();
        assertThat(ClientsInALoop.judge(flooded(leak, flood(21), 700)).sentence())
                .contains("admitted 24 times in 11.5 s, where at most 23 are");
    }

    @Test
    void tokens_keep_the_database_busy_until_they_are_remembered() {
        Stage.Result result = TokensOnEveryRequest.judge(tokens(30, 0, 0));

        assertThat(result.kept()).as(result.sentence()).isTrue();
        assertThat(result.sentence())
                .contains(
                        "70 % of all queries",
                        "60 % of the time",
                        "97.0 % fewer",
                        "Nothing breaks with either",
                        "90 ms with tokens in PostgreSQL and 20 ms");
        assertThat(result.notes())
                .anySatisfy(note -> assertThat(note).contains("1,000 for 1,000 requests", "30 for 1,000", "user in 30"))
                .anySatisfy(note -> assertThat(note).contains("came 7.0 ms after", "first node accepted 0 of 100"));
    }

    @Test
    void a_token_cache_that_looks_up_more_than_a_tenth_fails_the_stage() {
        assertThat(TokensOnEveryRequest.judge(tokens(101, 0, 0)).sentence())
                .isEqualTo(
                        "FAILED: toolkit-auth should look up at least 90 % fewer tokens, but looked up 89.9 % fewer.");
    }

    @Test
    void one_request_accepted_after_its_subject_was_logged_out_fails_the_stage() {
        assertThat(TokensOnEveryRequest.judge(tokens(30, 1, 0)).sentence())
                .isEqualTo(
                        "FAILED: with toolkit-auth: after the log-out the node that made it accepted 1 requests more.");
        assertThat(TokensOnEveryRequest.judge(tokens(30, 0, 1)).sentence())
                .isEqualTo("FAILED: with toolkit-auth: 1 requests were accepted that were sent more than 1 s after the"
                        + " log-out.");
    }

    private static final PictureDay.Effects ALL_DONE = new PictureDay.Effects(300, 0, 0, 0, 0, 0, 7, 0);
    private static final PictureDay.Letters ALL_REPLAYED =
            new PictureDay.Letters(13, 13, 1, "Unreadable: no JPEG begins with", 13, 0, 12);

    @Test
    void slow_work_breaks_requests_and_not_the_jobs() {
        Stage.Result result = HundredThousandUsers.judge(pictures(8, ALL_DONE, ALL_REPLAYED));

        assertThat(result.kept()).as(result.sentence()).isTrue();
        assertThat(result.sentence()).contains("its p99 is 2.0 s", "within 90 ms", "600 thumbnails and mails");
        assertThat(result.notes())
                .anySatisfy(note ->
                        assertThat(note).contains("sends 8 mails", "40 jobs to do", "1.0 s later", "3.5 s after"))
                .anySatisfy(note -> assertThat(note).contains("Of 300 pictures accepted 0 are lost", "sent twice: 7;"))
                .anySatisfy(
                        note -> assertThat(note).contains("Dead letters: 13, in 1 group: Unreadable", "0 are left"));
        Stage.Backlog backlog = Objects.requireNonNull(result.backlog());
        assertThat(backlog.marks()).extracting(Stage.Backlog.Mark::second).containsExactly(3.0, 6.5, 7.5, 12.0);
    }

    @Test
    void a_worker_killed_while_it_was_idle_fails_the_stage() {
        assertThat(HundredThousandUsers.judge(pictures(0, ALL_DONE, ALL_REPLAYED))
                        .sentence())
                .isEqualTo(
                        "FAILED: The worker and PostgreSQL should have been killed amidst jobs, but 0 were running and"
                                + " 40 left.");
    }

    @Test
    void one_effect_lost_or_doubled_fails_the_stage() {
        assertThat(effects(1, 0, 0, 0, 0, 0)).contains("Lost: 1 pictures that were accepted, 0 thumbnails, 0 mails.");
        assertThat(effects(0, 1, 0, 0, 0, 0)).contains("Lost: 0 pictures that were accepted, 1 thumbnails, 0 mails.");
        assertThat(effects(0, 0, 0, 1, 0, 0)).contains("Lost: 0 pictures that were accepted, 0 thumbnails, 1 mails.");
        assertThat(effects(0, 0, 1, 0, 0, 0)).contains("Done twice: the thumbnails of 1 pictures, and 0 mails");
        assertThat(effects(0, 0, 0, 0, 1, 0)).contains("Done twice: the thumbnails of 0 pictures, and 1 mails");
        assertThat(effects(0, 0, 0, 0, 0, 1)).contains("1 jobs are not done in the end.");
    }

    private String effects(int lost, int noThumbnail, int twoThumbnails, int noMail, int twoMails, long unfinished) {
        PictureDay.Effects effects =
                new PictureDay.Effects(300, lost, noThumbnail, twoThumbnails, noMail, twoMails, 0, unfinished);
        Stage.Result result = HundredThousandUsers.judge(pictures(8, effects, ALL_REPLAYED));
        assertThat(result.kept()).isFalse();
        return result.sentence();
    }

    @Test
    void a_dead_letter_too_few_or_left_fails_the_stage() {
        PictureDay.Letters few = new PictureDay.Letters(13, 12, 1, "", 12, 0, 12);
        PictureDay.Letters left = new PictureDay.Letters(13, 13, 1, "", 13, 1, 12);

        assertThat(HundredThousandUsers.judge(pictures(8, ALL_DONE, few)).sentence())
                .contains("for each of 13 pictures that the worker cannot read, but there are 12.");
        assertThat(HundredThousandUsers.judge(pictures(8, ALL_DONE, left)).sentence())
                .contains("Of 13 dead letters 13 were replayed, and 1 are left.");
    }

    private static PictureDay.Found pictures(int underWay, PictureDay.Effects effects, PictureDay.Letters letters) {
        return new PictureDay.Found(
                measured(PictureDay.IN_REQUEST, 600, 2_000, 0.5),
                measured(PictureDay.AS_JOBS, 1_000, 90, 0.9),
                effects,
                new PictureDay.Deaths(3, underWay, 6.5, 40, 7.5, 11),
                letters,
                List.of(new Stage.Backlog.Sample(0, 0), new Stage.Backlog.Sample(6, 40)),
                NextBreakTest.report(List.of()));
    }

    private static Site.Tokened tokens(long lookups, long acceptedAfter, long acceptedLate) {
        return new Site.Tokened(
                new Site.Checked(
                        measured("tokens in PostgreSQL", 1_000, 90, 1.4), 1_000, 1_000, 1_430, 0.6, devices(0, 0)),
                new Site.Checked(
                        measured("with toolkit-auth", 1_000, 20, 0.4),
                        1_000,
                        lookups,
                        460,
                        0.02,
                        devices(acceptedAfter, acceptedLate)));
    }

    private static Devices.Found devices(long acceptedAfter, long acceptedLate) {
        return new Devices.Found(
                List.of(200L, 200L), 5, 7, List.of(100L, 100L), List.of(acceptedAfter, 0L), acceptedLate, 0);
    }

    private static Flood.Found flood(long mostAdmitted) {
        return new Flood.Found(10_000, 9_900, 0, mostAdmitted, 11.5);
    }

    private static Site.Flooded flooded(Flood.Found limited, Flood.Found killed, long decidedWithoutRedis) {
        Measured users = measured("with toolkit-ratelimit", 1_000, 90, 0.5);
        return flooded(new Site.Under(users, limited, 0, 0), killed, decidedWithoutRedis);
    }

    private static Site.Flooded flooded(Site.Under limited, Flood.Found killed, long decidedWithoutRedis) {
        Measured open = measured("with toolkit-cache", 600, 2_000, 0.5);
        return new Site.Flooded(
                new Site.Under(open, new Flood.Found(500, 0, 0, 250, 12), 0, 0),
                limited,
                new Site.Under(measured("limit, Redis killed", 1_000, 120, 0.5), killed, decidedWithoutRedis, 2),
                new Stage.Away(4, 8, 0.5));
    }

    private Stage.Result tenThousand(Measured cache) {
        return TenThousandUsers.judge(
                measured("with toolkit-query", 400, 5_000, 4),
                cache,
                measured("cache, Redis killed", 1_000, 90, 0.5),
                new Stage.Away(4, 8, 0.5));
    }

    static Measured measured(String version, int served, long millis, double queries) {
        return measured(version, served, millis, queries, new StaleReads.Found(20_000, 3, 2, 0));
    }

    static Measured measured(String version, int served, long millis, double queries, StaleReads.Found stale) {
        Histogram latency = new Histogram(3);
        latency.recordValueWithCount(millis * 1_000, 1_000);
        return new Measured(
                version, new Load(1_000, served, 0, 10, 10, latency, new int[10], new int[10]), queries, 1, stale);
    }
}
