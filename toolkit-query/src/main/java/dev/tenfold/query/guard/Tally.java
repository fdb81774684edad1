package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ForkJoinWorkerThread;
import org.jspecify.annotations.Nullable;

/**
 * The statements that are executed while an assertion is open, one by one, and its scope.
 *
 * <p>An execution counts to every tally whose scope is around its own. Those that are in no tally are noted, for they may be
 * the work of the code under test, or of somebody else; where tests run in parallel nobody knows. Where no tally is open, as in production, all this costs
 * one look at {@link #all} a statement. Thread-safe, but for {@link #close}, which belongs to the thread that opened it.
 */
final class Tally implements AutoCloseable {
    /** From how many executions on a statement is judged in tests. */
    static final int THRESHOLD = 3;

    private static final int MOST_STATEMENTS = 2_000;
    private static final int MOST_THREADS = 100;

    /** Those that are open; null if none is. */
    static volatile @Nullable List<Tally> all;

    private static final Object OPENING = new Object();
    private static volatile boolean guarded;

    private final QueryScope scope;
    private final @Nullable QueryScope before;
    private final boolean allThreads;
    private final String opener = withoutNumber(Thread.currentThread().getName());
    private final Map<String, Counted> statements = new LinkedHashMap<>();
    private final Map<String, Integer> strangers = new LinkedHashMap<>();
    /** By fingerprint: the most rows that an execution gave, where they were seen. */
    private final Map<String, Long> rows = new HashMap<>();

    private long selects;
    private long others;
    /** Who else may have executed what is in no tally; null if nobody. */
    private volatile @Nullable String rival;

    /** One statement, of all guards. */
    static final class Counted {
        final Fingerprint fingerprint;
        final @Nullable StackTraceElement site;
        int count;
        long nanos;

        private Counted(Fingerprint fingerprint, @Nullable StackTraceElement site) {
            this.fingerprint = fingerprint;
            this.site = site;
        }
    }

    private Tally(String name, @Nullable QueryScope around, @Nullable QueryScope before, boolean allThreads) {
        this.scope = QueryScope.inside(name, around, THRESHOLD);
        this.before = before;
        this.allThreads = allThreads;
    }

    /** Opens one inside of the scope that the thread is in. */
    static Tally open(String name, boolean allThreads) {
        QueryScope around = ThreadState.current().scope();
        return new Tally(name, around, around, allThreads).enter();
    }

    /** Opens one for a whole test, which is inside of nothing, even if JUnit runs it on the stack of a test that waits. */
    static Tally ofTest(String name, boolean allThreads) {
        return new Tally(name, null, ThreadState.current().scope(), allThreads).enter();
    }

    private Tally enter() {
        synchronized (OPENING) {
            long around = 0;
            for (QueryScope outer = scope.parent(); outer != null; outer = outer.parent()) {
                if (!outer.isClosed()) around++;
            }
            List<Tally> now = new ArrayList<>();
            List<Tally> open = all;
            if (open != null) {
                for (Tally other : open) {
                    now.add(other);
                    if (other.isAround(scope)) {
                        around--;
                    } else {
                        other.rival = "another test";
                        rival = "another test";
                    }
                }
            }
            if (QueryScope.openNow() > around) rival = "another scope";
            if (Thread.currentThread() instanceof ForkJoinWorkerThread) rival = "a parallel test";
            now.add(this);
            all = List.copyOf(now);
        }
        ThreadState.current().enter(scope);
        return this;
    }

    /** Ends it; the thread is in the scope again in which it was before. */
    @Override
    public void close() {
        synchronized (OPENING) {
            List<Tally> now = new ArrayList<>();
            List<Tally> open = all;
            if (open != null) now.addAll(open);
            now.remove(this);
            all = now.isEmpty() ? null : List.copyOf(now);
        }
        rememberRows(scope.entries());
        scope.end();
        ThreadState.current().enter(before);
    }

    /** A guard was made: there is something that can be counted. */
    static void guarded() {
        guarded = true;
    }

    static boolean isAnythingGuarded() {
        return guarded;
    }

    /** Counts an execution, on its thread; the scope is null if the thread is in none. */
    static void executed(@Nullable QueryScope scope, QueryGuard guard, Text text, long took) {
        List<Tally> open = all;
        if (open == null) return;
        boolean owned = false;
        for (Tally tally : open) {
            boolean inside = tally.isAround(scope);
            owned |= inside;
            if (inside || tally.allThreads) tally.count(guard, text.fingerprint, took);
        }
        if (owned) return;
        for (Tally tally : open) {
            if (!tally.allThreads) tally.noteStranger(Thread.currentThread().getName(), scope);
        }
    }

