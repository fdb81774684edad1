package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What the executions of one statement took, over all threads: scopes add theirs when they end, or once a second.
 *
 * <p>Of bounded size, whatever is executed: counters, twelve windows of time, and a few words for each of at most 256
 * columns.
 */
final class Executions {
    /** Windows that are remembered, and how long each is. */
    static final int WINDOWS = 12;

    static final long WINDOW = TimeUnit.MINUTES.toNanos(5);
    /** Fewer executions than these tell nothing of a window. */
    static final int ENOUGH = 20;
    /** So many earlier windows are needed to compare with. */
    static final int ENOUGH_WINDOWS = 3;

    /** So many executions are looked at whatever it costs, unless it costs much. */
    private static final int FIRST_LOOKS = 16;

    private static final long CALL_COSTS = 100;
    private static final long LOOK_COSTS = TimeUnit.MICROSECONDS.toNanos(5);
    private static final long MUCH = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LOOK_EVERY = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int MOST_SAMPLED = 8_192;
    private static final int MOST_COLUMNS = 256;
    private static final int MOST_LETTERS = 64;

    private final LongAdder count = new LongAdder();
    private final LongAdder nanos = new LongAdder();
    private final LongAdder repeated = new LongAdder();
    private final LongAccumulator slowest = new LongAccumulator(Math::max, 0);

    /** Nano time when the present window ends; it begins with the first execution. */
    private volatile long windowEnds;

    private volatile boolean begun;

    // Executions and nanoseconds by window, the oldest at {@code next}; made when the first one ends, and guarded by
    // this.
    private long @Nullable [] counts;
    private long @Nullable [] times;
    private int next;
    private boolean windowEnded;
    private long countBefore;
    private long nanosBefore;

    /** Looks at rows so far, up to 16. Threads that race here look once more, or once less. */
    private int looks;

    /** Nano time; set by the first look. */
    private volatile long lookAtRowsFrom;

    private volatile double typicalRows = -1;

    private volatile @Nullable String sample;

    // What the looks saw: guarded by this.
    private String[] columns = {};
    private int[] types = {};
    private final BitSet read = new BitSet(0);
    private int samples;
    private long[] bytes = {};
    private int[] measured = {};
    private int endings;
    private int leftMany;
    private long left;

    /**
     * Adds executions.
     *
     * @param now nano time
     */
    void add(int executions, long took, long longest, long now) {
        if (!begun || now - windowEnds >= 0) endWindow(now);
        count.add(executions);
        nanos.add(took);
        slowest.accumulate(longest);
    }

    private synchronized void endWindow(long now) {
        if (!begun) {
            windowEnds = now + WINDOW;
            begun = true;
            return;
        }
        if (now - windowEnds < 0) return;
        if (counts == null || times == null) {
            counts = new long[WINDOWS];
            times = new long[WINDOWS];
        }
        counts[next] = count.sum() - countBefore;
        times[next] = nanos.sum() - nanosBefore;
        countBefore += counts[next];
        nanosBefore += times[next];
        next = (next + 1) % WINDOWS;
        long empty = (now - windowEnds) / WINDOW;
        for (long i = Math.min(empty, WINDOWS); i > 0; i--) {
            counts[next] = 0;
            times[next] = 0;
            next = (next + 1) % WINDOWS;
        }
        windowEnds += (empty + 1) * WINDOW;
        windowEnded = true;
    }

    /** Whether a window has ended since the last call: then it is time to look at {@link #trend}. */
    synchronized boolean takeWindowEnded() {
        boolean ended = windowEnded;
        windowEnded = false;
        return ended;
    }

    /**
     * How many times longer an execution takes now than it did within the hour before: the newest window's mean to the
     * median of the earlier ones' means. The present window counts as the newest if it has seen enough.
     *
     * @return empty if there are not 20 executions in the newest window and in each of three earlier ones
     */
    synchronized OptionalDouble trend() {
        if (counts == null || times == null) return OptionalDouble.empty();
        double newest = mean(count.sum() - countBefore, nanos.sum() - nanosBefore);
        double[] earlier = new double[WINDOWS];
        int known = 0;
        for (int i = 1; i <= WINDOWS; i++) {
            int window = (next + WINDOWS - i) % WINDOWS;
            double mean = mean(counts[window], times[window]);
            if (mean < 0) continue;
            if (newest < 0 && i == 1) {
                newest = mean;
            } else {
                earlier[known] = mean;
                known++;
            }
        }
        if (newest < 0 || known < ENOUGH_WINDOWS) return OptionalDouble.empty();
        Arrays.sort(earlier, 0, known);
        double median = (earlier[(known - 1) / 2] + earlier[known / 2]) / 2;
        return median > 0 ? OptionalDouble.of(newest / median) : OptionalDouble.empty();
    }

    private static double mean(long executions, long took) {
        return executions < ENOUGH ? -1 : (double) took / executions;
    }

