package dev.tenfold.query.guard;

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
    private LongSupplier nanos = System::nanoTime;

    private GuardOptions(@Nullable GuardOptions from) {
        if (from == null) return;
        threshold = from.threshold;
        manyStatements = from.manyStatements;
        listener = from.listener;
        libraries = from.libraries;
        ignoredSites = from.ignoredSites;
        ignoredStatements = from.ignoredStatements;
        nanos = from.nanos;
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
    GuardOptions nanos(LongSupplier clock) {
        GuardOptions changed = new GuardOptions(this);
        changed.nanos = clock;
        return changed;
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

    LongSupplier nanos() {
        return nanos;
    }
}
