package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.tenfold.jobs.EnqueueContract.Bell;
import dev.tenfold.jobs.EnqueueContract.SendReceipt;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CountingDataSource;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.PostgresServer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;

/** Two processes, of which one tells the other; here they are two queues with a data source each. */
class WakeupsTest {
    private static final PostgresServer POSTGRES = PostgresServer.shared();

    private final String database = POSTGRES.createDatabase();
    private final DataSource dataSource = POSTGRES.dataSource(database);
    private final List<AutoCloseable> open = new ArrayList<>();
    private final Bell bell = new Bell();

    @BeforeEach
    void install() {
        JobSchema.install(dataSource);
    }

    @AfterEach
    void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    // ---- means ------------------------------------------------------------------------------------------------------

    private JobQueue queue(DataSource on) {
        JobQueue queue = JobQueue.on(on);
        open.add(queue);
        return queue;
    }

    private Wakeups.Listening listen(JobQueue queue) {
        return listen(queue, Await.LIMIT);
    }

    private Wakeups.Listening listen(JobQueue queue, Duration patience) {
        queue.wakeups.add(bell);
        queue.wakeups.patienceMillis = (int) patience.toMillis();
        Wakeups.Listening listening = queue.wakeups.listen();
        open.add(listening);
        return listening;
    }

    private static String lane(JobQueue queue, Priority priority) {
        return queue.kinds.queueId("default") + ":" + priority.level();
    }

    private int connections() {
        return LeakCheck.connections(POSTGRES, database);
    }

    // ---- telling ----------------------------------------------------------------------------------------------------

    @Test
    void a_job_enqueued_in_one_process_wakes_a_worker_in_another() throws Exception {
        JobQueue here = queue(dataSource);
        JobQueue there = queue(dataSource);
        listen(here);
        assertThat(bell.next()).isEqualTo("all"); // it listens

        long began = System.nanoTime();
        there.enqueue(new SendReceipt(1), o -> o.priority(Priority.HIGH));

        assertThat(bell.next()).isEqualTo(lane(here, Priority.HIGH));
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void an_error_while_a_commit_is_looked_for_or_others_are_told_costs_one_hint_only() throws Exception {
        AtomicInteger looks = new AtomicInteger();
        AtomicInteger told = new AtomicInteger();
        JobQueue scarce = queue(asked(() -> {
            boolean first = isAskedBy(CommitWatcher.class)
                    ? looks.incrementAndGet() == 1
                    : isAskedBy(Notifier.class) && told.incrementAndGet() == 1;
            if (first) {
                throw new OutOfMemoryError("on purpose");
            }
        }));
        scarce.wakeups.add(bell);
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            scarce.in(connection).enqueue(new SendReceipt(1));
            Await.until("an error when it looked", () -> looks.get() > 0);
            connection.commit();
        }
        assertThat(bell.next()).isEqualTo(lane(scarce, Priority.NORMAL));

        Await.until("an error when it told others", () -> told.get() > 0);
        scarce.wake();
        Await.until("it tells them", () -> told.get() > 1);
    }