    /** What part of the window that ended last its executions took; above 1 if several ran side by side. */
    synchronized double shareOfLastWindow() {
        return times == null ? 0 : (double) times[(next + WINDOWS - 1) % WINDOWS] / WINDOW;
    }

    /** Keeps one text as it was executed, to be explained; none beyond 8,192 characters, as no part of it would do. */
    void sample(String sql) {
        if (sample == null && sql.length() <= MOST_SAMPLED) sample = sql;
    }

    String sample() {
        String kept = sample;
        return kept == null ? "" : kept;
    }

    long count() {
        return count.sum();
    }

    long nanos() {
        return nanos.sum();
    }

    /** Adds the time of executions that repeat others. */
    void repeated(long took) {
        repeated.add(took);
    }

    /** The time of executions that repeat others, in nanoseconds. */
    long repeated() {
        return repeated.sum();
    }

    long slowest() {
        return slowest.get();
    }

    /** How many rows an execution gives, of those that were looked at, the later ones counting more; -1 if none was. */
    long typicalRows() {
        return Math.round(typicalRows);
    }

    OptionalDouble rows() {
        double rows = typicalRows;
        return rows < 0 ? OptionalDouble.empty() : OptionalDouble.of(rows);
    }

    /**
     * Whether to look at the rows of an execution: the first 16, then so seldom that looking takes about a hundredth of the
     * time, and once in a tenth of a second at most.
     */
    boolean looksAtRows(long now) {
        if (looks >= FIRST_LOOKS) {
            if (now - lookAtRowsFrom < 0) return false;
            lookAtRowsFrom = now + LOOK_EVERY;
            return true;
        }
        if (looks == 0) lookAtRowsFrom = now;
        looks++;
        return true;
    }

    /** Adds what a look saw of the rows: how many, and how many calls it took to read them. */
    void looked(long rows, long calls, long now) {
        double before = typicalRows;
        typicalRows = before < 0 ? rows : before + (rows - before) / 8;
        long cost = LOOK_COSTS + calls * CALL_COSTS;
        if (cost > MUCH) looks = FIRST_LOOKS;
        lookAtRowsFrom = now + Math.max(LOOK_EVERY, 100 * cost);
    }

    synchronized boolean knowsColumns(int number) {
        return columns.length == Math.min(number, MOST_COLUMNS);
    }

    /** Begins anew if there are other columns than before; those beyond 256 are not followed. */
    synchronized void columns(String[] names, int[] sqlTypes) {
        int number = Math.min(names.length, MOST_COLUMNS);
        columns = new String[number];
        Arrays.setAll(columns, i -> shortened(names[i]));
        types = Arrays.copyOf(sqlTypes, number);
        bytes = new long[number];
        measured = new int[number];
        read.clear();
        samples = 0;
    }

    synchronized int columnCount() {
        return columns.length;
    }

    /** Of {@link java.sql.Types}. */
    synchronized int type(int column) {
        return column < types.length ? types[column] : 0;
    }

    /**
     * Adds which columns a look saw read.
     *
     * @return how many looks there were, this one among them
     */
    synchronized int readColumns(BitSet seen) {
        read.or(seen);
        samples++;
        return samples;
    }

    private static String shortened(String name) {
        return name.length() <= MOST_LETTERS ? name : name.substring(0, MOST_LETTERS - 1) + "…";
    }

    /** Whether nobody has been seen to read a column, counted from 0, and its size is not known well. */
    synchronized boolean wantsSize(int column) {
        return column < measured.length && !read.get(column) && measured[column] < FIRST_LOOKS;
    }

    synchronized void measured(int column, long size) {
        if (column >= measured.length) return;
        bytes[column] += size;
        measured[column]++;
    }

    /** The columns that nobody has been seen to read, with their sizes. */
    synchronized Unread unreadColumns() {
        Unread all = new Unread(columns.length);
        for (int i = read.nextClearBit(0); i < columns.length; i = read.nextClearBit(i + 1)) {
            all.names.add(columns[i]);
            if (measured[i] == 0) all.measured = false;
            else all.bytes += Math.round((double) bytes[i] / measured[i]);
        }
        return all;
    }

    /** Columns that nobody reads. */
    static final class Unread {
        /** Of how many. */
        final int columns;

        final List<String> names = new ArrayList<>();
        /** Of one row, all those together that were measured, as text. */
        long bytes;
        /** Whether all of them were. */
        boolean measured = true;

        private Unread(int columns) {
            this.columns = columns;
        }
    }

    /**
     * Adds how many fetched rows a look saw left unread.
     *
     * @param many whether they are too many
     * @return how many looks there were, this one among them
     */
    synchronized int rowsLeft(int rows, boolean many) {
        endings++;
        if (many) {
            leftMany++;
            left += rows;
        }
        return endings;
    }

    /** The mean of the rows left unread, where most looks saw many; else 0. */
    synchronized long usuallyLeft() {
        return leftMany * 2 > endings ? left / leftMany : 0;
    }
}
