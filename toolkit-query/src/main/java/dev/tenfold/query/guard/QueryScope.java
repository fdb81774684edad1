package dev.tenfold.query.guard;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The statements of one request, job or test, which are judged together.
 *
 * <p>A statement counts to the innermost scope that is open on its thread, whichever {@link QueryGuard} it goes through.
 * Threads that are started inside, virtual ones too, count to it as well. Threads of a pool do not, as they work for others
 * too: {@link #wrap(Runnable)} what you give them. Where no scope is open, a virtual thread's life is one, and on other threads the time between a connection's borrowing and its return.
 *
 * <p>Thread-safe, but for {@link #open} and {@link #close}, which belong to one thread.
 */
public final class QueryScope implements AutoCloseable {
    /** Statements beyond so many different ones are counted, and not judged. */
    private static final int MOST_ENTRIES = 1024;

    private static final int MOST_FINDINGS = 100;

    private static final long ADD_UP_EVERY = TimeUnit.SECONDS.toNanos(1);

    /** How many are open that {@link #open} made. */
    private static final LongAdder OPEN = new LongAdder();

    /** Whether any was ever opened: else there is nothing to carry to other threads. */
    private static volatile boolean everOpened;

    private final String name;
    private volatile @Nullable QueryScope parent;
    private final int threshold;
    private final List<Finding> findings = new ArrayList<>(0);

    private Entry @Nullable [] table;
    private int entries;
    private long statements;
    /** Of them, those of scopes inside of it. */
    private long statementsInside;

    private long nanos;
    private boolean hasBegun;
    private long addedUpAt;
    private long lastEnd;
    private int commits;
    private int switches;
    private boolean isPaused;
    private long pausedAt;
    private volatile boolean saidMany;
    private volatile boolean closed;

    /** A threshold of 0 is the guard's. */
    QueryScope(String name, @Nullable QueryScope parent, int threshold) {
        this.name = name;
        this.parent = parent;
        this.threshold = threshold;
    }

    /**
     * Opens a scope on this thread, to be closed by this thread. It may be opened inside of another one.
     *
     * @param name says which request it is, as {@code "GET /feed"}: of few values, for it is part of findings
     * @return the scope
     * @throws IllegalArgumentException if the name is blank
     */
    public static QueryScope open(String name) {
        return open(name, 0);
    }

    /** Judges from the given number of executions on; 0 for that of the scope around it, or the guard's. */
    static QueryScope open(String name, int threshold) {
        ThreadState thread = ThreadState.current();
        if (name.isBlank()) throw new IllegalArgumentException("a scope's name must not be blank: findings say it");
        QueryScope scope = inside(name, thread.scope(), threshold);
        OPEN.increment();
        thread.enter(scope);
        return scope;
    }

    /** A scope inside of another one, to be entered by the caller. */
    static QueryScope inside(String name, @Nullable QueryScope around, int threshold) {
        everOpened = true;
        return new QueryScope(name, around, threshold == 0 && around != null ? around.threshold : threshold);
    }

    /** How many are open that {@link #open} made, on all threads. */
    static long openNow() {
        return OPEN.sum();
    }

    /**
     * Carries the caller's scope to another thread.
     *
     * @param task what is to count to it
     * @return a task that can be given to a pool; if no scope is open here, the task itself
     */
    public static Runnable wrap(Runnable task) {
        Objects.requireNonNull(task, "task");
        if (!everOpened) return task;
        QueryScope scope = ThreadState.current().scope();
        if (scope == null) return task;
        return () -> {
            ThreadState thread = ThreadState.current();
            QueryScope before = thread.scope();
            thread.enter(scope);
            try {
                task.run();
            } finally {
                thread.enter(before);
                thread.forgetIfIdle();
            }
        };
    }

    /**
     * Carries the caller's scope to another thread.
     *
     * @param <T> what it returns
     * @param task what is to count to it
     * @return a task that can be given to a pool; if no scope is open here, the task itself
     */
    public static <T> Callable<T> wrap(Callable<T> task) {
        Objects.requireNonNull(task, "task");
        if (!everOpened) return task;
        QueryScope scope = ThreadState.current().scope();
        if (scope == null) return task;
        return () -> {
            ThreadState thread = ThreadState.current();
            QueryScope before = thread.scope();
            thread.enter(scope);
            try {
                return task.call();
            } finally {
                thread.enter(before);
                thread.forgetIfIdle();
            }
        };
    }

    /**
     * An executor that carries the scope of each task's giver.
     *
     * @param executor runs the tasks
     * @return an executor
     */
    public static Executor wrap(Executor executor) {
        Objects.requireNonNull(executor, "executor");
        return task -> executor.execute(wrap(task));
    }

    /**
     * How many statements were executed, those of scopes inside of it that are closed among them. A batch is one.
     *
     * @return a count
     */
    public synchronized long statements() {
        return statements;
    }

    /**
     * What was found in it so far, with the totals of this scope alone; what was found in scopes inside of it that are closed
     * comes first. At most a hundred are kept.
     *
     * @return a copy
     */
    public synchronized List<Finding> findings() {
        List<Finding> all = new ArrayList<>(findings);
        if (table != null) {
            for (Entry entry : table) {
                if (entry != null && entry.verdict != null) all.add(entry.verdict.finding(entry));
            }
        }
        return List.copyOf(all);
    }

    /** Ends it: what it counted is added to the scope around it. A second call does nothing. */
    @Override
    public void close() {
        if (end()) OPEN.decrement();
        ThreadState thread = ThreadState.current();
        thread.enter(thread.scope());
        thread.forgetIfIdle();
    }

    String name() {
        return name;
    }

    /** The innermost scope around it that is open; null if there is none. */
    @Nullable
    QueryScope parent() {
        QueryScope around = parent;
        if (around == null || !around.closed) return around;
        // What is closed is let go, or a scope would keep all that ever were around each other.
        while (around != null && around.closed) {
            around = around.parent;
        }
        parent = around;
        return around;
    }

    boolean isClosed() {
        return closed;
    }

    /** What {@link #close} does, on any thread; whether it was open until now. */
    boolean end() {
        Entry most;
        List<Runnable> news = new ArrayList<>(0);
        synchronized (this) {
            if (closed) return false;
            most = settle(news);
            List<Finding> all = findings();
            findings.clear();
            all.forEach(this::found);
            if (Tally.all != null) Tally.ended(this);
            closed = true;
            table = null;
        }
        tell(news, most);
        QueryScope around = parent();
        while (around != null && !around.include(statements, nanos, findings())) {
            around = parent();
        }
        QueryGuard guard = most == null ? null : most.guard;
        if (around == null && guard != null && !name.isEmpty()) {
            guard.verdicts().safely(() -> guard.ended(statements));
        }
        return true;
    }

    /** Tells what there is so far, of a scope of which nobody says when it ends. */
    void pause(long now) {
        Entry most;
        List<Runnable> news = new ArrayList<>(0);
        synchronized (this) {
            if (closed) return;
            most = settle(news);
            isPaused = true;
            pausedAt = now;
        }
        tell(news, most);
    }

    /** Nanoseconds since the last pause; 0 if there was none. */
    synchronized long idle(long now) {
        return isPaused ? now - pausedAt : 0;
    }

    private void tell(List<Runnable> news, @Nullable Entry most) {
        news.forEach(Runnable::run);
        if (most == null || saidMany) return;
        saidMany = most.guard.verdicts().isMany(this, statements - statementsInside, most);
    }

    /** Adds up, and gives what is to be told, without the lock, of verdicts since the last time. */
    private @Nullable Entry settle(List<Runnable> news) {
        if (table == null) return null;
        Entry most = null;
        for (Entry entry : table) {
            if (entry == null) continue;
            entry.addUp(lastEnd);
            if (most == null || entry.count > most.count) most = entry;
            if (entry.verdict == null) continue;
            Finding more = entry.verdict.rest(entry);
            if (more != null) news.add(() -> entry.guard.verdicts().told(this, more));
        }
        return most;
    }

    /** Adds what a scope inside of it had; false if it is closed itself. */
    private synchronized boolean include(long inside, long took, List<Finding> found) {
        if (closed) return false;
        statements += inside;
        statementsInside += inside;
        nanos += took;
        found.forEach(this::found);
        return true;
    }

    synchronized void found(Finding finding) {
        if (findings.size() < MOST_FINDINGS) findings.add(finding);
    }

    synchronized void committed() {
        commits++;
    }

    /** Another schema or catalog was chosen for a connection. */
    synchronized void switched() {
        switches++;
    }

    /** Commits in it, not by the driver itself. */
    synchronized int commits() {
        return commits;
    }

    synchronized int switches() {
        return switches;
    }

    /** Whether it says itself from when on to judge. */
    boolean isOfTest() {
        return threshold > 0;
    }

    /**
     * Counts an execution.
     *
     * @param values the parameters' values, whole numbers as they are, others as hashes
     * @param count how many of them
     * @param start nano time before
     * @param end nano time after
     * @param batch how many sets of values it carried
     * @return what is known in this scope of its statement; null if that is not followed
     */
    @Nullable
    Entry count(QueryGuard guard, Text text, long[] values, int count, long start, long end, int batch) {
        Entry entry;
        boolean isTimeToTell = false;
        synchronized (this) {
            if (closed) return null;
            statements++;
            nanos += end - start;
            lastEnd = end;
            entry = entry(guard, text);
            if (entry == null) {
                guard.counted(1);
                text.fingerprint.executions.add(1, end - start, end - start, end);
                return null;
            }
            entry.add(text, values, count, end - start, batch, end);
            if (!hasBegun) {
                hasBegun = true;
                addedUpAt = end;
            } else if (end - addedUpAt > ADD_UP_EVERY) {
                isTimeToTell = true;
                addedUpAt = end;
            }
        }
        if (isTimeToTell) tellSoFar();
        if (entry.count >= entry.lookFrom) guard.verdicts().look(this, entry);
        return entry;
    }

    /** Once a second, of a scope that goes on. */
    private void tellSoFar() {
        List<Runnable> news = new ArrayList<>(0);
        synchronized (this) {
            settle(news);
        }
        news.forEach(Runnable::run);
    }

    private @Nullable Entry entry(QueryGuard guard, Text text) {
        Fingerprint fingerprint = text.fingerprint;
        Entry[] slots = table;
        if (slots == null) {
            slots = new Entry[8];
            table = slots;
        }
        int mask = slots.length - 1;
        int i = fingerprint.hash & mask;
        while (true) {
            Entry entry = slots[i];
            if (entry == null) break;
            if (entry.fingerprint == fingerprint) return entry;
            i = (i + 1) & mask;
        }
        if (entries == MOST_ENTRIES) return null;
        Entry entry = new Entry(
                guard, fingerprint, threshold > 0 ? threshold : guard.options().threshold(), entries);
        entry.looksAtRows = isOfTest();
        fingerprint.executions.sample(text.sql);
        slots[i] = entry;
        entries++;
        if (entries * 2 > slots.length) grow(slots);
        return entry;
    }

    private void grow(Entry[] slots) {
        Entry[] larger = new Entry[slots.length * 2];
        int mask = larger.length - 1;
        for (Entry entry : slots) {
            if (entry == null) continue;
            int i = entry.fingerprint.hash & mask;
            while (larger[i] != null) {
                i = (i + 1) & mask;
            }
            larger[i] = entry;
        }
        table = larger;
    }

    /** The entries in the order of their first executions. */
    synchronized List<Entry> entries() {
        List<Entry> all = new ArrayList<>(entries);
        if (table != null) {
            for (Entry entry : table) {
                if (entry != null) all.add(entry);
            }
        }
        all.sort((a, b) -> Integer.compare(a.order, b.order));
        return all;
    }
}
