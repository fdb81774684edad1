package dev.tenfold.readiness;

import java.util.Arrays;

/**
 * Tells sudden changes from growth: days that belong to no level, and the day on which the last level began.
 *
 * <p>A level begins where the line through the days breaks. The days around each day are fitted by two lines of one slope, and
 * by two lines of their own slopes. The first has to jump by {@value #SURE} standard errors, and by more than
 * {@value #SUDDEN} days of growth; the second by {@value #SURE_OF_GAP} in the same direction; and half of it has to have happened
 * within {@value #NEAR} days. So a bend, where two lines meet, is none. The errors account for the noise of a day being like
 * that of the day before. It looks 28, 56 and 112 days to either side, takes the clearest break, and looks again behind it
 * (binary segmentation, Vostrikova 1981).
 *
 * <p>What it misses: a change of less than two to four times the daily noise, or of less than {@value #SMALLEST} in logarithms,
 * and one that has not held for {@value #SETTLED} days, which it cannot tell from a holiday.
 *
 * <p>O(n) time for n days, but for the noise, which is looked at for candidates only.
 */
final class LevelShift {
    /** A level has to have held for as many days; longer than a holiday of two weeks. */
    private static final int SETTLED = 16;

    private static final int[] REACHES = {28, 56, 112};
    /** With 5, one flat year in seven has a level shift that is but noise; with 7, one in two hundred. */
    static final double SURE = 7;

    static final double SURE_OF_GAP = 2.5;

    /** To either side: what lasts for no more than half of it is an exception at the end too, where there is one side only. */
    private static final int AROUND = 28;

    /** In logarithms, about an eighth: less is never called an exception, however quiet the series is. */
    private static final double SMALLEST_EXCEPTION = 0.12;

    /** In logarithms. */
    private static final double SMALLEST = 0.04;

    /** A change is as large as that of so many days of growth. */
    private static final double SUDDEN = 14;

    /** Days on either side in which a change that is sudden has happened; at most {@link #SETTLED}. */
    private static final int NEAR = 10;

    private static final double TINY = 1e-10;

    private final double[] levels;
    private final Sums[] before;

    private LevelShift(double[] levels) {
        this.levels = levels;
        this.before = new Sums[levels.length + 1];
        before[0] = new Sums(0, 0, 0, 0, 0, 0);
        for (int i = 0; i < levels.length; i++) {
            before[i + 1] = Double.isNaN(levels[i]) ? before[i] : before[i].plus(i, levels[i]);
        }
    }

    /**
     * Takes out incidents and holidays: days far off the median of the days around them, which lasts for up to four weeks, and
     * for two at the end.
     *
     * @param levels logarithms, not a number where missing; the days taken out become so
     * @param slope a day, by which the days around are brought to the same day
     */
    static void takeOutExceptions(double[] levels, double slope) {
        int n = levels.length;
        double[] flat = new double[n];
        for (int i = 0; i < n; i++) flat[i] = levels[i] - slope * i;
        double[] off = new double[n];
        SortedWindow around = new SortedWindow(2 * AROUND + 1);
        for (int i = 0; i < Math.min(n, AROUND); i++) around.add(flat[i]);
        for (int i = 0; i < n; i++) {
            if (i + AROUND < n) around.add(flat[i + AROUND]);
            if (i - AROUND > 0) around.remove(flat[i - AROUND - 1]);
            off[i] = flat[i] - around.median();
        }
        double[] sizes = Arrays.stream(off)
                .map(Math::abs)
                .filter(size -> !Double.isNaN(size))
                .toArray();
        double most = Math.max(4 * RobustTrend.MAD_TO_SIGMA * RobustTrend.median(sizes), SMALLEST_EXCEPTION);
        for (int i = 0; i < n; i++) {
            if (Math.abs(off[i]) > most) levels[i] = Double.NaN;
        }
    }

    /** The first day of the last level; 0 where there is one level only. Levels are logarithms without exceptions. */
    static int lastIn(double[] levels) {
        LevelShift shifts = new LevelShift(levels);
        int start = 0;
        while (true) {
            int next = shifts.clearestAfter(start);
            if (next == start) return start;
            start = next;
        }
    }

    private int clearestAfter(int start) {
        int n = levels.length;
        int clearest = start;
        double most = SURE;
        for (int reach : REACHES) {
            for (int day = start + SETTLED; day <= n - SETTLED; day++) {
                double jump = jump(Math.max(start, day - reach), day, Math.min(n, day + reach), most);
                if (jump > most) {
                    most = jump;
                    clearest = day;
                }
            }
        }
        return clearest;
    }

