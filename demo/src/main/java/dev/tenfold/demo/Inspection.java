package dev.tenfold.demo;

import static java.util.stream.Collectors.joining;

import dev.tenfold.query.guard.Finding;
import dev.tenfold.query.guard.FindingKind;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.QueryScope;
import dev.tenfold.query.guard.StatementStats;
import dev.tenfold.query.index.IndexAdvice;
import dev.tenfold.query.index.IndexCheck;
import dev.tenfold.query.index.IndexReport;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Before any load: what {@link QueryGuard} and {@link IndexCheck} find by themselves in a few requests of the naive code, and
 * whether what they propose is what the mended version has.
 */
final class Inspection {
    static final int REQUESTS = 5;

    /** What a busy machine may bring about in any version. */
    private static final Set<FindingKind> OF_THE_MOMENT = EnumSet.of(FindingKind.SLOW, FindingKind.HELD_CONNECTION);

    private static final Set<IndexAdvice.Kind> MISSING =
            EnumSet.of(IndexAdvice.Kind.MISSING_FOREIGN_KEY_INDEX, IndexAdvice.Kind.SEQUENTIAL_SCAN);

    private final DataSource pool;
    private final DataSource direct;
    private final Schema schema;
    private final List<Long> starts;

    /**
     * Looks at nothing yet.
     *
     * @param pool what the application uses
     * @param direct the same database, as who looks after it sees it
     * @param schema that database's
     * @param starts the posts that the requests' pages start at
     */
    Inspection(DataSource pool, DataSource direct, Schema schema, List<Long> starts) {
        this.pool = pool;
        this.direct = direct;
        this.schema = schema;
        this.starts = starts;
    }

    /** Leaves the schema without the index that the first version forgot. */
    Found run() throws SQLException {
        schema.createForeignKeyIndex();
        List<String> mended = definitions(schema.indexes());
        schema.dropForeignKeyIndex();
        Map<String, String> indexes = schema.indexes();

        Seen naive = look("naive", NaiveFeed::new);
        IndexReport before = check(naive.stats());
        schema.change(proposed(before));
        Map<String, String> changed = schema.indexes();
        Seen batched = look("with toolkit-query", BatchedFeed::new);
        // The naive statements, too: to them the index matters most.
        IndexReport after = check(
                Stream.concat(naive.stats().stream(), batched.stats().stream()).toList());

        List<String> names = new ArrayList<>(changed.keySet());
        names.removeAll(indexes.keySet());
        schema.dropIndexes(names); // the naive version has yet to break
        return new Found(
                naive,
                batched,
                before,
                after,
                beyond(mended, definitions(indexes)),
                beyond(definitions(changed), definitions(indexes)));
    }

    private Seen look(String version, Function<DataSource, Feed> feed) throws SQLException {
        Timeline timeline = new Timeline();
        QueryGuard guard = QueryGuard.watch(timeline.over(pool));
        Feed watched = feed.apply(guard);
        long statements = 0;
        List<Timeline.Bar> quickest = List.of();
        for (long start : starts) {
            timeline.begin();
            try (QueryScope request = QueryScope.open("GET /feed")) {
                Objects.requireNonNull(watched.page(start), "page");
                statements = request.statements();
            }
            if (quickest.isEmpty() || Timeline.millis(timeline.bars()) < Timeline.millis(quickest)) {
                quickest = timeline.bars();
            }
        }
        return new Seen(version, statements, guard.findings(), guard.statements(), quickest);
    }

    private IndexReport check(List<StatementStats> statements) {
        return IndexCheck.of(direct).statements(statements).report();
    }

    private static List<String> proposed(IndexReport report) {
        return report.advice().stream()
                .filter(advice -> MISSING.contains(advice.kind()))
                .map(IndexAdvice::ddl)
                .filter(Objects::nonNull)
                .distinct()
                .toList();
    }

    private static List<String> definitions(Map<String, String> indexes) {
        return indexes.values().stream().sorted().toList();
    }

    private static List<String> beyond(List<String> all, List<String> others) {
        List<String> more = new ArrayList<>(all);
        others.forEach(more::remove);
        return more;
    }

    /**
     * What was seen of one version.
     *
     * @param version its name
     * @param statements of the last request
     * @param findings the guard's
     * @param stats the guard's
     * @param quickest the statements of the quickest request
     */
    record Seen(
            String version,
            long statements,
            List<Finding> findings,
            List<StatementStats> stats,
            List<Timeline.Bar> quickest) {
        /** The dearest first. */
        List<Finding> byCost() {
            return findings.stream()
                    .sorted(Comparator.comparing(Finding::lost).reversed())
                    .toList();
        }

        /** Queries in a loop, the dearest first. */
        List<Finding> loops() {
            return byCost().stream()
                    .filter(finding -> finding.kind() == FindingKind.N_PLUS_ONE)
                    .toList();
        }

        /** The fingerprint of a text that was executed; empty if the guard does not know it. */
        String fingerprintOf(String sql) {
            return stats.stream()
                    .filter(each -> each.sample().equals(sql))
                    .map(StatementStats::fingerprint)
                    .findFirst()
                    .orElse("");
        }
    }

    /**
     * What was found.
     *
     * @param naive with the naive version
     * @param batched with the mended one, after what was proposed
     * @param before the indexes to begin with
     * @param after the indexes after what was proposed
     * @param forgotten the indexes that the mended version's schema has and the naive one's has not
     * @param proposed the indexes that came of the proposals
     */
    record Found(
            Seen naive,
            Seen batched,
            IndexReport before,
            IndexReport after,
            List<String> forgotten,
            List<String> proposed) {
        /** The N+1 that costs most; null if none was found in {@link NaiveFeed}. */
        @Nullable
        Finding loop() {
            return naive.loops().stream()
                    .filter(Found::isInNaiveFeed)
                    .findFirst()
                    .orElse(null);
        }

        private static boolean isInNaiveFeed(Finding finding) {
            StackTraceElement site = finding.site();
            return site != null && site.getClassName().equals(NaiveFeed.class.getName());
        }

        /** What they should have found and did not, or found and should not have; empty if all is as it should be. */
        String failure() {
            List<String> failures = new ArrayList<>();
            if (loop() == null) {
                failures.add("QueryGuard should find the N+1 in NaiveFeed, but found " + kinds(naive.findings()) + ".");
            }
            if (forgotten.isEmpty() || !proposed.equals(forgotten)) {
                failures.add("IndexCheck should propose what the mended version has, an index on " + list(forgotten)
                        + ", but proposed " + list(proposed) + ".");
            }
            List<Finding> blamed = batched.findings().stream()
                    .filter(finding -> !OF_THE_MOMENT.contains(finding.kind()))
                    .toList();
            if (!blamed.isEmpty()) {
                failures.add("QueryGuard should find nothing with toolkit-query, but found " + kinds(blamed) + ".");
            }
            if (!after.advice().isEmpty()) {
                failures.add("IndexCheck should find nothing once its own statements are run, but found "
                        + list(after.advice().stream().map(IndexAdvice::key).toList()) + ".");
            }
            return String.join(" ", failures);
        }

        private static String kinds(List<Finding> findings) {
            return list(findings.stream()
                    .map(finding -> finding.kind() + " at " + finding.site())
                    .toList());
        }

        private static String list(List<String> texts) {
            return texts.isEmpty() ? "nothing" : texts.stream().collect(joining("; "));
        }
    }
}