    /** Called when a scope ends, as long as it knows its statements. */
    static void ended(QueryScope scope) {
        List<Tally> open = all;
        if (open == null) return;
        for (Tally tally : open) {
            if (tally.isAround(scope)) tally.rememberRows(scope.entries());
        }
    }

    private synchronized void rememberRows(List<Entry> entries) {
        for (Entry entry : entries) {
            long most = entry.rows;
            if (most >= 0) rows.merge(entry.fingerprint.id, most, Math::max);
        }
    }

    private boolean isAround(@Nullable QueryScope inner) {
        for (QueryScope around = inner; around != null; around = around.parent()) {
            if (isSame(around, scope)) return true;
        }
        return false;
    }

    @SuppressWarnings("ReferenceEquality")
    private static boolean isSame(QueryScope one, QueryScope other) {
        return one == other;
    }

    private synchronized void count(QueryGuard guard, Fingerprint fingerprint, long took) {
        if (fingerprint.kind == StatementKind.SELECT) selects++;
        else others++;
        Counted known = statements.get(fingerprint.id);
        if (known == null) {
            if (statements.size() == MOST_STATEMENTS) return;
            known = new Counted(fingerprint, guard.verdicts().sites().here().innermost());
            statements.put(fingerprint.id, known);
        }
        known.count++;
        known.nanos += took;
    }

    private synchronized void noteStranger(String thread, @Nullable QueryScope its) {
        // JUnit's other workers run other tests.
        if (!opener.equals(thread) && opener.equals(withoutNumber(thread))) rival = "another test";
        String stranger =
                thread + (its == null ? ", which is in no scope" : ", in scope '" + its.name() + "' of its own");
        if (strangers.size() < MOST_THREADS || strangers.containsKey(stranger)) {
            strangers.merge(stranger, 1, Integer::sum);
        }
    }

    /** {@code pool-1-thread-} of {@code pool-1-thread-7}. */
    private static String withoutNumber(String thread) {
        int end = thread.length();
        while (end > 0 && Character.isDigit(thread.charAt(end - 1))) {
            end--;
        }
        return thread.substring(0, end);
    }

    QueryScope scope() {
        return scope;
    }

    synchronized long count(boolean selectsOnly) {
        return selectsOnly ? selects : selects + others;
    }

    /** Whether any guard has seen a statement that is not of another test, on any thread. */
    synchronized boolean hasSeenAny() {
        return selects + others > 0 || !strangers.isEmpty();
    }

    /** The most rows that an execution of a statement gave; -1 if that was not seen. */
    synchronized long rows(Fingerprint fingerprint) {
        return rows.getOrDefault(fingerprint.id, -1L);
    }

    /** The most frequent first, those of the same number in the order of their first executions. */
    synchronized List<Counted> statements() {
        List<Counted> sorted = new ArrayList<>(statements.values());
        sorted.sort(Comparator.comparingInt((Counted counted) -> counted.count).reversed());
        return sorted;
    }

    /** Who else may have executed what is in no tally; null if nobody. */
    @Nullable
    String rival() {
        return rival;
    }

    /** As {@code "3 statements ran on pool-1-thread-2, which is in no scope"}; null if none did. */
    synchronized @Nullable String strangers() {
        if (strangers.isEmpty()) return null;
        int ran = strangers.values().stream().mapToInt(Integer::intValue).sum();
        List<String> names = List.copyOf(strangers.keySet());
        StringBuilder said = new StringBuilder(ran == 1 ? "1 statement ran on " : ran + " statements ran on ");
        said.append(String.join("; on ", names.subList(0, Math.min(3, names.size()))));
        if (names.size() > 3) said.append("; and on ").append(names.size() - 3).append(" other threads");
        return said.toString();
    }

    /** The statements with their counts, times and sites, a line each. */
    String table(int most) {
        StringBuilder table = new StringBuilder(1_000);
        List<Counted> counted = statements();
        for (Counted one : counted.subList(0, Math.min(most, counted.size()))) {
            table.append(String.format(
                    "%n%6d × %s  (%s)", one.count, shortened(one.fingerprint.text, 300), millis(one.nanos)));
            if (one.site != null) table.append(String.format("%n         at %s", one.site));
        }
        if (counted.size() > most) {
            table.append(String.format("%n       … and %d other statements", counted.size() - most));
        }
        return table.toString();
    }

    private static String millis(long nanos) {
        return String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
    }

    /** In one line, with an ellipsis where it is longer. */
    static String shortened(String text, int most) {
        String line = text.replaceAll("\\s+", " ");
        return line.length() <= most ? line : line.substring(0, most - 1) + "…";
    }
}
