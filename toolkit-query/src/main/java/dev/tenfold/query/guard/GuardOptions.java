package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** From when on a {@link QueryGuard} reports what. Immutable: each method returns changed options. */
public final class GuardOptions {
    static final GuardOptions DEFAULTS = new GuardOptions(null);

    // Assigned by the method that makes changed options, before anyone else sees them.
    private int threshold = 10;
    private int manyStatements = 100;
    private @Nullable Consumer<Finding> listener;
    private List<String> libraries = List.of();
    private List<String> ignoredSites = List.of();
    private List<String> ignoredStatements = List.of();
    private long slowerThan = Duration.ofMillis(500).toNanos();
    private long heldFor = Duration.ofMillis(500).toNanos();
    private int samples = 100;
    private LongSupplier nanoClock = System::nanoTime;

    private GuardOptions(@Nullable GuardOptions from) {
        if (from == null) return;
        threshold = from.threshold;
        manyStatements = from.manyStatements;
        listener = from.listener;
        libraries = from.libraries;
        ignoredSites = from.ignoredSites;
        ignoredStatements = from.ignoredStatements;
        slowerThan = from.slowerThan;
        heldFor = from.heldFor;
        samples = from.samples;
        nanoClock = from.nanoClock;
    }

    /**
     * From how many executions in one scope on a statement is judged. Default 10; assertions in tests take 3.
     *
     * @param executions at least 2, at most 16
     * @return changed options
     * @throws IllegalArgumentException if it is outside of these
     */
    public GuardOptions threshold(int executions) {
        if (executions < 2 || executions > 16) {
            throw new IllegalArgumentException("threshold " + executions + " must be from 2 to 16");
        }
        GuardOptions changed = new GuardOptions(this);
        changed.threshold = executions;
        return changed;
    }

    /**
     * From how many statements in one scope on that is reported as {@link FindingKind#MANY_STATEMENTS}, when it ends. Scopes
     * of assertions in tests say themselves how many they allow, and are left out.
     *
     * @param statements at least 1; default 100
     * @return changed options
     * @throws IllegalArgumentException if it is less than 1
     */
    public GuardOptions manyStatements(int statements) {
        if (statements < 1) {
            throw new IllegalArgumentException("manyStatements " + statements + " must be at least 1");
        }
        GuardOptions changed = new GuardOptions(this);
        changed.manyStatements = statements;
        return changed;
    }

    /**
     * An execution is reported as {@link FindingKind#SLOW} if it takes so long. A batch counts as long as one of its sets
     * of values takes on average. The time to read the rows does not count.
     *
     * <p>Whatever this says, a statement is reported too if it takes twice as long as within the hour before and at least a
     * hundredth of the time.
     *
     * @param time more than zero; default 500 ms
     * @return changed options
     * @throws IllegalArgumentException if it is not more than zero
     */
    public GuardOptions slowerThan(Duration time) {
        GuardOptions changed = new GuardOptions(this);
        changed.slowerThan = nanos("slowerThan", time);
        return changed;
    }

    /**
     * A connection is reported as {@link FindingKind#HELD_CONNECTION} if it comes back after so long, and worked for at
     * most a third of that. As long as a statement is open that fetches its rows in portions, it may be working, so that
     * idle time in between is missed; and a connection that was unwrapped is not judged, nor one that never comes back.
     *
     * @param time more than zero; default 500 ms
     * @return changed options
     * @throws IllegalArgumentException if it is not more than zero
     */
    public GuardOptions heldFor(Duration time) {
        GuardOptions changed = new GuardOptions(this);
        changed.heldFor = nanos("heldFor", time);
        return changed;
    }

    /**
     * How many executions of a statement, of those whose rows are looked at, have to leave the same columns unread before
     * {@link FindingKind#UNREAD_COLUMNS} is reported; a fifth of them, and ten, is enough for {@link FindingKind#UNREAD_ROWS}. The
     * first 16 executions of each statement are looked at, later ones so seldom that it takes about a hundredth of the time,
     * and in scopes of tests all.
     *
     * <p>An execution of which no column is read at all, as one that asks whether there is a row, says nothing of columns;
     * and columns that make less than 16 bytes a row together are not reported. Rows left unread are told only of drivers
     * that are known to fetch all of them at once: those of PostgreSQL, MySQL and MariaDB.
     *
     * @param executions at least 1; default 100
     * @return changed options
     * @throws IllegalArgumentException if it is less than 1
     */
    public GuardOptions samples(int executions) {
        if (executions < 1) throw new IllegalArgumentException("samples " + executions + " must be at least 1");
        GuardOptions changed = new GuardOptions(this);
        changed.samples = executions;
        return changed;
    }

