package dev.tenfold.readiness;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The Universal Scalability Law (Gunther, "Guerrilla Capacity Planning", 2007): throughput at {@code n} at once is {@code λn / (1
 * + σ(n − 1) + κn(n − 1))}, and peaks at {@code √((1 − σ) / κ)}.
 *
 * <p>Fitted to what was seen only where that covers enough: six bins over a fourfold range, and R² of 0.9. Else it says why not.
 *
 * @param perSecond λ: executions a second of one at a time
 * @param contention σ
 * @param coherency κ
 * @param fit R²; 0 if none was made
 * @param reason why there is no curve; empty if there is one
 */
record Usl(double perSecond, double contention, double coherency, double fit, String reason) {
    private static final int LEAST_BINS = 6;
    private static final double LEAST_RANGE = 4;
    private static final double LEAST_FIT = 0.9;
    /** Three bins for each doubling. */
    private static final double BINS_PER_DOUBLING = 3;

    private static final int LEAST_IN_BIN = 3;
    private static final double QUANTILE = 0.9;

    /** Mean concurrency, and throughput a second. */
    record Point(double atOnce, double perSecond) {}

    static Usl fit(List<Point> points) {
        List<Point> bins = bins(points);
        double range = bins.isEmpty()
                ? 0
                : bins.get(bins.size() - 1).atOnce() / bins.get(0).atOnce();
        if (bins.size() < LEAST_BINS || range < LEAST_RANGE) {
            return none(String.format(
                    Locale.ROOT,
                    "it needs %d levels of load over a fourfold range, from one statement at once on, and %s",
                    LEAST_BINS,
                    seen(bins.size(), range)));
        }
        Usl best = null;
        // Bounded below by 0: a coefficient that wants to be negative is left out.
        for (boolean[] used : new boolean[][] {{true, true}, {true, false}, {false, true}, {false, false}}) {
            Usl one = solve(bins, used[0], used[1]);
            if (one != null && (best == null || one.fit > best.fit)) best = one;
        }
        if (best == null || best.fit < LEAST_FIT) {
            return none(String.format(
                    Locale.ROOT, "what was seen does not follow it: R² is %.2f, not 0.9", best == null ? 0 : best.fit));
        }
        return best;
    }

    private static Usl none(String reason) {
        return new Usl(0, 0, 0, 0, reason);
    }

    boolean isFitted() {
        return reason.isEmpty();
    }

    private static String seen(int levels, double range) {
        if (levels == 0) return "none was seen";
        if (levels == 1) return "one was seen";
        return String.format(Locale.ROOT, "%d were seen, over a range of %.1f", levels, range);
    }

    /** Where throughput is highest; infinite where it only rises. */
    double peak() {
        return coherency > 0 ? Math.sqrt(Math.max(0, 1 - contention) / coherency) : Double.POSITIVE_INFINITY;
    }

    double at(double n) {
        return perSecond * n / (1 + contention * (n - 1) + coherency * n * (n - 1));
    }

    String text() {
        if (!isFitted()) return "No capacity curve: " + reason + ".";
        String peak = Double.isInfinite(peak())
                ? "throughput still rises where it was seen"
                : String.format(
                        Locale.ROOT,
                        "throughput peaks at %.0f statements at once, %,.0f a second",
                        peak(),
                        at(Math.max(1, peak())));
        return String.format(
                Locale.ROOT, "Capacity curve: %s (USL: σ %.3f, κ %.5f, R² %.2f).", peak, contention, coherency, fit);
    }

    /** In each bin the mean concurrency, and the 90th percentile of throughput: what was reached when nothing disturbed. */
    private static List<Point> bins(List<Point> points) {
        SortedMap<Integer, List<Point>> byLevel = new TreeMap<>();
        for (Point point : points) {
            if (point.atOnce() < 1) continue;
            int level = (int) Math.floor(Math.log(point.atOnce()) / Math.log(2) * BINS_PER_DOUBLING);
            byLevel.computeIfAbsent(level, unused -> new ArrayList<>()).add(point);
        }
        List<Point> bins = new ArrayList<>();
        for (List<Point> bin : byLevel.values()) {
            if (bin.size() < LEAST_IN_BIN) continue;
            double[] rates = bin.stream().mapToDouble(Point::perSecond).sorted().toArray();
            double level = bin.stream().mapToDouble(Point::atOnce).average().orElseThrow();
            bins.add(new Point(level, rates[(int) Math.ceil(QUANTILE * rates.length) - 1]));
        }
        return bins;
    }

    /**
     * Weighted least squares of {@code n/x = (1 + σ(n − 1) + κn(n − 1)) / λ}, which is linear; the weights make its errors
     * those of {@code x}. Null if a coefficient is negative.
     */
    private static @Nullable Usl solve(List<Point> bins, boolean withContention, boolean withCoherency) {
        int size = 1 + (withContention ? 1 : 0) + (withCoherency ? 1 : 0);
        double[][] system = new double[size][size + 1];
        for (Point bin : bins) {
            double n = bin.atOnce();
            double[] row = new double[size];
            row[0] = 1;
            if (withContention) row[1] = n - 1;
            if (withCoherency) row[size - 1] = n * (n - 1);
            double weight = Math.pow(bin.perSecond() * bin.perSecond() / n, 2);
            for (int i = 0; i < size; i++) {
                for (int j = 0; j < size; j++) system[i][j] += weight * row[i] * row[j];
                system[i][size] += weight * row[i] * n / bin.perSecond();
            }
        }
        double[] found = gauss(system);
        if (found == null || found[0] <= 0 || Arrays.stream(found).anyMatch(value -> value < 0)) return null;
        double lambda = 1 / found[0];
        Usl curve = new Usl(
                lambda, withContention ? found[1] * lambda : 0, withCoherency ? found[size - 1] * lambda : 0, 0, "");
        return new Usl(curve.perSecond, curve.contention, curve.coherency, curve.rSquared(bins), "");
    }

    private double rSquared(List<Point> bins) {
        double mean = bins.stream().mapToDouble(Point::perSecond).average().orElseThrow();
        double left = 0;
        double all = 0;
        for (Point bin : bins) {
            left += Math.pow(bin.perSecond() - at(bin.atOnce()), 2);
            all += Math.pow(bin.perSecond() - mean, 2);
        }
        return all > 0 ? 1 - left / all : 0;
    }

    private static double @Nullable [] gauss(double[][] system) {
        int size = system.length;
        for (int i = 0; i < size; i++) {
            int pivot = i;
            for (int j = i + 1; j < size; j++) {
                if (Math.abs(system[j][i]) > Math.abs(system[pivot][i])) pivot = j;
            }
            double[] swapped = system[i];
            system[i] = system[pivot];
            system[pivot] = swapped;
            if (system[i][i] == 0) return null;
            for (int j = i + 1; j < size; j++) {
                double factor = system[j][i] / system[i][i];
                for (int k = i; k <= size; k++) system[j][k] -= factor * system[i][k];
            }
        }
        double[] found = new double[size];
        for (int i = size - 1; i >= 0; i--) {
            double rest = system[i][size];
            for (int j = i + 1; j < size; j++) rest -= system[i][j] * found[j];
            found[i] = rest / system[i][i];
        }
        return found;
    }
}
