package dev.tenfold.benchmarks;

import dev.tenfold.benchmarks.ReadinessSeries.Kind;
import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.Month;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Draws series that look like those of services. It knows nothing of the methods that are measured on them: it was written
 * before ours could be read, and shares its form with none.
 *
 * <p>A series is a trend, times or plus a weekly cycle and, in every second series, a daily one sampled by the hour; plus noise
 * with a memory of days and of hours (AR(1) with normal, Laplace or Student's t innovations, growing with the level or not).
 * Any may have pay-day peaks once a month, and days that are missing, alone or in a row. Kinds add steps, holidays (Christmas
 * at 50–70 % for two weeks, and single days) and incidents (1 to 3 days at 1.5 to 4 times).
 *
 * <p>The <em>truth</em> is the first day on which the noise-free value of a day reaches the limit: trend and weekly cycle, with
 * steps, without pay-days, holidays and incidents. Where there are hours, it is the 95th percentile of the day's noise-free
 * hours, moved by what hourly noise adds to a 95th percentile in the median. Limits are put so that series that fill do so between
 * days 70 and 330, not by a step nor where growth has all but ended, having begun below 85 % of the limit; those that never fill have their highest noise-free day,
 * pay-days included, at 50 to 85 % of it.
 */
final class ReadinessGenerator {
    private static final int LENGTH = 400;
    private static final int FIRST_FULL = 70;
    private static final int LAST_FULL = 330;
    private static final int AFTER_STEP = 7;
    private static final double FULLEST_START = 0.85;
    private static final double MONTH = 30;
    private static final int HOURS = 24;
    private static final int NOISY_DAYS = 400;

    private final SplittableRandom random;
    private final Kind kind;

    private final LocalDate start;
    private final int hours;
    private final double base;
    private final double[] trend = new double[LENGTH];
    private final double[] events = new double[LENGTH];
    private final double[] week = new double[7];
    private final double[] hour;
    private final boolean cyclesAdd;

    private final Tail tail;
    private final boolean noiseGrows;
    private final double dayMemory;
    private final double dayNoise;
    private final double hourMemory;
    private final double hourNoise;

    private int christmas = -1;
    private int lastStep = -AFTER_STEP;
    private double payday = 1;

    private enum Tail {
        NORMAL,
        LAPLACE,
        STUDENT
    }

    /** The series of a kind and a seed: the same at every call. */
    static ReadinessSeries series(Kind kind, long seed) {
        SplittableRandom random =
                new SplittableRandom(seed * Kind.values().length + kind.name().hashCode());
        while (true) {
            ReadinessSeries series = new ReadinessGenerator(kind, random.split()).series();
            if (series != null) {
                return series;
            }
        }
    }

    private ReadinessGenerator(Kind kind, SplittableRandom random) {
        this.kind = kind;
        this.random = random;
        if (has(Kind.HOLIDAYS, Kind.FLAT_HOLIDAYS) || (kind == Kind.MIXTURE && chance(0.5))) {
            christmas = random.nextInt(20, kind.isFlat() ? LAST_FULL : 200);
            start = LocalDate.of(random.nextInt(2022, 2027), Month.DECEMBER, 22).minusDays(christmas);
        } else {
            start = LocalDate.of(2023, Month.JANUARY, 1).plusDays(random.nextInt(3 * 365));
        }
        hours = chance(0.5) ? HOURS : 1;
        base = Math.pow(10, random.nextDouble(-1, 4));
        cyclesAdd = chance(0.4);
        hour = hourOfDay();
        drawWeek();
        tail = Tail.values()[random.nextInt(Tail.values().length)];
        noiseGrows = chance(0.6);
        dayMemory = kind == Kind.FLAT_WANDER ? between(0.96, 0.99) : between(0, 0.8);
        dayNoise = kind == Kind.FLAT_WANDER ? between(0.03, 0.06) : between(0.01, 0.05);
        hourMemory = between(0.2, 0.7);
        hourNoise = between(0.01, 0.06);
        drawTrend();
        drawEvents();
    }

    private boolean has(Kind one, Kind other) {
        return kind == one || kind == other;
    }

    private double between(double low, double high) {
        return random.nextDouble(low, high);
    }

    private boolean chance(double share) {
        return random.nextDouble() < share;
    }

    // The regular course.

    private void drawWeek() {
        double weekend = switch (random.nextInt(4)) {
            case 0 -> 1;
            case 1 -> between(0.8, 0.95);
            case 2 -> between(0.3, 0.6);
            default -> between(1.1, 1.35);
        };
        for (DayOfWeek day : DayOfWeek.values()) {
            boolean free = day == DayOfWeek.SATURDAY || day == DayOfWeek.SUNDAY;
            week[day.getValue() - 1] = (free ? weekend : 1) * between(0.97, 1.03);
        }
    }

    private double[] hourOfDay() {
        double[] cycle = new double[hours];
        double swing = between(0.2, 0.7);
        double second = between(0, 0.2);
        double peak = between(10, 21);
        for (int h = 0; h < hours; h++) {
            double angle = 2 * Math.PI * (h - peak) / HOURS;
            cycle[h] = hours == 1 ? 1 : 1 + swing * Math.cos(angle) + second * Math.cos(2 * angle);
        }
        return cycle;
    }

    private void drawTrend() {
        switch (kind) {
            case FLAT, FLAT_STEPS, FLAT_HOLIDAYS, FLAT_INCIDENTS, FLAT_WANDER -> Arrays.fill(trend, base);
            case LINEAR -> linear();
            case EXPONENTIAL -> exponential();
            case PIECEWISE -> piecewise();
            case LOGISTIC, LEVELLING -> logistic();
            case STEPS, HOLIDAYS, INCIDENTS -> oneOf(2);
            case MIXTURE -> oneOf(4);
        }
        if (has(Kind.STEPS, Kind.FLAT_STEPS)) {
            steps(random.nextInt(1, kind == Kind.STEPS ? 3 : 4));
        } else if (kind == Kind.MIXTURE) {
            steps(random.nextInt(3));
        }
    }

    private void oneOf(int forms) {
        switch (random.nextInt(forms)) {
            case 0 -> linear();
            case 1 -> exponential();
            case 2 -> piecewise();
            default -> logistic();
        }
    }

    private void linear() {
        double slope = between(0.02, 0.25);
        for (int day = 0; day < LENGTH; day++) {
            trend[day] = base * (1 + slope * day / MONTH);
        }
    }

    private void exponential() {
        double rate = between(0.02, 0.15);
        for (int day = 0; day < LENGTH; day++) {
            trend[day] = base * Math.pow(1 + rate, day / MONTH);
        }
    }

    /** Straight lines, the first of which may be level. */
    private void piecewise() {
        double level = base;
        double slope = between(0, 0.15);
        int turn = random.nextInt(30, 200);
        for (int day = 0; day < LENGTH; day++) {
            if (day == turn) {
                slope = between(0.03, 0.25);
                turn += random.nextInt(60, 200);
            }
            trend[day] = level;
            level += base * slope / MONTH;
        }
    }

    private void logistic() {
        double width = between(45, 120);
        double middle = between(40, 2.5 * width);
        for (int day = 0; day < LENGTH; day++) {
            trend[day] = 3 * base / (1 + Math.exp((middle - day) / width));
        }
    }

    /** Deploys, and customers who come or go: from one day to the next. */
    private void steps(int count) {
        for (int i = 0; i < count; i++) {
            int from = random.nextInt(20, 300);
            double factor = chance(0.5) ? between(0.7, 0.92) : between(1.08, 1.35);
            for (int day = from; day < LENGTH; day++) {
                trend[day] *= factor;
            }
            lastStep = Math.max(lastStep, from);
        }
    }

    // What comes and goes.

    private void drawEvents() {
        Arrays.fill(events, 1);
        if (chance(kind == Kind.MIXTURE ? 0.5 : 0.2)) paydays();
        if (christmas >= 0) holidays();
        if (has(Kind.INCIDENTS, Kind.FLAT_INCIDENTS) || (kind == Kind.MIXTURE && chance(0.5))) incidents();
    }

    private void paydays() {
        payday = between(1.08, 1.25);
        int dayOfMonth = chance(0.5) ? 1 : random.nextInt(15, 29);
        int length = random.nextInt(1, 3);
        for (int day = 0; day < LENGTH; day++) {
            if (start.plusDays(day).getDayOfMonth() == dayOfMonth) {
                for (int next = day; next < Math.min(LENGTH, day + length); next++) {
                    events[next] = payday;
                }
            }
        }
    }

    private void holidays() {
        double share = between(0.5, 0.7);
        for (int first = christmas; first < LENGTH; first += 365) {
            for (int day = first; day < Math.min(LENGTH, first + 14); day++) {
                events[day] *= share * between(0.95, 1.05);
            }
        }
        for (int i = 0; i < 8; i++) {
            events[random.nextInt(LENGTH)] *= between(0.6, 0.85);
        }
    }

    private void incidents() {
        int count = random.nextInt(3, 12);
        for (int i = 0; i < count; i++) {
            int from = random.nextInt(LENGTH);
            int length = random.nextInt(1, 4);
            double factor = between(1.5, 4);
            for (int day = from; day < Math.min(LENGTH, from + length); day++) {
                events[day] *= factor;
            }
        }
    }

    // Noise, limit and truth.

    /** A noise that remembers; its standard deviation is {@code size}. */
    private final class Noise {
        private final SplittableRandom source;
        private final double memory;
        private final double size;
        private double state;

        Noise(SplittableRandom source, double memory, double size) {
            this.source = source;
            this.memory = memory;
            this.size = size * Math.sqrt(1 - memory * memory);
            for (int i = 0; i < 200; i++) {
                double unused = next();
            }
        }

        double next() {
            state = memory * state + size * innovation();
            return state;
        }

        /** Of variance 1. */
        private double innovation() {
            return switch (tail) {
                case NORMAL -> source.nextGaussian();
                case LAPLACE -> (source.nextBoolean() ? 1 : -1) * source.nextExponential() / Math.sqrt(2);
                case STUDENT -> student();
            };
        }

        /** With four degrees of freedom, whose variance is 2. */
        private double student() {
            double squares = 0;
            for (int i = 0; i < 4; i++) {
                double normal = source.nextGaussian();
                squares += normal * normal;
            }
            return source.nextGaussian() / Math.sqrt(squares / 4) / Math.sqrt(2);
        }
    }

    private double clean(int day, int h, double event) {
        double ofWeek = week[start.plusDays(day).getDayOfWeek().getValue() - 1];
        double value = cyclesAdd ? trend[day] + base * (ofWeek - 1 + hour[h] - 1) : trend[day] * ofWeek * hour[h];
        return Math.max(value, 0.02 * base) * event;
    }

    private double noisy(double clean, double noise) {
        return noiseGrows ? clean * Math.max(0.05, 1 + noise) : Math.max(0.05 * clean, clean + base * noise);
    }

    /** Null if no limit can be put as it should. */
    private @Nullable ReadinessSeries series() {
        double[] level = levels();
        double limit;
        int full = ReadinessSeries.NEVER;
        if (kind.fills()) {
            limit = level[random.nextInt(FIRST_FULL, LAST_FULL + 1)];
            full = first(level, limit);
            double begin = Arrays.stream(level, 0, 7).max().orElseThrow();
            boolean levelsOff = kind == Kind.LOGISTIC
                    && limit > 0.85 * Arrays.stream(level).max().orElseThrow();
            if (full < FIRST_FULL
                    || begin > FULLEST_START * limit
                    || levelsOff
                    || isByStep(full)
                    || christmas > full - 15) {
                return null;
            }
        } else {
            limit = Arrays.stream(level).max().orElseThrow() * payday / between(0.5, FULLEST_START);
        }
        return new ReadinessSeries(kind, start, hours, measured(), limit, full);
    }

    private static int first(double[] level, double limit) {
        int day = 0;
        while (level[day] < limit) {
            day++;
        }
        return day;
    }

    private boolean isByStep(int full) {
        return full >= lastStep && full < lastStep + AFTER_STEP;
    }

    /** Each day without noise and events. */
    private double[] levels() {
        double[] levels = new double[LENGTH];
        for (int day = 0; day < LENGTH; day++) {
            levels[day] = cleanPercentile(day);
        }
        double added = addedByHourlyNoise();
        for (int day = 0; day < LENGTH; day++) {
            levels[day] += noiseGrows ? levels[day] * added : base * added;
        }
        return levels;
    }

    private double cleanPercentile(int day) {
        double[] values = new double[hours];
        for (int h = 0; h < hours; h++) {
            values[h] = clean(day, h, 1);
        }
        return ReadinessSeries.percentile95(values);
    }

    /** In the median, as a share of the day's value or of the base. */
    private double addedByHourlyNoise() {
        if (hours == 1) {
            return 0;
        }
        int day = LENGTH / 2;
        double clean = cleanPercentile(day);
        Noise noise = new Noise(random.split(), hourMemory, hourNoise);
        double[] added = new double[NOISY_DAYS];
        for (int i = 0; i < NOISY_DAYS; i++) {
            double[] values = new double[hours];
            for (int h = 0; h < hours; h++) {
                values[h] = noisy(clean(day, h, 1), noise.next());
            }
            added[i] = (ReadinessSeries.percentile95(values) - clean) / (noiseGrows ? clean : base);
        }
        return Samples.median(added);
    }

    private double[] measured() {
        Noise ofDays = new Noise(random.split(), dayMemory, dayNoise);
        Noise ofHours = new Noise(random.split(), hourMemory, hourNoise);
        boolean[] missing = missing();
        double[] raw = new double[LENGTH * hours];
        for (int day = 0; day < LENGTH; day++) {
            double today = ofDays.next();
            for (int h = 0; h < hours; h++) {
                double noise = today + (hours == 1 ? 0 : ofHours.next());
                raw[day * hours + h] = missing[day] ? Double.NaN : noisy(clean(day, h, events[day]), noise);
            }
        }
        return raw;
    }

    private boolean[] missing() {
        boolean[] missing = new boolean[LENGTH];
        if (chance(kind == Kind.MIXTURE ? 0.6 : 0.3)) {
            double share = between(0.01, 0.06);
            for (int day = 0; day < LENGTH; day++) {
                missing[day] = chance(share);
            }
            int from = random.nextInt(LENGTH - 10);
            Arrays.fill(missing, from, from + random.nextInt(1, 10), true);
        }
        return missing;
    }
}