    /**
     * Who is told of findings: once when one is found, and then, when it is seen again, of its new totals at most once a
     * minute. It is called on the thread that executes the statement, so it must be quick. What it throws is logged, and does
     * not reach the application. Default: nobody; findings are logged as warnings in any case, each at most once an hour.
     *
     * @param newListener replaces the one before; called by several threads at once
     * @return changed options
     */
    public GuardOptions listener(Consumer<Finding> newListener) {
        GuardOptions changed = new GuardOptions(this);
        changed.listener = Objects.requireNonNull(newListener, "listener");
        return changed;
    }

    /**
     * Packages that are not the application's, beyond the usual libraries: a call site is the innermost frame outside of them.
     * Name those that run statements for others, as {@code "com.acme.orm"}.
     *
     * @param packages names, each with all that is below it; added to those before
     * @return changed options
     * @throws IllegalArgumentException if one is blank
     */
    public GuardOptions libraries(String... packages) {
        GuardOptions changed = new GuardOptions(this);
        changed.libraries = with("libraries", libraries, packages);
        return changed;
    }

    /**
     * Where nothing is reported: patterns of class and method, of which each {@code *} stands for any characters, as {@code
     * "com.acme.report.*"} or {@code "*.Import.run"}. They are compared with each of the application's frames on the stack, so
     * what an ignored method calls is ignored too. See also {@link IgnoreQueries}.
     *
     * @param patterns of class and method; added to those before
     * @return changed options
     * @throws IllegalArgumentException if one is blank
     */
    public GuardOptions ignoreSites(String... patterns) {
        GuardOptions changed = new GuardOptions(this);
        changed.ignoredSites = with("ignoreSites", ignoredSites, patterns);
        return changed;
    }

    /**
     * Statements that are not reported: patterns of which each {@code *} stands for any characters, as {@code "*from
     * setting*"}. They are compared with the statement as it is in findings: in lower case outside of quotes, with its literals
     * taken out. A comment {@code /* tenfold:ignore *}{@code /} in the statement does the same.
     *
     * @param patterns of statements; added to those before
     * @return changed options
     * @throws IllegalArgumentException if one is blank
     */
    public GuardOptions ignoreStatements(String... patterns) {
        GuardOptions changed = new GuardOptions(this);
        changed.ignoredStatements = with("ignoreStatements", ignoredStatements, patterns);
        return changed;
    }

    /** For tests: elapsed time. */
    GuardOptions nanoClock(LongSupplier clock) {
        GuardOptions changed = new GuardOptions(this);
        changed.nanoClock = Objects.requireNonNull(clock, "clock");
        return changed;
    }

    private static long nanos(String knob, Duration time) {
        if (time.isZero() || time.isNegative()) {
            throw new IllegalArgumentException(knob + " " + time + " must be more than zero");
        }
        return time.compareTo(Duration.ofDays(365)) > 0 ? Duration.ofDays(365).toNanos() : time.toNanos();
    }

    private static List<String> with(String knob, List<String> before, String[] more) {
        List<String> all = new ArrayList<>(before);
        for (String each : more) {
            if (each.isBlank()) {
                throw new IllegalArgumentException(knob + " " + Arrays.toString(more) + " must not have a blank one");
            }
            all.add(each);
        }
        return List.copyOf(all);
    }

    int threshold() {
        return threshold;
    }

    int manyStatements() {
        return manyStatements;
    }

    @Nullable
    Consumer<Finding> listener() {
        return listener;
    }

    List<String> libraries() {
        return libraries;
    }

    List<String> ignoredSites() {
        return ignoredSites;
    }

    List<String> ignoredStatements() {
        return ignoredStatements;
    }

    long slowerThan() {
        return slowerThan;
    }

    long heldFor() {
        return heldFor;
    }

    int samples() {
        return samples;
    }

    LongSupplier nanoClock() {
        return nanoClock;
    }
}
