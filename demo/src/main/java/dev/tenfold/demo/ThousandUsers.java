package dev.tenfold.demo;

import java.util.List;
import java.util.Locale;

/** 1,000 users: N+1 queries, a missing index and a connection per request break; toolkit-query mends them. */
final class ThousandUsers implements Stage {
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double FEWER_QUERIES = 50;

    @Override
    public Result run(Site site) throws Exception {
        return judge(site.naive(1_000), site.batched(1_000));
    }

    static Result judge(Measured naive, Measured ours) {
        double fewer = naive.queriesPerRequest() / ours.queriesPerRequest();
        boolean breaks = !naive.keepsUp(P99_OBJECTIVE_MILLIS);
        boolean mends = ours.keepsUp(P99_OBJECTIVE_MILLIS);
        boolean kept = breaks && mends && fewer >= FEWER_QUERIES;
        String sentence;
        if (kept) {
            sentence = String.format(
                    Locale.ROOT,
                    "The naive version breaks: %s. With toolkit-query the same load is served, 99 %% of it within %.0f"
                            + " ms, by %.0f times fewer queries a request.",
                    Words.shortfall(naive, P99_OBJECTIVE_MILLIS),
                    ours.load().millisAt(99),
                    fewer);
        } else if (!mends) {
            sentence = "FAILED: toolkit-query should carry 1,000 users. "
                    + Words.shortfallByName(ours, P99_OBJECTIVE_MILLIS);
        } else if (!breaks) {
            sentence = "FAILED: 1,000 users should break the naive version, but it kept up.";
        } else {
            sentence = String.format(
                    Locale.ROOT,
                    "FAILED: toolkit-query should take at least %.0f times fewer queries a request, but took %.1f times"
                            + " fewer.",
                    FEWER_QUERIES,
                    fewer);
        }
        return new Result("1,000 users", List.of(naive, ours), P99_OBJECTIVE_MILLIS, kept, sentence);
    }
}
