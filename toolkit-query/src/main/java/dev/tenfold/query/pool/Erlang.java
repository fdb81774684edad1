package dev.tenfold.query.pool;

/**
 * How long one waits for one of several servers that are equally good: here, for a connection.
 *
 * <p>The load is in connections: arrivals a second times seconds held, which by Little's law is how many are out on average
 * (Little, "A Proof for the Queuing Formula L = λW", 1961). Waits are in multiples of the mean time held.
 */
final class Erlang {
    /** Beyond, a size is no size of a pool. */
    static final int MOST = 100_000;

    private static final int HALVINGS = 60;

    private Erlang() {}

    /**
     * The share of arrivals that find all taken, if those went away: Erlang B. By the recursion B(c) = aB(c−1) / (c + aB(c−1)),
     * whose terms are all between 0 and 1, so that it neither overflows nor cancels for any number of servers.
     */
    static double blocked(int servers, double load) {
        double blocked = 1;
        for (int c = 1; c <= servers; c++) blocked = load * blocked / (c + load * blocked);
        return blocked;
    }

    /** The share of arrivals that have to wait: Erlang C (A. K. Erlang, 1917). 1 if there are not enough for the load. */
    static double waiting(int servers, double load) {
        return load >= servers ? 1 : waiting(servers, load, blocked(servers, load));
    }

    private static double waiting(int servers, double load, double blocked) {
        return blocked / (1 - load / servers * (1 - blocked));
    }

    /**
     * The mean wait, over all that arrive; infinite if there are not enough for the load.
     *
     * @param burstiness of {@link #burstiness}
     */
    static double meanWait(int servers, double load, double burstiness) {
        if (load >= servers) return Double.POSITIVE_INFINITY;
        return waiting(servers, load) / (servers - load) * burstiness;
    }

    /**
     * By how much longer one waits than with random arrivals and exponential times, which have a variation of 1: (Ca² + Cs²) / 2
     * (A. O. Allen, "Probability, Statistics and Queueing Theory", 1978, after Cunneen). An approximation, best near full load.
     *
     * @param arrivals the standard deviation of times between arrivals, over their mean
     * @param holds the same of times held
     */
    static double burstiness(double arrivals, double holds) {
        return (arrivals * arrivals + holds * holds) / 2;
    }

    /** The fewest whose mean wait is at most so long; {@link #MOST} if it takes more than that. */
    static int fewest(double load, double burstiness, double mostWait) {
        double blocked = 1;
        for (int c = 1; c < MOST; c++) {
            blocked = load * blocked / (c + load * blocked);
            if (load >= c) continue;
            if (waiting(c, load, blocked) / (c - load) * burstiness <= mostWait) return c;
        }
        return MOST;
    }

    /** The greatest load of which the mean wait is at most so long. The wait grows with the load, so it is halved towards it. */
    static double mostLoad(int servers, double burstiness, double mostWait) {
        double low = 0;
        double high = servers;
        for (int i = 0; i < HALVINGS; i++) {
            double middle = (low + high) / 2;
            if (meanWait(servers, middle, burstiness) <= mostWait) low = middle;
            else high = middle;
        }
        return low;
    }
}
