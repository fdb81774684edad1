package dev.tenfold.benchmarks;

import java.util.Locale;

/** Which way a figure is better. */
enum Better {
    LOWER {
        @Override
        double ratio(double ours, double theirs) {
            return theirs / ours;
        }
    },
    HIGHER {
        @Override
        double ratio(double ours, double theirs) {
            return ours / theirs;
        }
    };

    /** How many times better ours is; above 1 always means that ours wins. */
    abstract double ratio(double ours, double theirs);

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
