package dev.tenfold.benchmarks;

/** One way to look ahead. */
interface ReadinessMethod {
    /** How far ahead a warning looks, in days. */
    int HORIZON = 90;

    /** A chance of 10 % on either side. */
    double Z80 = 1.2816;

    /** {@code ours}, or what the peer is called in the table. */
    String name();

    String settings();

    /** What it says on the morning of day {@code today}, knowing all days before. */
    Call on(ReadinessSeries series, int today);

    /**
     * What a method says.
     *
     * @param warns whether it takes the resource to be full within {@link #HORIZON} days
     * @param dated whether it gives a date, with an interval of 80 %
     * @param earliest the interval's first day; 0 unless dated
     * @param latest its last day, {@link ReadinessSeries#NEVER} where it has no end; 0 unless dated
     */
    record Call(boolean warns, boolean dated, int earliest, int latest) {
        static Call undated(boolean warns) {
            return new Call(warns, false, 0, 0);
        }

        boolean covers(int day) {
            return earliest <= day && day <= latest;
        }
    }
}
