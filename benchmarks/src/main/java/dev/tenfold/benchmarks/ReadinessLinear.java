package dev.tenfold.benchmarks;

/**
 * A straight line by least squares through the last days, as Prometheus' {@code predict_linear(x[7d], 90 * 86400)} draws it.
 * It warns if the line is at the limit 90 days ahead.
 *
 * <p>Prometheus has no interval; here it has the usual one of a prediction by least squares, which takes the residuals for
 * independent. It gives a date if the line rises and reaches the limit within 1.5 times the days that are known.
 */
final class ReadinessLinear implements ReadinessMethod {
    private static final double HORIZON_OF_HISTORY = 1.5;
    private static final int FURTHEST = 3_650;

    private final String name;
    private final int window;
    private final boolean raw;

    private ReadinessLinear(String name, int window, boolean raw) {
        this.name = name;
        this.window = window;
        this.raw = raw;
    }

    /** Through all values, as Prometheus does. */
    static ReadinessLinear raw(int days) {
        return new ReadinessLinear("linear." + days + "d", days, true);
    }

    /** Through the figures of days, which spares it the daily cycle. */
    static ReadinessLinear daily(int days) {
        return new ReadinessLinear("linear.daily", days, false);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String settings() {
        return "least squares through the " + (raw ? "measured values" : "daily 95th percentiles") + " of the last "
                + window + " days: warns if at the limit in " + HORIZON + " days";
    }

    @Override
    public Call on(ReadinessSeries series, int today) {
        Line line = raw ? throughValues(series, today) : throughDays(series, today);
        double limit = series.limit();
        boolean warns = line.at(today + HORIZON) >= limit;
        double reached = line.reaches(limit);
        if (!(line.slope > 0) || reached > today + HORIZON_OF_HISTORY * today) {
            return Call.undated(warns);
        }
        int earliest = today;
        while (line.at(earliest) + line.margin(earliest) < limit) {
            earliest++;
        }
        int latest = (int) Math.max(today, Math.ceil(reached));
        while (latest < FURTHEST && line.at(latest) - line.margin(latest) < limit) {
            latest++;
        }
        return new Call(warns, true, earliest, latest == FURTHEST ? ReadinessSeries.NEVER : latest);
    }

    private Line throughValues(ReadinessSeries series, int today) {
        Line line = new Line();
        int perDay = series.hours();
        for (int i = Math.max(0, today - window) * perDay; i < today * perDay; i++) {
            line.add((double) i / perDay, series.raw(i));
        }
        return line.fitted();
    }

    private Line throughDays(ReadinessSeries series, int today) {
        Line line = new Line();
        for (int day = Math.max(0, today - window); day < today; day++) {
            line.add(day, series.daily(day));
        }
        return line.fitted();
    }

    /** Sums are kept relative to the first value, lest digits cancel out. */
    private static final class Line {
        private double x0 = Double.NaN;
        private double y0;
        private int n;
        private double sx;
        private double sy;
        private double sxx;
        private double sxy;
        private double syy;
        private double mean;
        private double slope;
        private double varX;
        private double deviation;

        void add(double x, double y) {
            if (Double.isNaN(y)) return; // a day that is missing
            if (n == 0) {
                x0 = x;
                y0 = y;
            }
            n++;
            sx += x - x0;
            sy += y - y0;
            sxx += (x - x0) * (x - x0);
            sxy += (x - x0) * (y - y0);
            syy += (y - y0) * (y - y0);
        }

        /** Level if there are not three values. */
        Line fitted() {
            if (n < 3) {
                slope = 0;
                deviation = 0;
                mean = n == 0 ? 0 : sy / n;
                return this;
            }
            mean = sy / n;
            varX = sxx - sx * sx / n;
            slope = (sxy - sx * sy / n) / varX;
            double residual = syy - sy * sy / n - slope * slope * varX;
            deviation = Math.sqrt(Math.max(0, residual) / (n - 2));
            return this;
        }

        double at(double x) {
            return n == 0 ? 0 : y0 + mean + slope * (x - x0 - sx / n);
        }

        double reaches(double y) {
            return x0 + sx / n + (y - y0 - mean) / slope;
        }

        /** Half the width of the interval that holds a value there. */
        double margin(double x) {
            double fromMean = x - x0 - sx / n;
            return Z80 * deviation * Math.sqrt(1 + 1.0 / n + fromMean * fromMean / varX);
        }
    }
}
