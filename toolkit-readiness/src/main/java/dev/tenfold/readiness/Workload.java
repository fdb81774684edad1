package dev.tenfold.readiness;

import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.guard.StatementStats;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What the statements of a guard did between one sample and the next, for the last 1,440 samples: a day of minutes. Of this
 * instance alone. Thread-safe; no I/O.
 */
final class Workload {
    private static final int MOST = 1_440;
    /** Fewer executions tell nothing of a workload. */
    private static final long ENOUGH = 1_000;
    /** Fewer samples have no peak. */
    private static final int ENOUGH_SAMPLES = 60;

    private final QueryGuard guard;
    /** Of the statements that the guard knows: those that it forgets are forgotten here. */
    private Map<String, Sums> before = new HashMap<>();

    private final Deque<Step> steps = new ArrayDeque<>();
    private boolean begun;

    /** Nanoseconds, and executions: of one statement, or of all. */
    private record Sums(long count, long nanos, long repeated) {
        Sums since(Sums old) {
            // Less than before: the guard had forgotten the statement, and counts from nothing.
            return count < old.count || nanos < old.nanos
                    ? this
                    : new Sums(count - old.count, nanos - old.nanos, Math.max(0, repeated - old.repeated));
        }

        Sums plus(Sums more) {
            return new Sums(count + more.count, nanos + more.nanos, repeated + more.repeated);
        }
    }

    /**
     * From one sample to the next.
     *
     * @param repeated the reads that repeated most, and their nanoseconds
     */
    private record Step(long elapsed, Sums reads, Sums writes, String repeated, long repeatedNanos) {
        double seconds() {
            return elapsed / 1e9;
        }

        long executions() {
            return reads.count + writes.count;
        }

        double busy() {
            return (double) (reads.nanos + writes.nanos) / elapsed;
        }
    }

    Workload(QueryGuard guard) {
        this.guard = guard;
    }

    /** Adds what has come since the sample before; the first one only begins. */
    synchronized void sample(long elapsed) {
        Sums reads = new Sums(0, 0, 0);
        Sums writes = reads;
        String repeated = "";
        long most = 0;
        Map<String, Sums> known = new HashMap<>();
        for (StatementStats statement : guard.statements()) {
            Sums now = new Sums(
                    statement.count(),
                    statement.total().toNanos(),
                    statement.repeated().toNanos());
            Sums old = before.get(statement.fingerprint());
            known.put(statement.fingerprint(), now);
            Sums more = old == null ? now : now.since(old);
            if (statement.reads()) reads = reads.plus(more);
            else writes = writes.plus(more);
            if (statement.reads() && more.repeated > most) {
                most = more.repeated;
                repeated = statement.statement();
            }
        }
        before = known;
        if (begun && elapsed > 0) {
            steps.addLast(new Step(elapsed, reads, writes, repeated, most));
            if (steps.size() > MOST) steps.removeFirst();
        }
        begun = true;
    }

    /** How many statements ran at once, in the mean, between the last two samples; NaN before there are two. */
    synchronized double busy() {
        Step last = steps.peekLast();
        return last == null ? Double.NaN : last.busy();
    }

    /** What can be said of the samples kept. */
    synchronized Mix mix() {
        Sums reads = new Sums(0, 0, 0);
        Sums writes = reads;
        long elapsed = 0;
        for (Step step : steps) {
            reads = reads.plus(step.reads);
            writes = writes.plus(step.writes);
            elapsed += step.elapsed;
        }
        long nanos = reads.nanos + writes.nanos;
        return new Mix(
                reads.count + writes.count >= ENOUGH && nanos > 0,
                reads.count + writes.count,
                elapsed,
                share(reads.nanos, nanos),
                share(reads.repeated, reads.nanos),
                peakOfWrites(writes.count));
    }

    private static double share(long part, long of) {
        return of > 0 ? (double) part / of : 0;
    }

    /** The 99th percentile of writes a second, to their mean. */
    private OptionalDouble peakOfWrites(long writes) {
        if (steps.size() < ENOUGH_SAMPLES || writes < ENOUGH) return OptionalDouble.empty();
        double[] rates = steps.stream()
                .mapToDouble(step -> step.writes.count / step.seconds())
                .sorted()
                .toArray();
        double mean = Arrays.stream(rates).average().orElseThrow();
        return OptionalDouble.of(rates[(int) Math.ceil(0.99 * rates.length) - 1] / mean);
    }

    /** Statements at once, and executions a second, of each sample kept. */
    synchronized List<Usl.Point> points() {
        List<Usl.Point> all = new ArrayList<>();
        for (Step step : steps) {
            if (step.executions() > 0) all.add(new Usl.Point(step.busy(), step.executions() / step.seconds()));
        }
        return all;
    }

    /** The reads that repeated most in a sample, by time over the samples kept; empty if none did. */
    synchronized String mostRepeated() {
        Map<String, Long> nanos = new HashMap<>();
        for (Step step : steps) {
            if (step.repeatedNanos > 0) nanos.merge(step.repeated, step.repeatedNanos, Long::sum);
        }
        return nanos.entrySet().stream()
                .max(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .orElse("");
    }

    /**
     * What share has what.
     *
     * @param isEnough whether there were enough executions to say
     * @param executions how many
     * @param elapsed nanoseconds
     * @param reads share of the time in statements that reads take
     * @param repeated share of the reads' time that repeats a statement and its values within a minute or two
     * @param writePeak peak of writes to their mean; empty if there are too few
     */
    record Mix(
            boolean isEnough, long executions, long elapsed, double reads, double repeated, OptionalDouble writePeak) {}
}
