package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Assertions about the statements that code executes, for tests of any framework.
 *
 * <pre>{@code
 * import static dev.tenfold.query.guard.QueryAssertions.*;
 *
 * List<View> views = assertQueries(max(2), () -> service.page());
 * assertQueries(constant(rows -> seed(rows)), () -> service.page()); // as many for 5 rows as for 2
 * assertNoFindings(() -> service.page());                            // no N+1, no loop, no repeated read
 * }</pre>
 *
 * <p><b>What counts.</b> Each execution through any {@link QueryGuard}, by the calling thread or by a thread that is started
 * inside, virtual ones too, also on a connection that was borrowed before. A batch counts once, and a statement that fails
 * counts. Commits and what the pool sends of its own do not.
 *
 * <p><b>What does not.</b> Threads of a pool work for others too, so what they execute counts only if their task was given
 * to them by {@link QueryScope#wrap(Runnable)}. So that no statement goes unseen, an assertion that would hold fails if
 * such threads, or those of a server, executed statements meanwhile, and says which. If another test may have caused them,
 * as it runs in parallel or has a scope open, a warning is logged instead. What a thread executes after the assertion has
 * returned is not seen.
 *
 * <p>What the action throws is thrown as it is, and nothing is asserted then. Assertions can be nested; those inside count
 * to those outside as well. A failure is an {@link AssertionError}. Thread-safe.
 */
public final class QueryAssertions {
    private static final Logger LOG = LoggerFactory.getLogger(QueryAssertions.class);

    /** What is the same each time; others depend on time or on chance. */
    private static final Set<FindingKind> STEADY = Set.of(
            FindingKind.N_PLUS_ONE,
            FindingKind.LOOP,
            FindingKind.REPEATED_READ,
            FindingKind.WRITE_LOOP,
            FindingKind.NESTED_BORROW);

    private static final int MOST_SHOWN = 20;

    private QueryAssertions() {}

    /**
     * Code that may throw.
     *
     * @param <X> what it throws
     */
    @FunctionalInterface
    public interface Action<X extends Throwable> {
        /**
         * Runs it.
         *
         * @throws X if it likes
         */
        void run() throws X;
    }

    /**
     * Code that gives a value, and may throw.
     *
     * @param <T> the value's type
     * @param <X> what it throws
     */
    @FunctionalInterface
    public interface Question<T extends @Nullable Object, X extends Throwable> {
        /**
         * Runs it.
         *
         * @return the value
         * @throws X if it likes
         */
        T get() throws X;
    }

    /** Makes the rows that a growth test reads. */
    @FunctionalInterface
    public interface Seed {
        /**
         * Sees to it that so many parents are there: when it returns, {@code rows} of them are visible to the action, those
         * of an earlier call among them or instead of them, each with the children that the action reads. It clears the
         * caches that would hide statements. Runs on the test's thread; its own statements do not count.
         *
         * @param rows how many
         * @throws Exception if it cannot; the assertion throws it as it is
         */
        void rows(int rows) throws Exception;
    }

    /**
     * At most so many statements. If no guard sees a statement on any thread the assertion fails, as the data source may be
     * one that is not watched; with 0, as {@link #none}, it cannot tell.
     *
     * @param statements 0 or more
     * @return what to assert
     * @throws IllegalArgumentException if it is negative
     */
    public static Limit max(int statements) {
        return new Limit(0, notNegative("max", statements), false, false, false);
    }

    /**
     * Neither more nor fewer statements.
     *
     * @param statements 0 or more
     * @return what to assert
     * @throws IllegalArgumentException if it is negative
     */
    public static Limit exactly(int statements) {
        return new Limit(notNegative("exactly", statements), statements, false, false, false);
    }

    /**
     * No statement at all. Weakness: it passes, too, if the action uses a data source that is not watched, as long as
     * another one is in this JVM; it cannot tell the two apart.
     *
     * @return what to assert
     */
    public static Limit none() {
        return exactly(0);
    }

    private static int notNegative(String what, int statements) {
        if (statements < 0) throw new IllegalArgumentException(what + "(" + statements + ") must be 0 or more");
        return statements;
    }

    /**
     * As many statements whatever the number of rows: the action runs with 2 rows, then with 5, and no statement may be
     * executed more often the second time. This is the surest test against N+1 queries, as it needs no number to be kept up
     * to date. After n_plus_one_control, Evil Martians.
     *
     * <p>If no query gives more rows the second time, nothing has grown, and the assertion fails as inconclusive, unless
     * {@link Growth#readingFixedRows} is said.
     *
     * @param seed is called before each run
     * @return what to assert
     */
    public static Growth constant(Seed seed) {
        return new Growth(Objects.requireNonNull(seed, "seed"), 2, 5, false, false, false);
    }

    /**
     * Asserts how many statements an action executes.
     *
     * @param expected {@link #max}, {@link #exactly} or {@link #none}
     * @param action is run once, on this thread
     * @param <X> what the action throws
     * @throws X if the action does
     * @throws AssertionError if there were more or fewer, with a table of the statements; if no data source is watched; if
     *     some are allowed, and no statement was seen on any thread; or if statements ran on threads that are in no scope
     */
    public static <X extends Throwable> void assertQueries(Limit expected, Action<X> action) throws X {
        assertQueries(expected, asQuestion(action));
    }

    /**
     * Asserts how many statements an action executes, and returns what it gives.
     *
     * @param expected {@link #max}, {@link #exactly} or {@link #none}
     * @param action is run once, on this thread
     * @param <T> the value's type
     * @param <X> what the action throws
     * @return what the action gave
     * @throws X if the action does
     * @throws AssertionError if there were more or fewer, with a table of the statements; if no data source is watched; if
     *     some are allowed, and no statement was seen on any thread; or if statements ran on threads that are in no scope
     */
    public static <T extends @Nullable Object, X extends Throwable> T assertQueries(
            Limit expected, Question<T, X> action) throws X {
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(action, "action");
        Tally tally = Tally.open("assertQueries", expected.allThreads);
        T value;
        try (tally) {
            value = action.get();
        }
        expected.check(tally);
        return value;
    }

    /**
     * Asserts that an action executes as many statements for many rows as for few.
     *
     * @param expected {@link #constant}
     * @param action is run twice, on this thread
     * @param <X> what the action throws
     * @throws X if the action does
     * @throws AssertionError if a statement was executed more often with more rows; if there was no statement; if no query
     *     gave more rows; or if statements ran on threads that are in no scope
     */
    public static <X extends Throwable> void assertQueries(Growth expected, Action<X> action) throws X {
        assertQueries(expected, asQuestion(action));
    }

    /**
     * Asserts that an action executes as many statements for many rows as for few, and returns what it gives for many.
     *
     * @param expected {@link #constant}
     * @param action is run twice, on this thread
     * @param <T> the value's type
     * @param <X> what the action throws
     * @return what the action gave the second time
     * @throws X if the action does
     * @throws AssertionError if a statement was executed more often with more rows; if there was no statement; if no query
     *     gave more rows; or if statements ran on threads that are in no scope
     */
    public static <T extends @Nullable Object, X extends Throwable> T assertQueries(
            Growth expected, Question<T, X> action) throws X {
        Objects.requireNonNull(expected, "expected");
        Objects.requireNonNull(action, "action");
        expected.sow(expected.few);
        Tally few = Tally.open("assertQueries for " + expected.few, expected.allThreads);
        try (few) {
            action.get();
        }
        expected.sow(expected.many);
        Tally many = Tally.open("assertQueries for " + expected.many, expected.allThreads);
        T value;
        try (many) {
            value = action.get();
        }
        expected.check(few, many);
        return value;
    }

    /**
     * Asserts that an action gives no N+1 query, no loop of single queries or writes, no repeated read and no second
     * connection borrowed inside of the first, judged from 3 executions on. Findings that depend on time or on chance, such
     * as slow statements, are not among it.
     *
     * @param action is run once, on this thread
     * @param <X> what the action throws
     * @throws X if the action does
     * @throws AssertionError if something was found, with all of it; if no data source is watched, or no statement was seen
     *     on any thread; or if statements ran on threads that are in no scope
     */
    public static <X extends Throwable> void assertNoFindings(Action<X> action) throws X {
        assertNoFindings(null, asQuestion(action));
    }

    /**
     * As {@link #assertNoFindings(Action)}, and returns what the action gives.
     *
     * @param action is run once, on this thread
     * @param <T> the value's type
     * @param <X> what the action throws
     * @return what the action gave
     * @throws X if the action does
     * @throws AssertionError as described there
     */
    public static <T extends @Nullable Object, X extends Throwable> T assertNoFindings(Question<T, X> action) throws X {
        return assertNoFindings(null, action);
    }

    /**
     * As {@link #assertNoFindings(Action)}, but for the findings that are known.
     *
     * @param known findings that may be; null for none
     * @param action is run once, on this thread
     * @param <X> what the action throws
     * @throws X if the action does
     * @throws AssertionError as described there
     */
    public static <X extends Throwable> void assertNoFindings(@Nullable Baseline known, Action<X> action) throws X {
        assertNoFindings(known, asQuestion(action));
    }

    /**
     * As {@link #assertNoFindings(Action)}, but for the findings that are known, and returns what the action gives.
     *
     * @param known findings that may be; null for none
     * @param action is run once, on this thread
     * @param <T> the value's type
     * @param <X> what the action throws
     * @return what the action gave
     * @throws X if the action does
     * @throws AssertionError as described there
     */
    public static <T extends @Nullable Object, X extends Throwable> T assertNoFindings(
            @Nullable Baseline known, Question<T, X> action) throws X {
        Objects.requireNonNull(action, "action");
        Tally tally = Tally.open("assertNoFindings", false);
        T value;
        try (tally) {
            value = action.get();
        }
        refuseNoStatement(tally, "assertQueries(none(), …)");
        refuseFindings(tally, STEADY, known);
        refuseStrangers(tally);
        return value;
    }

    @SuppressWarnings("NullAway") // it does not see that a Void may be null
    private static <X extends Throwable> Question<@Nullable Void, X> asQuestion(Action<X> action) {
        Objects.requireNonNull(action, "action");
        return () -> {
            action.run();
            return null;
        };
    }

    /** How many statements there may be. Immutable: each method returns a changed one. */
    public static final class Limit {
        private final int min;
        private final int max;
        private final boolean selectsOnly;
        private final boolean allThreads;
        private final boolean scopedOnly;

        private Limit(int min, int max, boolean selectsOnly, boolean allThreads, boolean scopedOnly) {
            this.min = min;
            this.max = max;
            this.selectsOnly = selectsOnly;
            this.allThreads = allThreads;
            this.scopedOnly = scopedOnly;
        }

        /**
         * Counts queries only; by default writes and all else count too.
         *
         * @return a changed limit
         */
        public Limit selects() {
            return new Limit(min, max, true, allThreads, scopedOnly);
        }

        /**
         * Counts what any thread of this JVM executes meanwhile. Of use only if no other test runs at the same time: see
         * JUnit's {@code @Isolated}.
         *
         * @return a changed limit
         */
        public Limit onAllThreads() {
            return new Limit(min, max, selectsOnly, true, scopedOnly);
        }

        /**
         * Does not care for what runs on threads that are in no scope, such as a scheduler's. By default an assertion fails
         * if there were any.
         *
         * @return a changed limit
         */
        public Limit ignoringOtherThreads() {
            return new Limit(min, max, selectsOnly, allThreads, true);
        }

        boolean countsAllThreads() {
            return allThreads;
        }

        void check(Tally tally) {
            if (min == 0 && max > 0) refuseNoStatement(tally, "none()");
            refuseUnwatched();
            long counted = tally.count(selectsOnly);
            if (counted < min || counted > max) throw new AssertionError(message(tally, counted));
            if (!scopedOnly) refuseStrangers(tally);
        }

        private String message(Tally tally, long counted) {
            String what = selectsOnly ? "quer" + (max == 1 ? "y" : "ies") : "statement" + (max == 1 ? "" : "s");
            StringBuilder message = new StringBuilder("expected ")
                    .append(max == 0 ? "no" : (min == max ? "exactly " : "at most ") + max)
                    .append(' ')
                    .append(max == 0 && selectsOnly ? "query" : max == 0 ? "statement" : what)
                    .append(counted == 1 ? ", but there was " : ", but there were ")
                    .append(counted == 0 ? "none" : counted);
            message.append(tally.table(MOST_SHOWN));
            for (Finding finding : tally.scope().findings()) {
                message.append(System.lineSeparator())
                        .append(System.lineSeparator())
                        .append(finding.text());
            }
            String strangers = tally.strangers();
            if (strangers != null && !allThreads) {
                message.append(System.lineSeparator())
                        .append(System.lineSeparator())
                        .append("not counted: ")
                        .append(strangers)
                        .append("; to count them, wrap their tasks by QueryScope.wrap");
            }
            return message.toString();
        }
    }

    /** That statements do not grow with the data. Immutable: each method returns a changed one. */
    public static final class Growth {
        private final Seed seed;
        private final int few;
        private final int many;
        private final boolean allThreads;
        private final boolean scopedOnly;
        private final boolean fixedRows;

        private Growth(Seed seed, int few, int many, boolean allThreads, boolean scopedOnly, boolean fixedRows) {
            this.seed = seed;
            this.few = few;
            this.many = many;
            this.allThreads = allThreads;
            this.scopedOnly = scopedOnly;
            this.fixedRows = fixedRows;
        }

        /**
         * Other numbers of rows. Fewer than 2 hide what differs between one and several.
         *
         * @param newFew at the first run; default 2
         * @param newMany at the second run; default 5
         * @return a changed one
         * @throws IllegalArgumentException if the first is below 1, or the second is not more
         */
        public Growth sizes(int newFew, int newMany) {
            if (newFew < 1 || newMany <= newFew) {
                throw new IllegalArgumentException(
                        "sizes(" + newFew + ", " + newMany + "): 1 or more rows first, then more of them");
            }
            return new Growth(seed, newFew, newMany, allThreads, scopedOnly, fixedRows);
        }

        /**
         * Counts what any thread of this JVM executes meanwhile. Of use only if no other test runs at the same time: see
         * JUnit's {@code @Isolated}.
         *
         * @return a changed one
         */
        public Growth onAllThreads() {
            return new Growth(seed, few, many, true, scopedOnly, fixedRows);
        }

        /**
         * Does not care for what runs on threads that are in no scope, such as a scheduler's. By default an assertion fails
         * if there were any.
         *
         * @return a changed one
         */
        public Growth ignoringOtherThreads() {
            return new Growth(seed, few, many, allThreads, true, fixedRows);
        }

        /**
         * For an action that reads as many rows whatever there are, as {@code count(*)} and the first page of many do. By default
         * an assertion fails if no query gave more rows at the second run than at the first, for then the seed may not be
         * committed, or not be what the action reads. It does not fail for that if the rows of some query were not seen, as when
         * its result set is unwrapped, or read after the action has returned, or if there was no query but only writes.
         *
         * @return a changed one
         */
        public Growth readingFixedRows() {
            return new Growth(seed, few, many, allThreads, scopedOnly, true);
        }

        private void sow(int rows) {
            try {
                seed.rows(rows);
            } catch (Exception e) {
                throw QueryAssertions.<RuntimeException>asItIs(e);
            }
        }

        private void check(Tally fewer, Tally more) {
            refuseUnwatched();
            if (fewer.count(false) + more.count(false) == 0) {
                throw new AssertionError("no statement was executed, neither for " + few + " rows nor for " + many
                        + ": does the action read, and is its data source the one that QueryGuard.watch returned?");
            }
            Map<String, int[]> counts = new LinkedHashMap<>();
            for (Tally.Counted one : fewer.statements()) {
                counts.put(one.fingerprint.id, new int[] {one.count, 0});
            }
            boolean grew = false;
            for (Tally.Counted one : more.statements()) {
                int[] both = counts.computeIfAbsent(one.fingerprint.id, id -> new int[2]);
                both[1] = one.count;
                grew |= both[1] > both[0];
            }
            if (grew) throw new AssertionError(message(counts, fewer, more));
            if (!scopedOnly) {
                refuseStrangers(fewer);
                refuseStrangers(more);
            }
            if (!fixedRows && rowsStayed(fewer, more)) {
                throw new AssertionError(
                        "inconclusive: the action read no more rows after seed(" + many + ") than after seed("
                                + few
                                + "): does seed commit, does the action read what it seeds, and not from a cache? If it reads as"
                                + " many rows whatever there are, as count(*) does, say constant(…).readingFixedRows()"
                                + more.table(MOST_SHOWN));
            }
        }

        /** Whether there were queries, whose rows were all seen, and none gave more rows than before. */
        private static boolean rowsStayed(Tally fewer, Tally more) {
            boolean anyRead = false;
            for (Tally tally : List.of(fewer, more)) {
                for (Tally.Counted one : tally.statements()) {
                    if (one.fingerprint.kind != StatementKind.SELECT) continue;
                    anyRead = true;
                    if (tally.rows(one.fingerprint) < 0) return false;
                }
            }
            return anyRead
                    && more.statements().stream()
                            .allMatch(one -> more.rows(one.fingerprint) <= fewer.rows(one.fingerprint));
        }

        private String message(Map<String, int[]> counts, Tally fewer, Tally more) {
            StringBuilder grown = new StringBuilder(1_000);
            StringBuilder rest = new StringBuilder(1_000);
            Set<String> shown = new LinkedHashSet<>();
            List<Tally.Counted> both = new ArrayList<>(more.statements());
            both.addAll(fewer.statements());
            for (Tally.Counted one : both) {
                int[] times = counts.get(one.fingerprint.id);
                if (times == null || !shown.add(one.fingerprint.id) || shown.size() > MOST_SHOWN) continue;
                StringBuilder line = times[1] > times[0] ? grown : rest;
                line.append(String.format(
                        "%n  %d → %d × %s", times[0], times[1], Tally.shortened(one.fingerprint.text, 300)));
                if (one.site != null) line.append(String.format("%n         at %s", one.site));
            }
            StringBuilder message = new StringBuilder("expected no more statements for " + many + " rows than for "
                    + few + ", but there were " + fewer.count(false) + " → " + more.count(false) + "; these grew:");
            message.append(grown);
            if (rest.length() > 0)
                message.append(String.format("%nthese did not:")).append(rest);
            for (Finding finding : more.scope().findings()) {
                message.append(System.lineSeparator())
                        .append(System.lineSeparator())
                        .append(finding.text());
            }
            return message.toString();
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // a checked exception passes as it is
    private static <X extends Throwable> X asItIs(Throwable thrown) throws X {
        throw (X) thrown;
    }

    /** Fails if no guard has seen a statement on any thread, as then nothing was tested. */
    static void refuseNoStatement(Tally tally, String ifNoneIsRight) {
        refuseUnwatched();
        if (tally.hasSeenAny()) return;
        throw new AssertionError(
                "no statement was executed, on any thread: does the code run one, and is its data source the"
                        + " one that QueryGuard.watch returned? If none is right, say " + ifNoneIsRight);
    }

    static void refuseUnwatched() {
        if (!Tally.isAnythingGuarded()) {
            throw new AssertionError(
                    "no data source is watched, so no statement can be seen: wrap it by QueryGuard.watch(…)");
        }
    }

    /** Fails if statements ran that may be the action's, and were not counted. */
    static void refuseStrangers(Tally tally) {
        String strangers = tally.strangers();
        if (strangers == null) return;
        String rival = tally.rival();
        if (rival != null) {
            LOG.warn(
                    "{}: {}; they may be of {} that ran at the same time, and were not counted",
                    tally.scope().name(),
                    strangers,
                    rival);
            return;
        }
        throw new AssertionError(
                "inconclusive: " + strangers + ": wrap the tasks of that pool by QueryScope.wrap, or count"
                        + " all threads by max(…).onAllThreads(), or, if they are of no interest, say ignoringOtherThreads()");
    }

    /** Fails if there are findings that the baseline does not know, or adds them to it if it is to be written. */
    static void refuseFindings(Tally tally, Set<FindingKind> kinds, @Nullable Baseline known) {
        List<Finding> all = new ArrayList<>();
        for (Finding finding : tally.scope().findings()) {
            if (kinds.contains(finding.kind())) all.add(finding);
        }
        List<Finding> fresh = known == null ? all : known.unknown(all);
        if (fresh.isEmpty()) return;
        StringBuilder message = new StringBuilder(1_000).append(fresh.size());
        if (known == null) message.append(fresh.size() == 1 ? " finding:" : " findings:");
        else
            message.append(fresh.size() == 1 ? " finding that is" : " findings that are")
                    .append(" not in ")
                    .append(known);
        for (Finding finding : fresh) {
            message.append(System.lineSeparator())
                    .append(System.lineSeparator())
                    .append(finding.text());
        }
        if (known != null) message.append(System.lineSeparator()).append(known.howToAccept(fresh));
        throw new AssertionError(message.toString());
    }
}
