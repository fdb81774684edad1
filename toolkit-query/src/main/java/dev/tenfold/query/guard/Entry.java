package dev.tenfold.query.guard;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What one scope knows of one statement. Its scope's lock guards it, but for the rows, which whoever reads them counts.
 *
 * <p>Which values vary is told from the second execution on, and which are the same by their hashes: up to as many sets as
 * a verdict needs are kept.
 */
final class Entry {
    private static final int MOST_SETS = 16;
    private static final int MOST_VALUES = 64;

    final Fingerprint fingerprint;
    /** From how many executions on it is judged. */
    final int threshold;
    /** How many statements began before this one in its scope. */
    final int order;

    /** Executions. */
    int count;
    /** Of them, those that carried several sets of values. */
    int batches;

    long nanos;
    long fastest = Long.MAX_VALUE;
    long slowest;
    /** From how many executions on {@link Verdicts} looks at it. */
    int lookFrom;
    /** The most rows that an execution gave, of those that were looked at; -1 if none was. */
    volatile long rows = -1;

    /** Hashes of the first sets of values that differ, and how often each came. */
    private long @Nullable [] sets;

    private int @Nullable [] times;
    private int different;

    /** The values of the second execution, to which the later ones are compared. */
    private long @Nullable [] second;
    /** One bit a value: whether it has varied. */
    private long varying;
    /** One bit a value: whether it has ever grown, ever fallen. */
    private long grew;

    private long fell;

    private int countBefore;
    private long nanosBefore;

    Entry(Fingerprint fingerprint, int threshold, int order) {
        this.fingerprint = fingerprint;
        this.threshold = threshold;
        this.order = order;
        this.lookFrom = Math.max(2, threshold / 2 + 1);
    }

    void add(Text text, long[] values, int parameters, long took, int batch) {
        count++;
        nanos += took;
        if (took < fastest) fastest = took;
        if (took > slowest) slowest = took;
        if (batch > 1) {
            batches++;
            return;
        }
        remember(hash(text, values, parameters));
        if (count > 1) compare(text, values, parameters);
    }

    private static long hash(Text text, long[] values, int parameters) {
        long hash = 0;
        for (int i = 0; i < parameters; i++) {
            hash = mix(hash + values[i]);
        }
        for (long literal : text.literals) {
            hash = mix(hash + literal);
        }
        return hash;
    }

    /** Murmur3's finalizer, Austin Appleby. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 33)) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ (mixed >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ (mixed >>> 33);
    }

    private void remember(long hash) {
        if (sets == null || times == null) {
            sets = new long[4];
            times = new int[4];
        }
        for (int i = 0; i < different; i++) {
            if (sets[i] == hash) {
                times[i]++;
                return;
            }
        }
        if (different == MOST_SETS) return;
        if (different == sets.length) {
            sets = Arrays.copyOf(sets, different * 2);
            times = Arrays.copyOf(times, different * 2);
        }
        sets[different] = hash;
        times[different] = 1;
        different++;
    }

    private void compare(Text text, long[] values, int parameters) {
        int all = Math.min(MOST_VALUES, parameters + text.literals.length);
        if (second == null) {
            second = new long[all];
            for (int i = 0; i < all; i++) {
                second[i] = value(text, values, parameters, i);
            }
            return;
        }
        int both = Math.min(all, second.length);
        for (int i = 0; i < both; i++) {
            long value = value(text, values, parameters, i);
            if (value == second[i]) continue;
            long bit = 1L << i;
            varying |= bit;
            if (value > second[i]) grew |= bit;
            if (value < second[i]) fell |= bit;
            second[i] = value;
        }
    }

    private static long value(Text text, long[] values, int parameters, int i) {
        return i < parameters ? values[i] : text.literals[i - parameters];
    }

    /** How many different sets of values came, up to 16. */
    int differentSets() {
        return different;
    }

    /** How often the most frequent of the first 16 different sets of values came. */
    int mostFrequent() {
        int most = 0;
        for (int i = 0; i < different && times != null; i++) {
            most = Math.max(most, times[i]);
        }
        return most;
    }

    /** One bit a value: whether it differed between two executions, the first apart. */
    long varying() {
        return varying;
    }

    /** One bit a value: whether it varied, and always in one direction; of those that are hashes it means nothing. */
    long monotone() {
        return varying & ~(grew & fell);
    }

    /** Tells the statement what has come since the last time. */
    void addUp() {
        if (count == countBefore) return;
        fingerprint.executions.add(count - countBefore, nanos - nanosBefore, slowest);
        countBefore = count;
        nanosBefore = nanos;
    }
}
