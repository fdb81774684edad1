package dev.tenfold.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;

/** What each contender's requests took on average, round by round. */
final class Samples {
    private final Map<String, List<Double>> nanos = new HashMap<>();

    void add(String contender, double nanosPerRequest) {
        nanos.computeIfAbsent(contender, name -> new ArrayList<>()).add(nanosPerRequest);
    }

    boolean has(String contender) {
        return nanos.containsKey(contender);
    }

    int rounds(String contender) {
        return of(contender).size();
    }

    /**
     * Every second round. The best of many contenders is in part the luckiest, so that who is chosen by some rounds is to be
     * compared by others.
     *
     * @param from the first of them, 0 or 1
     */
    Samples everySecond(int from) {
        Samples half = new Samples();
        nanos.forEach((contender, samples) -> {
            for (int i = from; i < samples.size(); i += 2) half.add(contender, samples.get(i));
        });
        return half;
    }

    /** The middle of a contender's rounds, in nanoseconds per request. */
    double median(String contender) {
        return median(of(contender).stream().mapToDouble(Double::doubleValue).toArray());
    }

    /**
     * The middle of a figure that is worked out within each round, such as a ratio. Both contenders of a round ran under
     * the same load, so what disturbs the machine for longer than a round cancels out.
     */
    double paired(String ours, String theirs, DoubleBinaryOperator figure) {
        List<Double> a = of(ours);
        List<Double> b = of(theirs);
        double[] figures = new double[Math.min(a.size(), b.size())];
        for (int i = 0; i < figures.length; i++) {
            figures[i] = figure.applyAsDouble(a.get(i), b.get(i));
        }
        return median(figures);
    }

    /**
     * A result with times, lower being better.
     *
     * @param nanosPerUnit how many nanoseconds of a request make one of the unit
     */
    Row row(String name, String ours, String theirs, String unit, double nanosPerUnit) {
        return new Row(
                name,
                theirs,
                unit,
                median(ours) / nanosPerUnit,
                median(theirs) / nanosPerUnit,
                paired(ours, theirs, Better.LOWER::ratio),
                Better.LOWER);
    }

    private List<Double> of(String contender) {
        List<Double> samples = nanos.get(contender);
        if (samples == null) {
            throw new IllegalArgumentException("no contender " + contender + " among " + nanos.keySet());
        }
        return samples;
    }

    static double median(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("no rounds were measured; give them more time");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
