package dev.tenfold.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * 1,000 users: N+1 queries, a missing index and a connection per request break; toolkit-query names the first two before any
 * load, and mends all three.
 */
final class ThousandUsers implements Stage {
    private static final double P99_OBJECTIVE_MILLIS = 1_000;
    private static final double FEWER_QUERIES = 50;

    @Override
    public Result run(Site site) throws Exception {
        Inspection.Found found = site.inspect();
        return judge(found, site.naive(1_000), site.batched(1_000));
    }

    static Result judge(Inspection.Found found, Measured naive, Measured ours) {
        double fewer = naive.queriesPerRequest() / ours.queriesPerRequest();
        String failure = failure(found, naive, ours, fewer);
        String sentence = failure.isEmpty()
                ? String.format(
                        Locale.ROOT,
                        "The naive version breaks: %s. With toolkit-query the same load is served, 99 %% of it within %.0f"
                                + " ms, by %.0f times fewer queries a request.",
                        Words.shortfall(naive, P99_OBJECTIVE_MILLIS),
                        ours.load().millisAt(99),
                        fewer)
                : "FAILED: " + failure;
        return new Result(
                "1,000 users",
                List.of(naive, ours),
                P99_OBJECTIVE_MILLIS,
                failure.isEmpty(),
                sentence,
                List.of(Words.summary(found)),
                null,
                null,
                found,
                null);
    }

    /** What did not happen as it should; empty if all did. */
    private static String failure(Inspection.Found found, Measured naive, Measured ours, double fewer) {
        List<String> failures = new ArrayList<>();
        if (!found.failure().isEmpty()) {
            failures.add(found.failure());
        }
        if (!ours.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add(
                    "toolkit-query should carry 1,000 users. " + Words.shortfallByName(ours, P99_OBJECTIVE_MILLIS));
        }
        if (naive.keepsUp(P99_OBJECTIVE_MILLIS)) {
            failures.add("1,000 users should break the naive version, but it kept up.");
        }
        if (fewer < FEWER_QUERIES) {
            failures.add(String.format(
                    Locale.ROOT,
                    "toolkit-query should take at least %.0f times fewer queries a request, but took %.1f times fewer.",
                    FEWER_QUERIES,
                    fewer));
        }
        return String.join(" ", failures);
    }
}
