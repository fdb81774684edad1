package dev.tenfold.demo;

import java.util.List;
import java.util.Locale;

/** 100 users: nothing breaks. The naive version is good enough, and that is why nobody mends it now. */
final class HundredUsers implements Stage {
    private static final double P99_OBJECTIVE_MILLIS = 1_000;

    @Override
    public Result run(Site site) throws Exception {
        return judge(site.naive(100), site.batched(100));
    }

    static Result judge(Measured naive, Measured ours) {
        boolean kept = naive.keepsUp(P99_OBJECTIVE_MILLIS) && ours.keepsUp(P99_OBJECTIVE_MILLIS);
        String sentence = kept
                ? String.format(
                        Locale.ROOT,
                        "Nothing breaks: both versions serve every request, 99 %% of them within %.0f ms naive and %.0f ms"
                                + " with toolkit-query.",
                        naive.load().millisAt(99),
                        ours.load().millisAt(99))
                : "FAILED: 100 users should break nothing. "
                        + Words.shortfallByName(
                                naive.keepsUp(P99_OBJECTIVE_MILLIS) ? ours : naive, P99_OBJECTIVE_MILLIS);
        return new Result("100 users", List.of(naive, ours), P99_OBJECTIVE_MILLIS, kept, sentence);
    }
}