    /** By how many standard errors the lines jump at a day; 0 where that is less than {@code least}, or no break. */
    private double jump(int from, int day, int to, double least) {
        Sums left = before[day].minus(before[from]);
        Sums right = before[to].minus(before[day]);
        if (left.n < SETTLED * 0.6 || right.n < SETTLED * 0.6) return 0;

        double spread = left.xx() + right.xx();
        double slope = (left.xy() + right.xy()) / spread;
        double apart = right.x() - left.x();
        double jump = right.y() - left.y() - slope * apart;
        if (Math.abs(jump) < Math.max(SMALLEST, SUDDEN * Math.abs(slope))) return 0;
        double rest = left.yy() + right.yy() - slope * (left.xy() + right.xy());
        double variance = Math.max(TINY, rest / (left.n + right.n - 3));
        double errors = Math.abs(jump) / Math.sqrt(variance * (1 / left.n + 1 / right.n + apart * apart / spread));
        if (errors < least) return 0;

        double gap = right.lineAt(day) - left.lineAt(day);
        if (gap * jump <= 0 || Math.abs(gap) < Math.abs(jump) / 2) return 0;
        if (atOnce(day, Math.signum(jump), left, right) < Math.abs(jump) / 2) return 0;
        double gapRest = left.rest() + right.rest();
        double gapVariance =
                Math.max(TINY, gapRest / (left.n + right.n - 4)) * (left.leverAt(day) + right.leverAt(day));
        double alike = alike(from, day, to, left, right);
        return Math.abs(gap) < SURE_OF_GAP * alike * Math.sqrt(gapVariance) ? 0 : errors / alike;
    }

    /** By how much the ten days from a day on are above the ten before it, in a direction, growth of either side taken off. */
    private double atOnce(int day, double direction, Sums left, Sums right) {
        Sums earlier = before[day].minus(before[day - NEAR]);
        Sums later = before[day + NEAR].minus(before[day]);
        if (earlier.n == 0 || later.n == 0) return 0;
        double growth = Math.max(direction * left.xy() / left.xx(), direction * right.xy() / right.xx());
        return direction * (later.y() - earlier.y()) - Math.max(0, growth) * (later.x() - earlier.x());
    }

    /** How many times larger standard errors are because the noise of a day is like that of the day before. */
    private double alike(int from, int day, int to, Sums left, Sums right) {
        double cross = 0;
        double own = TINY;
        double last = Double.NaN;
        for (int i = from; i < to; i++) {
            double off = levels[i] - (i < day ? left : right).lineAt(i);
            if (!Double.isNaN(off)) own += off * off;
            if (!Double.isNaN(off * last)) cross += off * last;
            last = off;
        }
        double correlation = cross / own;
        double unbiased = correlation + (2 + 4 * correlation) / (left.n + right.n);
        double phi = Math.max(0, Math.min(0.9, unbiased));
        return Math.sqrt((1 + phi) / (1 - phi));
    }

    /** What a least-squares line needs to know of some days. */
    private record Sums(double n, double sumX, double sumY, double sumXx, double sumXy, double sumYy) {
        Sums plus(double x, double y) {
            return new Sums(n + 1, sumX + x, sumY + y, sumXx + x * x, sumXy + x * y, sumYy + y * y);
        }

        Sums minus(Sums o) {
            return new Sums(n - o.n, sumX - o.sumX, sumY - o.sumY, sumXx - o.sumXx, sumXy - o.sumXy, sumYy - o.sumYy);
        }

        double x() {
            return sumX / n;
        }

        double y() {
            return sumY / n;
        }

        double xx() {
            return sumXx - sumX * sumX / n;
        }

        double xy() {
            return sumXy - sumX * sumY / n;
        }

        double yy() {
            return sumYy - sumY * sumY / n;
        }

        double lineAt(double at) {
            return y() + xy() / xx() * (at - x());
        }

        double rest() {
            return yy() - xy() * xy() / xx();
        }

        double leverAt(double at) {
            return 1 / n + (at - x()) * (at - x()) / xx();
        }
    }

    /** The median of days that come and go; what is not a number is left out. */
    private static final class SortedWindow {
        private final double[] sorted;
        private int size;

        SortedWindow(int most) {
            sorted = new double[most + 1];
        }

        void add(double value) {
            if (Double.isNaN(value)) return;
            int found = Arrays.binarySearch(sorted, 0, size, value);
            int at = found < 0 ? -found - 1 : found;
            System.arraycopy(sorted, at, sorted, at + 1, size - at);
            sorted[at] = value;
            size++;
        }

        void remove(double value) {
            if (Double.isNaN(value)) return;
            int at = Arrays.binarySearch(sorted, 0, size, value);
            System.arraycopy(sorted, at + 1, sorted, at, size - at - 1);
            size--;
        }

        double median() {
            if (size == 0) return Double.NaN;
            return size % 2 == 1 ? sorted[size / 2] : (sorted[size / 2 - 1] + sorted[size / 2]) / 2;
        }
    }
}