    /** The data source; who asks it for a connection does this before. */
    private DataSource asked(Runnable before) {
        return (DataSource) Proxy.newProxyInstance(
                DataSource.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, given) -> {
                    before.run();
                    try {
                        return method.invoke(dataSource, given);
                    } catch (InvocationTargetException e) {
                        throw e.getTargetException();
                    }
                });
    }

    private static boolean isAskedBy(Class<?> type) {
        return StackWalker.getInstance()
                .walk(frames -> frames.anyMatch(each -> each.getClassName().equals(type.getName())));
    }

    @Test
    void a_job_in_a_transaction_of_the_caller_wakes_a_worker_in_another_process() throws Exception {
        JobQueue here = queue(dataSource);
        JobQueue there = queue(dataSource);
        listen(here);
        assertThat(bell.next()).isEqualTo("all");

        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            there.in(connection).enqueue(new SendReceipt(1));
            connection.commit();
        }

        assertThat(bell.next()).isEqualTo(lane(here, Priority.NORMAL));
    }

    @Test
    void a_cancellation_and_a_call_to_all_arrive_too() throws Exception {
        JobQueue here = queue(dataSource);
        JobQueue there = queue(dataSource);
        listen(here);
        assertThat(bell.next()).isEqualTo("all");

        there.wakeups.cancelled(17);
        assertThat(bell.next()).isEqualTo("cancelled 17");
        there.wake();
        assertThat(bell.next()).isEqualTo("all");
    }

    @Test
    void what_a_process_tells_itself_is_heard_once() throws Exception {
        JobQueue here = queue(dataSource);
        JobQueue there = queue(dataSource);
        listen(here);
        assertThat(bell.next()).isEqualTo("all");

        here.enqueue(new SendReceipt(1));
        here.wakeups.close(); // nothing more leaves
        there.wakeups.cancelled(1);

        assertThat(bell.rung).containsExactly(lane(here, Priority.NORMAL));
    }

    @Test
    void queues_in_different_schemas_do_not_hear_each_other() throws Exception {
        JobSchema.install(dataSource, "other");
        JobQueue here = queue(dataSource);
        JobQueue there = queue(dataSource);
        JobQueue elsewhere = JobQueue.on(dataSource, o -> o.schema("other"));
        open.add(elsewhere);
        listen(here);
        assertThat(bell.next()).isEqualTo("all");

        elsewhere.enqueue(new SendReceipt(1));
        Await.until("its thread has told", () -> elsewhere.wakeups.isQuiet());
        there.wakeups.cancelled(17);

        assertThat(bell.next()).isEqualTo("cancelled 17");
    }

    @Test
    void ten_thousand_jobs_cause_a_notification_in_ten_milliseconds_at_most() throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(POSTGRES.jdbcUrl(database));
        config.setMaximumPoolSize(4);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            CountingDataSource counted = CountingDataSource.of(pool);
            try (JobQueue jobs = JobQueue.on(counted)) {
                long began = System.nanoTime();
                for (int i = 0; i < 10_000; i++) {
                    jobs.wakeups.wake(new Lane(1, i % 4));
                    if (i % 100 == 0) {
                        jobs.enqueue(new SendReceipt(i));
                    }
                }
                Await.until("its thread has told", () -> jobs.wakeups.isQuiet());
                long tenMillis = Duration.ofNanos(System.nanoTime() - began).toMillis() / 10;

                assertThat(counted.sql().stream().filter(sql -> sql.contains("pg_notify")))
                        .hasSizeBetween(1, (int) tenMillis + 2);
            }
        }
    }

    @Test
    void nothing_is_told_where_that_is_turned_off() throws Exception {
        CountingDataSource counted = CountingDataSource.of(dataSource);
        try (JobQueue jobs = JobQueue.on(counted, o -> o.notifies(false))) {
            jobs.enqueue(new SendReceipt(1));
            jobs.wakeups.listen().close();
            try (Connection connection = dataSource.getConnection()) {
                connection.setAutoCommit(false);
                jobs.in(connection).enqueue(new SendReceipt(2)); // nobody sleeps here, so nobody looks
                connection.commit();
            }
            assertThat(jobs.wakeups.isQuiet()).isTrue();
            assertThat(counted.sql()).noneMatch(sql -> sql.contains("notify") || sql.startsWith("listen"));
        }
    }

    // ---- listening --------------------------------------------------------------------------------------------------

    @Test
    void a_listener_whose_connection_is_cut_comes_back_and_wakes_all() throws Exception {
        FaultProxy proxy = FaultProxy.to(POSTGRES.host(), POSTGRES.port());
        open.add(proxy);
        JobQueue here = queue(through(proxy));
        JobQueue there = queue(dataSource);
        listen(here);
        assertThat(bell.next()).isEqualTo("all");
        int queue = here.kinds.queueId("default");

        proxy.cut();
        there.enqueue(new SendReceipt(1)); // nobody hears it
        Await.until("its thread has told", () -> there.wakeups.isQuiet());
        proxy.resume();

        assertThat(bell.next()).isEqualTo("all");
        there.enqueue(new SendReceipt(1), o -> o.priority(Priority.LOW));
        assertThat(bell.next()).isEqualTo(queue + ":3");
    }

    @Test
    void a_silent_connection_is_found_dead() throws Exception {
        FaultProxy proxy = FaultProxy.to(POSTGRES.host(), POSTGRES.port());
        open.add(proxy);
        JobQueue here = queue(through(proxy));
        listen(here, Duration.ofSeconds(3));
        assertThat(bell.next()).isEqualTo("all");
        Await.until("only the listener is connected", () -> proxy.connections() == 1);

        proxy.halfOpen();
        Await.until("the listener gives its connection up and makes another", () -> proxy.connections() >= 2);
        proxy.resume();

        assertThat(bell.next()).isEqualTo("all");
    }

    @Test
    void where_notifications_do_not_arrive_the_listener_gives_up() throws Exception {
        CountDownLatch listens = new CountDownLatch(1);
        JobQueue behind = queue(deaf(dataSource, listens));
        Wakeups.Listening listening = listen(behind, Duration.ofSeconds(1));

        Await.latch(listens);
        Await.until("it gives its connection back", () -> connections() == 0);
        behind.enqueue(new SendReceipt(1)); // what happens here is still heard

        assertThat(bell.rung).containsExactly(lane(behind, Priority.NORMAL));
        listening.close();
    }

    /** As behind a PgBouncer that pools transactions: a LISTEN goes to whichever session. */
    private static DataSource deaf(DataSource target, CountDownLatch listens) {
        return proxy(
                DataSource.class,
                target,
                listens,
                (method, result) -> result instanceof Connection connection
                        ? proxy(
                                Connection.class,
                                connection,
                                listens,
                                (name, made) -> made instanceof Statement statement && name.equals("createStatement")
                                        ? proxy(Statement.class, statement, listens, null)
                                        : made)
                        : result);
    }

    private interface After {
        Object apply(String method, Object result);
    }

    private static <T> T proxy(Class<T> type, T target, CountDownLatch listens, @Nullable After after) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
            if (args != null && args.length == 1 && args[0] instanceof String sql && sql.startsWith("listen")) {
                listens.countDown();
                return false;
            }
            try {
                Object result = method.invoke(target, args);
                return after == null || result == null ? result : after.apply(method.getName(), result);
            } catch (InvocationTargetException e) {
                throw e.getTargetException();
            }
        }));
    }

    @Test
    void listeners_share_one_connection_which_ends_with_the_last() throws Exception {
        JobQueue jobs = queue(dataSource);
        jobs.wakeups.add(bell);
        Wakeups.Listening one = jobs.wakeups.listen();
        Wakeups.Listening two = jobs.wakeups.listen();
        assertThat(bell.next()).isEqualTo("all");
        Await.until("only the listener is connected", () -> connections() == 1);

        one.close();
        one.close(); // counts once
        assertThat(connections()).isEqualTo(1);
        two.close();

        Await.until("the connection is gone", () -> connections() == 0);
    }

    // ---- the end ----------------------------------------------------------------------------------------------------

    @Test
    void nothing_is_left_behind() throws Exception {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        JobQueue jobs = JobQueue.on(dataSource);
        jobs.wakeups.add(bell);
        Wakeups.Listening listening = jobs.wakeups.listen();
        assertThat(bell.next()).isEqualTo("all");
        jobs.enqueue(new SendReceipt(1));
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            jobs.in(connection).enqueue(new SendReceipt(2));
            connection.rollback();
        }

        jobs.close();
        listening.close();
        jobs.close();

        before.assertNothingLeaked();
        Await.until("no connection is left", () -> connections() == 0);
    }

    @Test
    void it_closes_in_bounded_time_while_the_database_is_silent() throws Exception {
        FaultProxy proxy = FaultProxy.to(POSTGRES.host(), POSTGRES.port());
        open.add(proxy);
        JobQueue jobs = queue(through(proxy));
        listen(jobs);
        assertThat(bell.next()).isEqualTo("all");
        proxy.halfOpen();
        jobs.wakeups.wake(null); // a NOTIFY that nobody answers

        long began = System.nanoTime();
        jobs.close();

        Duration took = Duration.ofNanos(System.nanoTime() - began);
        proxy.resume();
        assertThat(took).isLessThan(Duration.ofSeconds(20));
    }

    private DataSource through(FaultProxy proxy) {
        PGSimpleDataSource via = new PGSimpleDataSource();
        via.setUrl(POSTGRES.jdbcUrl(database, proxy));
        via.setConnectTimeout(5);
        return via;
    }
}
