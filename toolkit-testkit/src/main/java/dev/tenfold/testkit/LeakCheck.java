package dev.tenfold.testkit;

import static java.util.stream.Collectors.joining;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test that leaves threads or TCP sockets behind: {@code @ExtendWith(LeakCheck.class)}, or {@link #snapshot()}
 * around any piece of code.
 *
 * <p>Compared is what there is after with what there was before; what still goes away within ten seconds is no leak. Not
 * counted are threads of the JDK itself (everything in its own thread groups: cleaners, process reapers, carriers and
 * pollers of virtual threads, timers of the HTTP client; the common pool, and the timer of completable futures), of the
 * test runner (names that start with {@code surefire-} or {@code junit-}), of this package's leashes, and the cleaner and
 * timer that the PostgreSQL and MariaDB drivers keep for the JVM. Sockets are those of this process that listen, are
 * established, or wait to be closed.
 *
 * <p>It does not see virtual threads, and no sockets on systems without {@code /proc}. It cannot tell who opened what: do
 * not use it on tests that run concurrently with others.
 */
public final class LeakCheck implements BeforeEachCallback, AfterEachCallback {
    private static final Duration SETTLE_LIMIT = Duration.ofSeconds(10);
    private static final Set<String> JDK_GROUPS = Set.of("system", "InnocuousThreadGroup", "CarrierThreads");
    private static final List<String> ALLOWED = List.of(
            "ForkJoinPool.commonPool-",
            "CompletableFutureDelayScheduler",
            "surefire-",
            "junit-",
            "tenfold-leash-",
            "PostgreSQL-JDBC-",
            "mariadb-",
            "MariaDb-");
    private static final ExtensionContext.Namespace SPACE = ExtensionContext.Namespace.create(LeakCheck.class);

    /** Creates the extension; JUnit does this. */
    public LeakCheck() {}

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(SPACE).put(Snapshot.class, snapshot());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Snapshot before = context.getStore(SPACE).get(Snapshot.class, Snapshot.class);
        Objects.requireNonNull(before, "no snapshot: beforeEach has not run").assertNothingLeaked();
    }

    /**
     * Notes the threads and sockets that there are now.
     *
     * @return what to compare with later
     */
    public static Snapshot snapshot() {
        return new Snapshot(
                Thread.getAllStackTraces().keySet(), OpenSockets.now().keySet());
    }

    /**
     * Counts the clients connected to a database now. A connection closed a moment ago may still count: poll.
     *
     * @param server the server
     * @param database the database's name
     * @return the number of client connections, without the one that asks
     * @throws IllegalStateException if the server does not answer
     */
    public static int connections(PostgresServer server, String database) {
        return Integer.parseInt(server.ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                + " AND pid <> pg_backend_pid() AND datname = '" + database.replace("'", "''") + "'"));
    }

    /** The threads and sockets of one moment. Immutable, thread-safe. */
    public static final class Snapshot {
        private final Set<Thread> threads;
        private final Set<String> sockets;

        private Snapshot(Set<Thread> threads, Set<String> sockets) {
            this.threads = Set.copyOf(threads);
            this.sockets = Set.copyOf(sockets);
        }

        /**
         * Compares with what there is now. Returns at once if there is nothing new, else polls for ten seconds at most.
         *
         * @throws AssertionError if threads or sockets stay; it names the threads with their stacks, the sockets with
         *     their ports
         */
        public void assertNothingLeaked() {
            assertNothingLeaked(SETTLE_LIMIT);
        }

        void assertNothingLeaked(Duration limit) {
            if (Local.await(limit, () -> newThreads().isEmpty() && newSockets().isEmpty())) return;
            List<String> leaks = new ArrayList<>();
            for (Thread thread : newThreads()) leaks.add(describe(thread));
            newSockets().values().forEach(socket -> leaks.add("socket " + socket));
            if (leaks.isEmpty()) return;
            throw new AssertionError("still there " + limit.toSeconds() + " s later; close what owns them:\n"
                    + String.join("\n", leaks));
        }

        private Set<Thread> newThreads() {
            Set<Thread> left = new LinkedHashSet<>(Thread.getAllStackTraces().keySet());
            left.removeAll(threads);
            left.removeIf(thread -> !thread.isAlive() || isAllowed(thread));
            return left;
        }

        private Map<String, String> newSockets() {
            Map<String, String> left = new TreeMap<>(OpenSockets.now());
            left.keySet().removeAll(sockets);
            return left;
        }

        private static boolean isAllowed(Thread thread) {
            ThreadGroup group = thread.getThreadGroup();
            return group == null
                    || JDK_GROUPS.contains(group.getName())
                    || ALLOWED.stream().anyMatch(thread.getName()::startsWith);
        }

        private static String describe(Thread thread) {
            StackTraceElement[] stack = thread.getStackTrace();
            return "thread \"" + thread.getName() + "\" " + thread.getState()
                    + List.of(stack).stream().map(frame -> "\n    at " + frame).collect(joining());
        }
    }
}
