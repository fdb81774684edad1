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
    /** So many different sets of values are told apart. */
    static final int MOST_SETS = 16;

    /** Of more parameters than these, an execution's values are not compared. */
    static final int MOST_VALUES = 64;

    final QueryGuard guard;
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
    /** Of them, those of queries that came with the same values a minute or two before, in any scope. */
    long repeated;

    long fastest = Long.MAX_VALUE;
    long slowest;
    /** From how many executions on {@link Verdicts} looks at it. */
    int lookFrom;

    @Nullable
    Looks looks;

    @Nullable
    Verdict verdict;

    /** The most rows that an execution gave, of those that were looked at; -1 if none was. */
    volatile long rows = -1;
    /** Whether the rows of each execution are looked at, as in tests. */
    boolean looksAtRows;

    /** Hashes of the first sets of values that differ, and how often each came. */
    private long @Nullable [] sets;

    private int @Nullable [] times;
    private int different;

    /** What the values are for, in the first text. */
    private byte @Nullable [] roles;

    /** The values of the second execution, to which the later ones are compared. */
    private long @Nullable [] second;
    /** One bit a value: whether it has varied. */
    private long varying;
    /** One bit a value: whether it has ever grown, ever fallen. */
    private long grew;

    private long fell;

    private boolean tooManyValues;
    private int countBefore;
    private long nanosBefore;
    private long repeatedBefore;

    Entry(QueryGuard guard, Fingerprint fingerprint, int threshold, int order) {
        this.guard = guard;
        this.fingerprint = fingerprint;
        this.threshold = threshold;
        this.order = order;
        this.lookFrom = isLookedAtFromTheFirst() ? 1 : threshold / 2 + 1;
    }

    /** Of so few executions as in tests, all have to come from one place. */
    boolean isLookedAtFromTheFirst() {
        return threshold <= 4;
    }

    /** How many looks at one call site a verdict takes. */
    int looksNeeded() {
        return isLookedAtFromTheFirst() ? threshold : threshold - threshold / 2;
    }

    void add(Text text, long[] values, int parameters, long took, int batch, long now) {
        count++;
        nanos += took;
        if (took < fastest) fastest = took;
        if (took > slowest) slowest = took;
        if (batch > 1) {
            batches++;
            return;
        }
        if (parameters > MOST_VALUES) {
            tooManyValues = true;
            return;
        }
        long hash = hash(text, values, parameters);
        remember(hash);
        boolean reads = fingerprint.kind == StatementKind.SELECT;
        if (reads && guard.repeats().seen(mix(hash + fingerprint.hash), now)) repeated += took;
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
        // Of keys in order, those that come first may be the same, and others follow.
        boolean isRepeated = verdict != null && verdict.kind == FindingKind.REPEATED_READ;
        if (isRepeated && different >= threshold) lookFrom = count;
    }

    private void compare(Text text, long[] values, int parameters) {
        int all = Math.min(MOST_VALUES, parameters + text.literals.length);
        if (second == null) {
            second = new long[all];
            roles = text.roles;
            for (int i = 0; i < all; i++) {
                second[i] = value(text, values, parameters, i);
            }
            return;
        }
        // A list of another length moves the values behind it to other places.
        if (roles == null || text.roles.length != roles.length || all != second.length) return;
        for (int i = 0; i < all; i++) {
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

    /** Whether it has more than 64 parameters, which are not compared. */
    boolean hasTooManyValues() {
        return tooManyValues;
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

    /** Executions that carried one set of values. */
    int single() {
        return count - batches;
    }

    /** The most rows that an execution gave here, or else what it usually gives; -1 if nothing is known. */
    long rows() {
        long seen = rows;
        return seen >= 0 ? seen : fingerprint.executions.typicalRows();
    }

    /**
     * Whether a value varies that is a key: one that a column is compared with for equality, or of unknown use. Of a statement
     * that carries a list of keys, this has to be seen.
     */
    boolean isByKeys() {
        long[] last = second;
        if (last == null || varying == 0) return !fingerprint.batched;
        for (int i = 0; i < last.length; i++) {
            if ((varying & (1L << i)) != 0 && isKey(i, last)) return true;
        }
        return false;
    }

    private boolean isKey(int value, long[] last) {
        byte role = role(value);
        if (fingerprint.batched && role != Fingerprint.EQUAL) return false;
        if (role == Fingerprint.WRITTEN) return fingerprint.kind == StatementKind.INSERT;
        if (role != Fingerprint.EQUAL && role != Fingerprint.OTHER) return false;
        if (!fingerprint.limited) return true;
        // A page after (a, b) may be written as: a < ? or a = ? and b > ?.
        for (int i = 0; i < last.length; i++) {
            if (last[i] == last[value] && role(i) == Fingerprint.RANGE) return false;
        }
        return true;
    }

    private byte role(int value) {
        return roles != null && value < roles.length ? roles[value] : Fingerprint.OTHER;
    }

    /**
     * Whether ranges vary as they do not in pages and chunks, which go through a table in one direction. Of texts and ids the
     * direction is not known, so they are taken for pages.
     */
    boolean isByRanges() {
        long[] last = second;
        if (last == null) return false;
        long jumping = varying & grew & fell;
        for (int i = 0; i < last.length; i++) {
            if ((jumping & (1L << i)) != 0 && role(i) == Fingerprint.RANGE && !Values.isHash(last[i])) return true;
        }
        return false;
    }

    /** Tells the statement what has come since the last time. */
    void addUp(long now) {
        if (count == countBefore) return;
        guard.counted(count - countBefore);
        fingerprint.executions.add(count - countBefore, nanos - nanosBefore, slowest, now);
        if (repeated != repeatedBefore) fingerprint.executions.repeated(repeated - repeatedBefore);
        countBefore = count;
        nanosBefore = nanos;
        repeatedBefore = repeated;
    }
}
