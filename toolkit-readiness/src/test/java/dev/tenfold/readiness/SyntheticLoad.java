package dev.tenfold.readiness;

import java.time.LocalDate;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A load whose truth is known: how it grows, a weekly pattern, noise that is like the day before's, and what operations are like:
 * incidents, holidays, pay days, days without figures. The same kind and seed give the same load.
 */
final class SyntheticLoad {
    enum Kind {
        FLAT,
        STEP,
        LINEAR,
        EXPONENTIAL,
        SLOWING,
        MIXED,
        BENT
    }

    static final LocalDate FIRST = LocalDate.of(2025, 1, 6);
    private static final int DAYS = 700;

    final double limit;

    /** The first day on which the load without noise reaches the limit; −1 if it never does. */
    final int crossing;

    private final double[] observed = new double[DAYS];

    SyntheticLoad(Kind kind, int seed) {
        Random random = new Random(1_000_003L * seed + kind.name().hashCode());
        double base = Math.exp(6 * random.nextDouble());
        double[] week = week(random);
        double[] truth = new double[DAYS];
        double rise = 0.3 + 1.2 * random.nextDouble();
        double doubling = 150 + 300 * random.nextDouble();
        double step = 0.1 + 0.5 * random.nextDouble();
        int when = 60 + random.nextInt(150);
        for (int t = 0; t < DAYS; t++) {
            double u = rise * t / doubling;
            double trend = switch (kind) {
                case FLAT -> 1;
                case STEP -> t < when ? 1 : 1 + step;
                case LINEAR -> 1 + u;
                case EXPONENTIAL -> Math.exp(0.7 * u);
                case SLOWING -> Math.sqrt(1 + 3 * u);
                case MIXED -> (1 + u / 2) * Math.exp(u / 3);
                case BENT -> 1 + u + 0.8 * rise * Math.max(0, t - when) / doubling;
            };
            truth[t] = base * trend * week[t % 7];
        }
        int aim = 110 + random.nextInt(250);
        double most = 0;
        boolean grows = kind != Kind.FLAT && kind != Kind.STEP;
        for (int t = 0; t < (grows ? aim : DAYS); t++) most = Math.max(most, truth[t]);
        limit = grows ? most : most * (1.08 + 0.5 * random.nextDouble());
        int first = 0;
        while (first < DAYS && truth[first] < limit) first++;
        crossing = first < DAYS ? first : -1;
        observe(truth, random);
    }

    private static double[] week(Random random) {
        double weekend = 0.5 + 0.5 * random.nextDouble();
        double[] week = new double[7];
        for (int day = 0; day < 7; day++) week[day] = (day >= 5 ? weekend : 1) * (1 + 0.04 * random.nextGaussian());
        return week;
    }

    private void observe(double[] truth, Random random) {
        double sigma = 0.01 + 0.06 * random.nextDouble();
        double alike = random.nextInt(3) == 0 ? 0 : 0.7 * random.nextDouble();
        boolean incidents = random.nextBoolean();
        boolean holidays = random.nextBoolean();
        boolean payDays = random.nextInt(3) == 0;
        boolean growingNoise = random.nextInt(3) == 0;
        double missing = random.nextBoolean() ? 0 : 0.1;
        double noise = 0;
        int incident = 0;
        double factor = 1;
        for (int t = 0; t < DAYS; t++) {
            noise = alike * noise + Math.sqrt(1 - alike * alike) * random.nextGaussian();
            double spread = growingNoise ? sigma * (0.5 + (double) t / DAYS) : sigma;
            double value = truth[t] * Math.max(0.05, 1 + spread * noise);
            if (incidents && incident == 0 && random.nextInt(45) == 0) {
                incident = 1 + random.nextInt(3);
                factor = random.nextInt(4) == 0 ? 0.3 : 1.3 + random.nextDouble();
            }
            if (incident > 0) {
                incident--;
                value *= factor;
            }
            if (holidays && (t + 200) % 365 < 14) value *= 0.5;
            if (payDays && t % 30 == 24) value *= 1.2;
            observed[t] = random.nextDouble() < missing ? Double.NaN : value;
        }
    }

    /** What is known before a day. */
    SortedMap<LocalDate, Double> before(int day) {
        TreeMap<LocalDate, Double> figures = new TreeMap<>();
        for (int t = 0; t < day; t++) {
            if (!Double.isNaN(observed[t])) figures.put(FIRST.plusDays(t), observed[t]);
        }
        return figures;
    }
}
