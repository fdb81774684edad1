package dev.tenfold.benchmarks;

import dev.tenfold.query.guard.Finding;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.QueryScope;
import javax.sql.DataSource;

/** Ours: a scope a test, and the threshold that assertions in tests take. */
final class DetectOurs implements DetectPeer {
    private static final int THRESHOLD = 3;

    @Override
    public String name() {
        return "ours";
    }

    @Override
    public String settings() {
        return "QueryGuard, threshold " + THRESHOLD + " as in tests, a QueryScope a trace; N_PLUS_ONE or LOOP";
    }

    @Override
    public DataSource watch(DataSource dataSource) {
        return QueryGuard.watch(dataSource, options -> options.threshold(THRESHOLD));
    }

    @Override
    public boolean reports(DetectTrace trace, DetectWorld world) throws Exception {
        try (QueryScope scope = QueryScope.open(trace.name())) {
            trace.scenario().run(world);
            return scope.findings().stream().map(Finding::kind).anyMatch(DetectOurs::isNPlusOne);
        }
    }

    private static boolean isNPlusOne(FindingKind kind) {
        return kind == FindingKind.N_PLUS_ONE || kind == FindingKind.LOOP;
    }
}
