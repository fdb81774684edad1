package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.ReadinessSeries.Kind;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.LongStream;

/**
 * Whether warnings months ahead are right: false alarms, lead and coverage on drawn series ({@link ReadinessGenerator}) by
 * written rules ({@link ReadinessScore}), against straight lines ({@link ReadinessLinear}).
 *
 * <p>There are two sets of seeds. The method may be, and has been, changed with an eye on the results of the {@code tune} set; the
 * results that are reported are those of the other, {@code held-out}. A full run prints both: were the first much better, the
 * method would have learnt the series instead of their kinds. Nothing here depends on the clock: a run gives the same
 * figures on every machine.
 */
final class ReadinessTopic implements Topic {
    static final int SERIES_OF_KIND = 40;
    private static final long TUNE = 1;
    private static final long HELD_OUT = 9_000_000;
    private static final int QUICK_STEP = 3;

    /** The first is ours; the second is the peer of the rows that name no window. */
    private static final List<ReadinessMethod> METHODS = List.of(
            new ReadinessOurs(),
            ReadinessLinear.raw(28),
            ReadinessLinear.raw(7),
            ReadinessLinear.raw(1),
            ReadinessLinear.daily(56));

    private static final String PEER = "linear";
    private static final String FIRST_PEER = METHODS.get(1).name();
    private static final String HEAD =
            "  kind            method        warned  early   lead  p50  p90   dated  covered  too late";

    @Override
    public String name() {
        return "readiness";
    }

    @Override
    public void run(Session session) {
        session.say("");
        session.say("readiness: " + SERIES_OF_KIND + " series of each of " + Kind.values().length
                + " kinds, a look ahead every " + (session.quick() ? QUICK_STEP + " days" : "day"));
        session.settings(METHODS.stream()
                .map(each -> new Contender(each.name(), each.settings(), page -> page))
                .toList());
        if (!session.quick()) {
            session.say("");
            session.say("seeds tune: seen while the method was made, not in the table at the end");
            Results unused = measure(session, TUNE);
        }
        session.say("");
        session.say("seeds held-out");
        emit(session, measure(session, HELD_OUT));
    }

    /** Scores by method, then by kind. */
    private record Results(Map<String, Map<Kind, ReadinessScore>> scores) {
        ReadinessScore of(String method, Predicate<Kind> kinds) {
            Map<Kind, ReadinessScore> ofMethod = scores.getOrDefault(method, Map.of());
            return ReadinessScore.sum(ofMethod.entrySet().stream()
                    .filter(each -> kinds.test(each.getKey()))
                    .map(Map.Entry::getValue)
                    .toList());
        }
    }

    /** Kind after kind, each told as soon as it is known; within one, as many series at a time as there are processors. */
    private static Results measure(Session session, long firstSeed) {
        int step = session.quick() ? QUICK_STEP : 1;
        Results results = new Results(new HashMap<>());
        session.say(HEAD);
        for (Kind kind : Kind.values()) {
            List<ReadinessSeries> series = LongStream.range(firstSeed, firstSeed + SERIES_OF_KIND)
                    .mapToObj(seed -> ReadinessGenerator.series(kind, seed))
                    .toList();
            for (ReadinessMethod method : METHODS) {
                ReadinessScore score = ReadinessScore.sum(series.parallelStream()
                        .map(each -> ReadinessScore.of(method, each, step))
                        .toList());
                results.scores
                        .computeIfAbsent(method.name(), name -> new EnumMap<>(Kind.class))
                        .put(kind, score);
                session.say(line(kind.name().toLowerCase(Locale.ROOT), method, score));
            }
        }
        tell(session, results, "all flat", Kind::isFlat);
        tell(session, results, "all that fill", Kind::fills);
        tell(session, results, "all", kind -> true);
        return results;
    }

    private static void tell(Session session, Results results, String title, Predicate<Kind> kinds) {
        for (ReadinessMethod method : METHODS) {
            session.say(line(title, method, results.of(method.name(), kinds)));
        }
    }

    private static String line(String title, ReadinessMethod method, ReadinessScore score) {
        return String.format(
                Locale.ROOT,
                "  %-15s %-13s %6s %6s %6s %4s %4s %7d %8s %9s",
                title,
                method.name(),
                figure(score.warned(), 1),
                figure(score.early(), 1),
                figure(score.lead(0.1), 0),
                figure(score.lead(0.5), 0),
                figure(score.lead(0.9), 0),
                score.dated(),
                figure(score.covered(), 1),
                figure(score.tooLate(), 1));
    }

    private static String figure(double value, int digits) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    private static void emit(Session session, Results results) {
        for (ReadinessMethod method : METHODS.subList(1, METHODS.size())) {
            String peer = method.name();
            String end = peer.equals(FIRST_PEER) ? "" : peer.substring(peer.indexOf('.'));
            session.emit(
                    row(results, "falsealarm" + end, "%", peer, Kind::isFlat, ReadinessScore::warned, Better.LOWER));
            session.emit(row(results, "lead" + end, "days", peer, Kind::fills, each -> each.lead(0.5), Better.HIGHER));
            session.emit(
                    row(results, "coverage" + end, "%", peer, kind -> true, ReadinessScore::covered, Better.HIGHER));
        }
        session.emit(
                row(results, "coverage.fills", "%", FIRST_PEER, Kind::fills, ReadinessScore::covered, Better.HIGHER));
        for (Kind kind : Kind.values()) {
            if (kind.fills()) continue;
            String name = "falsealarm." + kind.name().toLowerCase(Locale.ROOT).replace("flat_", "");
            session.emit(
                    row(results, name, "%", FIRST_PEER, each -> each == kind, ReadinessScore::warned, Better.LOWER));
        }
    }

    /** Without a ratio: a figure may be nought, and of coverage neither more nor less is better, but near to 80. */
    private static Row row(
            Results results,
            String name,
            String unit,
            String peer,
            Predicate<Kind> kinds,
            ToDoubleFunction<ReadinessScore> figure,
            Better better) {
        double ours = figure.applyAsDouble(results.of("ours", kinds));
        double theirs = figure.applyAsDouble(results.of(peer, kinds));
        String full = "readiness." + name;
        return Double.isNaN(theirs)
                ? Row.alone(full, PEER, unit, orNought(ours), better)
                : Row.counts(full, PEER, unit, orNought(ours), theirs, better);
    }

    /** No forecast with a date covers nothing. */
    private static double orNought(double figure) {
        return Double.isNaN(figure) ? 0 : figure;
    }
}
