package dev.tenfold.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedSuccessfully;
import static org.junit.platform.testkit.engine.EventConditions.finishedWithFailure;
import static org.junit.platform.testkit.engine.EventConditions.test;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.instanceOf;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.message;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.sql.Connection;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.platform.testkit.engine.EngineTestKit;

class LeakCheckTest {
    private static final Duration SHORT = Duration.ofSeconds(1);

    @Test
    void a_leaked_thread_is_reported_with_its_stack() throws Exception {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        CountDownLatch end = new CountDownLatch(1);
        Thread thread = new Thread(() -> waitFor(end), "left-behind");
        thread.start();
        Await.until("it waits", () -> thread.getState() == Thread.State.WAITING);
        try {
            assertThatThrownBy(() -> before.assertNothingLeaked(SHORT))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("thread \"left-behind\"")
                    .hasMessageContaining("LeakCheckTest.waitFor");
        } finally {
            end.countDown();
            thread.join();
        }
        before.assertNothingLeaked();
    }

    @Test
    void a_leaked_socket_is_reported_with_its_port() throws Exception {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket client = new Socket(server.getInetAddress(), server.getLocalPort())) {
            assertThatThrownBy(() -> before.assertNothingLeaked(SHORT))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("socket listens port " + server.getLocalPort())
                    .hasMessageContaining(
                            "socket established port " + client.getLocalPort() + " → port " + server.getLocalPort());
        }
        before.assertNothingLeaked();
    }

    @Test
    void what_ends_soon_after_is_no_leak() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        CountDownLatch end = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        pool.execute(() -> waitFor(end));
        Thread closer = new Thread(
                () -> {
                    // Lets go once the check is looking: it polls, so it has a stack of its own by then.
                    Local.await(Duration.ofMillis(100), () -> false);
                    end.countDown();
                    pool.shutdown();
                },
                "closer");
        closer.start();
        assertThatCode(before::assertNothingLeaked).doesNotThrowAnyException();
        assertThat(pool.isTerminated()).isTrue();
    }

    @Test
    void the_jdks_timer_of_futures_is_no_leak() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        assertThat(new CompletableFuture<String>().completeOnTimeout("late", 1, TimeUnit.MILLISECONDS))
                .succeedsWithin(Await.LIMIT)
                .isEqualTo("late");
        before.assertNothingLeaked(SHORT);
    }

    @Test
    void what_was_there_before_is_no_leak() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            LeakCheck.Snapshot before = LeakCheck.snapshot();
            assertThat(server.isBound()).isTrue();
            before.assertNothingLeaked();
        }
    }

    @Test
    void servers_that_start_are_no_leak() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        RedisServer.shared().version();
        PostgresServer.shared().ask("SELECT 1");
        MariaDbServer.shared().ask("SELECT 1");
        try (RedisServer own = RedisServer.start()) {
            own.version();
        }
        before.assertNothingLeaked();
    }

    @Test
    void a_leaked_postgresql_connection_is_counted() throws Exception {
        PostgresServer server = PostgresServer.shared();
        String database = server.createDatabase();
        assertThat(LeakCheck.connections(server, database)).isZero();
        try (Connection one = server.dataSource(database).getConnection();
                Connection two = server.dataSource(database).getConnection()) {
            assertThat(one.isValid(30)).isEqualTo(two.isValid(30));
            assertThat(LeakCheck.connections(server, database)).isEqualTo(2);
            assertThat(LeakCheck.connections(server, server.createDatabase())).isZero();
        }
        Await.until("they are gone", () -> LeakCheck.connections(server, database) == 0);
    }

    @Test
    void as_an_extension_it_fails_the_test_that_leaks_and_passes_the_clean_one() {
        EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(TwoTests.class))
                .execute()
                .testEvents()
                .assertThatEvents()
                .haveExactly(1, event(test("clean"), finishedSuccessfully()))
                .haveExactly(
                        1,
                        event(
                                test("leaks"),
                                finishedWithFailure(
                                        instanceOf(AssertionError.class),
                                        message(text -> text.contains("thread \"left-by-a-test\"")))));
        TwoTests.END.countDown();
    }

    /** Run by the test above alone: the runner of this suite leaves nested classes out. */
    @ExtendWith(LeakCheck.class)
    static class TwoTests {
        static final CountDownLatch END = new CountDownLatch(1);

        @Test
        void clean() throws Exception {
            Thread thread = new Thread(() -> {}, "ends");
            thread.start();
            thread.join();
        }

        @Test
        void leaks() {
            new Thread(() -> waitFor(END), "left-by-a-test").start();
        }
    }

    private static void waitFor(CountDownLatch end) {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
