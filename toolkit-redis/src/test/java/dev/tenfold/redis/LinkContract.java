package dev.tenfold.redis;

import static dev.tenfold.redis.Network.bytes;
import static dev.tenfold.redis.Network.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.LeakCheck;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.KeyValue;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandInterruptedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What every link does, wherever its connections come from. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class LinkContract {
    private static final AtomicInteger KEYS = new AtomicInteger();
    private static final RedisScript<Long> ADD =
            RedisScript.of("return redis.call('INCRBY', KEYS[1], ARGV[1])", RedisScript.Reply.INTEGER);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private @Nullable Network started;

    /** Starts what the links lead to. */
    abstract Network start();

    /** Opens a link to it. */
    abstract RedisLink open(Network network, UnaryOperator<RedisOptions> options);

    @BeforeAll
    void startNetwork() {
        started = start();
    }

    @AfterEach
    void closeLinks() throws Exception {
        for (AutoCloseable link : opened) link.close();
        opened.clear();
        network().heal();
    }

    @AfterAll
    void stopNetwork() throws Exception {
        network().close();
    }

    final Network network() {
        Network network = started;
        if (network == null) throw new IllegalStateException("not started");
        return network;
    }

    /** A link that is given the time that a busy machine takes, to connect and for commands. */
    final RedisLink link() {
        return link(LinkContract::patient);
    }

    static RedisOptions patient(RedisOptions options) {
        return options.connectTimeout(Duration.ofSeconds(10)).commandTimeout(Duration.ofSeconds(10));
    }

    final RedisLink link(UnaryOperator<RedisOptions> options) {
        RedisLink link = open(network(), options);
        opened.add(link);
        return link;
    }

    final void closeAfterwards(AutoCloseable resource) {
        opened.add(resource);
    }

    static String key() {
        return "key-" + KEYS.incrementAndGet();
    }

    static byte[][] keys(String key) {
        return new byte[][] {bytes(key)};
    }

    static @Nullable String get(RedisLink link, String key) {
        byte[] value = link.await(link.call(redis -> redis.get(bytes(key))));
        return value == null ? null : text(value);
    }

    static String set(RedisLink link, String key, String value) {
        return link.await(link.call(redis -> redis.set(bytes(key), bytes(value))));
    }

    static void awaitUp(RedisLink link) {
        assertThat(link.awaitUp(Await.LIMIT)).as("up again: %s", link.stats()).isTrue();
    }

    static void awaitDown(RedisLink link) {
        Await.until(() -> "down: " + link.stats(), () -> link.state() == RedisLinkState.DOWN);
    }

    /** Also where it may be up again by the time that anybody looks. */
    static void awaitLost(RedisLink link) {
        Await.until(() -> "was down: " + link.stats(), () -> link.stats().opened() > 0);
    }

    /** Sends until the link is down, and returns how calls failed. */
    static List<RedisUnavailableException> callUntilDown(RedisLink link) {
        List<RedisUnavailableException> failures = new ArrayList<>();
        while (link.isAvailable()) {
            try {
                get(link, key());
            } catch (RedisUnavailableException e) {
                boolean wentDownMeanwhile = e.reason() == Reason.DOWN && !link.isAvailable();
                if (!wentDownMeanwhile) failures.add(e);
            }
        }
        return failures;
    }

    // ---- commands

    @Test
    void what_is_set_is_read_and_what_is_not_is_null() {
        RedisLink link = link();
        String key = key();
        assertThat(get(link, key)).isNull();
        assertThat(set(link, key, "value")).isEqualTo("OK");
        assertThat(get(link, key)).isEqualTo("value");
        assertThat(link.state()).isEqualTo(RedisLinkState.UP);
        assertThat(link.isAvailable()).isTrue();
        assertThat(link.commandTimeout()).isEqualTo(Duration.ofSeconds(10));
        assertThat(link.stats()).matches(stats -> stats.commands() == 3 && stats.connects() == 1);
    }

    @Test
    void a_command_has_the_command_timeout_however_short_the_one_to_connect_is() {
        RedisLink link = link(options -> patient(options).connectTimeout(Duration.ofMillis(500)));
        awaitUp(link);
        KeyValue<byte[], byte[]> none = link.await(link.call(redis -> redis.blpop(0.7, bytes(key()))));
        assertThat(none).isNull();
        assertThat(link.stats().failures()).isZero();
    }

    @Test
    void many_threads_get_their_own_answers_over_one_connection() throws Exception {
        RedisLink link = link();
        int threads = 64;
        int each = 300;
        String sum = key();
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> workers = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                String mine = key() + "-" + t;
                workers.add(pool.submit(() -> {
                    for (int i = 0; i < each; i++) {
                        String value = mine + "=" + i;
                        set(link, mine, value);
                        link.await(link.eval(ADD, keys(sum), bytes("1")));
                        assertThat(text(link.await(link.call(redis -> redis.get(bytes(mine))))))
                                .isEqualTo(value);
                    }
                }));
            }
            for (Future<?> worker : workers) worker.get(50, TimeUnit.SECONDS);
        } finally {
            pool.shutdownNow();
        }
        assertThat(network().get(sum)).isEqualTo(Integer.toString(threads * each));
        assertThat(link.stats().connects()).isEqualTo(1);
    }

    @Test
    void errors_that_are_the_callers_do_not_take_the_link_down() {
        RedisLink link = link();
        String key = key();
        set(link, key, "text");
        RedisScript<Long> broken =
                RedisScript.of("return redis.call('LPUSH', KEYS[1], 'x')", RedisScript.Reply.INTEGER);
        for (int i = 0; i < 20; i++) {
            assertThatExceptionOfType(RedisCommandExecutionException.class)
                    .isThrownBy(() -> link.await(link.call(redis -> redis.incr(bytes(key)))))
                    .withMessageContaining("integer");
            assertThatExceptionOfType(RedisCommandExecutionException.class)
                    .isThrownBy(() -> link.await(link.eval(broken, keys(key))))
                    .withMessageContaining("WRONGTYPE");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> link.await(link.call(redis -> {
                        throw new IllegalArgumentException("the caller's bug");
                    })))
                    .withMessage("the caller's bug");
        }
        assertThat(link.state()).isEqualTo(RedisLinkState.UP);
        assertThat(link.stats()).matches(stats -> stats.errors() == 60 && stats.failures() == 0 && stats.opened() == 0);
    }

    @Test
    void a_cancelled_call_takes_nothing_down() {
        RedisLink link = link();
        network().halfOpen();
        for (int i = 0; i < 20; i++) {
            CompletableFuture<byte[]> call = link.call(redis -> redis.get(bytes("any")));
            assertThat(call.cancel(true)).isTrue();
            assertThat(call).isCancelled();
        }
        network().heal();
        assertThat(get(link, key())).isNull();
        assertThat(link.stats().opened()).isZero();
    }

    @Test
    void an_interrupted_wait_cancels_its_call() throws Exception {
        RedisLink link = link(options -> patient(options).commandTimeout(Duration.ofSeconds(20)));
        network().halfOpen();
        CompletableFuture<byte[]> call = link.call(redis -> redis.get(bytes("any")));
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        Thread waiter = new Thread(() -> {
            try {
                link.await(call);
            } catch (RedisCommandInterruptedException e) {
                interrupted.complete(Thread.currentThread().isInterrupted());
            }
        });
        waiter.start();
        waiter.interrupt();
        assertThat(interrupted).succeedsWithin(Await.LIMIT).isEqualTo(true);
        assertThat(call).isCancelled();
        waiter.join();
    }

    @Test
    void await_ends_even_for_a_future_that_is_not_the_links() {
        RedisLink link = link(options -> options.commandTimeout(Duration.ofMillis(50)));
        CompletableFuture<String> foreign = new CompletableFuture<>();
        assertThatExceptionOfType(RedisUnavailableException.class)
                .isThrownBy(() -> link.await(foreign))
                .matches(e -> e.reason() == Reason.TIMEOUT);
        assertThat(foreign).isCancelled();
    }

    @Test
    void what_await_throws_has_the_stack_of_the_caller_and_the_failure_as_its_cause() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(100)).failuresToOpen(1));
        warmUp(link);
        network().halfOpen();
        for (int i = 0; i < 2; i++) { // a timeout, and a refusal
            CompletableFuture<byte[]> call = link.call(redis -> redis.get(bytes("any")));
            assertThatExceptionOfType(RedisUnavailableException.class)
                    .isThrownBy(() -> link.await(call))
                    .satisfies(e -> assertThat(e.getStackTrace())
                            .extracting(StackTraceElement::getMethodName)
                            .contains("what_await_throws_has_the_stack_of_the_caller_and_the_failure_as_its_cause"))
                    .havingCause()
                    .isInstanceOf(RedisUnavailableException.class)
                    .satisfies(e -> assertThat(e.getStackTrace()).isEmpty());
        }
    }

    // ---- scripts

    @Test
    void a_script_replies_with_a_number_bytes_a_list_or_nothing() {
        RedisLink link = link();
        String key = key();
        assertThat(link.await(link.eval(ADD, keys(key), bytes("7")))).isEqualTo(7);
        RedisScript<byte[]> get = RedisScript.of("return redis.call('GET', KEYS[1])", RedisScript.Reply.BYTES);
        assertThat(link.await(link.eval(get, keys(key)))).isEqualTo(bytes("7"));
        assertThat(link.await(link.eval(get, keys(key())))).isNull();
        RedisScript<List<Object>> list =
                RedisScript.of("return {1, ARGV[1], false, {redis.call('GET', KEYS[1])}}", RedisScript.Reply.LIST);
        List<Object> reply = link.await(link.eval(list, keys(key), bytes("two")));
        assertThat(reply).hasSize(4).startsWith(1L, bytes("two"), null);
        assertThat((List<?>) reply.get(3)).hasSize(1).first().isEqualTo(bytes("7"));
    }

    @Test
    void a_script_that_a_server_does_not_know_is_sent_as_text_once() {
        RedisLink link = link();
        String key = key();
        link.await(link.eval(ADD, keys(key), bytes("1")));
        long loaded = link.stats().scriptLoads();
        link.await(link.eval(ADD, keys(key), bytes("1")));
        assertThat(link.stats().scriptLoads()).isEqualTo(loaded);

        network().each(redis -> redis.scriptFlush());

        assertThat(link.await(link.eval(ADD, keys(key), bytes("1")))).isEqualTo(3);
        assertThat(link.await(link.eval(ADD, keys(key), bytes("1")))).isEqualTo(4);
        assertThat(link.stats()).matches(stats -> stats.scriptLoads() == loaded + 1 && stats.errors() == 0);
    }

    @Test
    void a_script_without_a_key_is_refused_before_it_is_sent() {
        RedisLink link = link();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> link.eval(ADD, new byte[0][], bytes("1")))
                .withMessageContaining("no keys");
        assertThat(link.stats().commands()).isZero();
    }

    // ---- at most once

    /** The server has executed all of it, and the replies are on their way, when the connection breaks. */
    @Test
    void what_was_on_its_way_when_the_connection_broke_is_not_executed_again() {
        RedisLink link = link();
        warmUp(link);
        network().delay(Duration.ofMillis(400));
        List<String> keys = new ArrayList<>();
        List<CompletableFuture<Long>> calls = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            String key = key();
            keys.add(key);
            calls.add(link.call(redis -> redis.incr(bytes(key))));
        }
        for (String key : keys)
            Await.until("executed", () -> "1".equals(network().get(key)));
        network().cut();
        int unknown = 0;
        for (CompletableFuture<Long> call : calls) {
            try {
                assertThat(link.await(call)).isEqualTo(1);
            } catch (RedisUnavailableException e) {
                assertThat(e.reason()).isEqualTo(Reason.DISCONNECTED);
                assertThat(e.mayHaveRun()).isTrue();
                unknown++;
            }
        }
        // While there is no connection, nothing is kept for later.
        String refused = key();
        assertThatThrownBy(() -> link.await(link.call(redis -> redis.incr(bytes(refused)))))
                .isInstanceOf(RedisUnavailableException.class);
        network().heal();
        awaitUp(link);
        for (String key : keys) {
            // A round trip through the new connection, after whatever would have been sent again. If all was answered
            // before the cut, a cluster's link may not know of it yet.
            Await.until(() -> "answers: " + link.stats(), () -> answers(link, key));
            assertThat(network().get(key))
                    .as("INCR of %s, %d of 60 unanswered", key, unknown)
                    .isEqualTo("1");
        }
        Await.until(() -> "answers: " + link.stats(), () -> answers(link, refused));
        assertThat(network().get(refused)).isNull();
    }

    /** Nothing of it has reached the server when the calls end. */
    @Test
    void what_timed_out_is_sent_at_most_once_when_the_network_is_back() {
        RedisLink link = link(options -> options.failuresToOpen(1_000));
        warmUp(link);
        network().halfOpen();
        List<String> keys = new ArrayList<>();
        List<CompletableFuture<Long>> calls = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            String key = key();
            keys.add(key);
            calls.add(link.call(redis -> redis.incr(bytes(key))));
        }
        for (CompletableFuture<Long> call : calls) {
            assertThatThrownBy(() -> link.await(call)).isInstanceOf(RedisUnavailableException.class);
        }
        network().heal();
        awaitUp(link);
        for (String key : keys) {
            Await.until(() -> "answers: " + link.stats(), () -> answers(link, key));
            assertThat(network().get(key)).as("INCR of %s", key).isIn(null, "1");
        }
    }

    private static boolean answers(RedisLink link, String key) {
        try {
            link.await(link.call(redis -> redis.exists(bytes(key))));
            return true;
        } catch (RedisUnavailableException e) {
            return false;
        }
    }

    @Test
    void whatever_the_network_does_calls_end_in_time_and_run_once_at_most() throws Exception {
        RedisLink link = link(options -> options.commandTimeout(Duration.ofMillis(200)));
        AtomicBoolean stop = new AtomicBoolean();
        Queue<String> keys = new ConcurrentLinkedQueue<>();
        AtomicInteger answered = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> workers = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                workers.add(pool.submit(() -> {
                    while (!stop.get()) {
                        String key = key();
                        try {
                            link.await(link.call(redis -> redis.incr(bytes(key))));
                            answered.incrementAndGet();
                            if (answered.get() % 10 == 0) keys.add(key);
                        } catch (RedisUnavailableException e) {
                            if (e.mayHaveRun()) keys.add(key);
                            LockSupport.parkNanos(100_000);
                        }
                    }
                }));
            }
            for (int round = 0; round < 4; round++) {
                int before = answered.get();
                Await.until("calls are answered", () -> answered.get() > before + 200);
                if (round % 2 == 0) network().cut();
                else network().halfOpen();
                awaitDown(link);
                network().heal();
                awaitUp(link);
            }
            stop.set(true);
            // Anything but RedisUnavailableException ends a worker.
            for (Future<?> worker : workers) worker.get(20, TimeUnit.SECONDS);
        } finally {
            stop.set(true);
            pool.shutdown();
        }
        Await.until("answers", () -> answers(link, "any"));
        for (String key : keys)
            assertThat(network().get(key)).as("INCR of %s", key).isIn(null, "1");
        assertThat(keys).isNotEmpty();
    }

    @Test
    void calls_that_race_with_the_closing_end_as_all_others_do() throws Exception {
        for (int round = 0; round < 5; round++) {
            RedisLink link = link();
            CountDownLatch running = new CountDownLatch(4);
            ExecutorService pool = Executors.newFixedThreadPool(4);
            try {
                List<Future<Reason>> workers = new ArrayList<>();
                for (int t = 0; t < 4; t++) {
                    workers.add(pool.submit(() -> {
                        while (true) {
                            try {
                                get(link, key());
                                running.countDown();
                            } catch (RedisUnavailableException e) {
                                return e.reason();
                            }
                        }
                    }));
                }
                assertThat(running.await(30, TimeUnit.SECONDS)).isTrue();
                link.close();
                for (Future<Reason> worker : workers) {
                    assertThat(worker.get(20, TimeUnit.SECONDS)).isEqualTo(Reason.CLOSED);
                }
            } finally {
                pool.shutdown();
            }
        }
    }

    /** All nodes answer, and as fast as they have to: not so at first, on a machine that is busy and a JVM that is cold. */
    final void warmUp(RedisLink link) {
        int answered = 0;
        for (long deadline = System.nanoTime() + Await.LIMIT.toNanos(); answered < 50; ) {
            try {
                get(link, key());
                answered++;
            } catch (RedisUnavailableException e) {
                if (System.nanoTime() - deadline > 0) throw e;
                answered = 0;
                awaitUp(link);
            }
        }
    }

    // ---- the breaker

    @Test
    void a_call_that_nobody_waits_for_ends_in_time() {
        RedisLink link = link(options -> options.failuresToOpen(1_000_000)); // or its own PINGs may take it down first
        warmUp(link);
        long timeouts = link.stats().timeouts();
        network().halfOpen();
        long start = System.nanoTime();
        CompletableFuture<byte[]> call = link.call(redis -> redis.get(bytes("any")));
        assertThatThrownBy(call::join)
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(RedisUnavailableException.class, e -> {
                    assertThat(e.reason()).isEqualTo(Reason.TIMEOUT);
                    assertThat(e.mayHaveRun()).isTrue();
                    assertThat(e).hasMessageContaining("250 ms").hasMessageContaining("commandTimeout");
                });
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(150));
        assertThat(link.stats().timeouts()).isEqualTo(timeouts + 1);
    }

    @Test
    void silence_opens_the_breaker_and_a_probe_closes_it() {
        RedisLink link = link(options -> options.commandTimeout(Duration.ofMillis(100)));
        warmUp(link);
        BlockingQueue<RedisLinkState> states = new LinkedBlockingQueue<>();
        link.onStateChange(states::add);

        network().halfOpen();
        List<RedisUnavailableException> failures = callUntilDown(link);
        // The silence of the link's own PINGs counts as well, so there may be fewer; a cluster is asked first.
        assertThat(failures)
                .hasSizeLessThanOrEqualTo(link.isCluster() ? 6 : 3)
                .allMatch(e -> e.reason() == Reason.TIMEOUT);

        long commands = link.stats().commands();
        for (int i = 0; i < 1_000; i++) {
            assertThatExceptionOfType(RedisUnavailableException.class)
                    .isThrownBy(() -> get(link, "any"))
                    .matches(e -> e.reason() == Reason.DOWN && !e.mayHaveRun());
        }
        assertThat(link.stats().commands()).isEqualTo(commands + 1_000);
        assertThat(link.stats().rejected()).isGreaterThanOrEqualTo(1_000);

        network().heal();
        awaitUp(link);
        warmUp(link);
        Await.until("UP is told", () -> states.contains(RedisLinkState.UP));
        assertThat(states).startsWith(RedisLinkState.DOWN);
    }

    @Test
    void a_half_open_connection_is_found_without_any_command_and_replaced() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(100)).probeInterval(Duration.ofMillis(100)));
        warmUp(link);
        network().halfOpen();
        long before = network().accepted();
        awaitDown(link);
        Await.until("it makes another connection", () -> network().accepted() > before);
        network().heal();
        awaitUp(link);
    }

    @Test
    void a_network_slower_than_the_timeout_keeps_the_link_down() {
        RedisLink link = link(options -> options.commandTimeout(Duration.ofMillis(100)));
        warmUp(link);
        network().delay(Duration.ofMillis(300));
        callUntilDown(link);
        long refused = link.stats().rejected();
        // It connects again and again, and each time PING takes too long.
        long before = network().accepted();
        Await.until("it makes other connections", () -> network().accepted() > before + 1);
        assertThatThrownBy(() -> get(link, "any")).isInstanceOf(RedisUnavailableException.class);
        assertThat(link.stats().rejected()).isEqualTo(refused + 1);
        network().heal();
        awaitUp(link);
    }

    @Test
    void a_broken_connection_fails_its_calls_at_once_and_is_made_again() throws Exception {
        RedisLink link = link(options -> options.commandTimeout(Duration.ofSeconds(20)));
        warmUp(link);
        network().halfOpen(); // the calls stay on their way
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            String key = key();
            calls.add(link.call(redis -> redis.get(bytes(key))));
        }
        network().cut();
        for (CompletableFuture<byte[]> call : calls) {
            try {
                // An early one may have slipped through.
                assertThat(call.get(10, TimeUnit.SECONDS)).isNull();
            } catch (ExecutionException e) {
                assertThat(e.getCause())
                        .isInstanceOfSatisfying(
                                RedisUnavailableException.class,
                                failure -> assertThat(failure.reason()).isEqualTo(Reason.DISCONNECTED));
            }
        }
        awaitDown(link);
        network().heal();
        awaitUp(link);
        warmUp(link);
        assertThat(link.stats().opened()).isGreaterThanOrEqualTo(1);
    }

    @Test
    void failing_listeners_to_the_state_do_not_stop_the_others() {
        RedisLink link = link();
        BlockingQueue<RedisLinkState> states = new LinkedBlockingQueue<>();
        BlockingQueue<RedisLinkState> ended = new LinkedBlockingQueue<>();
        link.onStateChange(state -> {
            throw new IllegalStateException("expected in the log: a listener that fails");
        });
        link.onStateChange(states::add);
        link.onStateChange(ended::add).close();
        network().cut();
        callUntilDown(link);
        network().heal();
        awaitUp(link);
        link.close();
        Await.until(() -> "told of all: " + states, () -> states.contains(RedisLinkState.CLOSED));
        assertThat(states).startsWith(RedisLinkState.DOWN, RedisLinkState.UP).endsWith(RedisLinkState.CLOSED);
        assertThat(ended).isEmpty();
    }

    // ---- messages

    /** Writes down what it is told. */
    static final class Recorder implements RedisSubscription.Listener {
        final BlockingQueue<String> told = new LinkedBlockingQueue<>();
        final Map<String, Thread> threads = new ConcurrentHashMap<>();

        @Override
        public void onMessage(byte[] message) {
            told.add(text(message));
            threads.put(Thread.currentThread().getName(), Thread.currentThread());
        }

        @Override
        public void onSubscribed() {
            told.add("subscribed");
        }

        @Override
        public void onLost() {
            told.add("lost");
        }

        void await(String what, int times) {
            Await.until(
                    () -> what + " in " + told,
                    () -> told.stream().filter(what::equals).count() >= times);
        }

        List<String> messages() {
            return told.stream()
                    .filter(what -> !what.equals("subscribed") && !what.equals("lost"))
                    .toList();
        }
    }

    private long publish(String channel, String message) {
        return network().direct(redis -> redis.publish(bytes(channel), bytes(message)));
    }

    @Test
    void messages_of_a_channel_come_in_order_on_one_thread_of_the_link() {
        RedisLink link = link();
        String channel = key();
        Recorder recorder = new Recorder();
        RedisSubscription subscription = link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        assertThat(subscription.isSubscribed()).isTrue();
        List<String> sent = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            sent.add("message " + i);
            publish(channel, "message " + i);
        }
        recorder.await("message 499", 1);
        assertThat(recorder.messages()).isEqualTo(sent);
        assertThat(recorder.threads)
                .hasSize(1)
                .allSatisfy((name, thread) -> assertThat(name).endsWith("-messages"));
        assertThat(link.stats()).matches(stats -> stats.messages() == 500 && stats.subscriberConnects() == 1);
    }

    @Test
    void channels_share_a_connection_and_each_subscription_is_confirmed() {
        RedisLink link = link();
        String first = key();
        String second = key();
        Recorder one = new Recorder();
        Recorder two = new Recorder();
        Recorder three = new Recorder();
        link.subscribe(bytes(first), one);
        one.await("subscribed", 1);
        RedisSubscription late = link.subscribe(bytes(first), two);
        link.subscribe(bytes(second), three);
        two.await("subscribed", 1);
        three.await("subscribed", 1);
        publish(first, "to one and two");
        publish(second, "to three");
        for (Recorder recorder : List.of(one, two)) recorder.await("to one and two", 1);
        three.await("to three", 1);
        late.close();
        late.close();
        publish(first, "to one");
        one.await("to one", 1);
        assertThat(one.told).containsExactly("subscribed", "to one and two", "to one");
        assertThat(two.told).containsExactly("subscribed", "to one and two");
        assertThat(three.told).containsExactly("subscribed", "to three");
        assertThat(late.isSubscribed()).isFalse();
        assertThat(link.stats().subscriberConnects()).isEqualTo(1);
    }

    @Test
    void a_channel_left_by_all_can_be_joined_again() {
        RedisLink link = link();
        String channel = key();
        for (int i = 0; i < 20; i++) {
            Recorder recorder = new Recorder();
            try (RedisSubscription subscription = link.subscribe(bytes(channel), recorder)) {
                recorder.await("subscribed", 1);
                publish(channel, "round " + i);
                recorder.await("round " + i, 1);
                assertThat(subscription.isSubscribed()).isTrue();
            }
            assertThat(recorder.told).containsExactly("subscribed", "round " + i);
        }
    }

    @Test
    void a_subscription_tells_of_the_gap_and_survives_it() {
        RedisLink link = link();
        String channel = key();
        Recorder recorder = new Recorder();
        RedisSubscription subscription = link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        publish(channel, "before");
        recorder.await("before", 1);
        network().cut();
        recorder.await("lost", 1);
        assertThat(subscription.isSubscribed()).isFalse();
        assertThat(subscription.ping()).failsWithin(Await.LIMIT);
        network().heal();
        recorder.await("subscribed", 2);
        publish(channel, "after");
        recorder.await("after", 1);
        assertThat(recorder.told).containsExactly("subscribed", "before", "lost", "subscribed", "after");
        assertThat(link.stats().subscriberConnects())
                .as("one after the cut, and one to each node that was not cut yet when another was")
                .isBetween(2L, 1L + network().uris().size());
    }

    @Test
    void a_ping_comes_after_the_messages_before_it() {
        RedisLink link = link();
        String channel = key();
        Recorder recorder = new Recorder();
        RedisSubscription subscription = link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        for (int i = 0; i < 50; i++) {
            // In a cluster, a message takes its own way to the node of the subscriber; the publisher's answer is no
            // proof.
            link.await(link.call(redis -> redis.publish(bytes(channel), bytes("x"))));
        }
        assertThat(subscription.ping()).succeedsWithin(Await.LIMIT);
        if (!link.isCluster()) assertThat(recorder.messages()).hasSize(50);
    }

    @Test
    void a_ping_on_a_half_open_connection_fails_and_gets_another_one() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(200)).probeInterval(Duration.ofHours(1)));
        String channel = key();
        Recorder recorder = new Recorder();
        RedisSubscription subscription = link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        network().halfOpen();
        long start = System.nanoTime();
        assertThatThrownBy(() -> subscription.ping().get(20, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        RedisUnavailableException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.TIMEOUT));
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(100));
        recorder.await("lost", 1);
        network().heal();
        recorder.await("subscribed", 2);
        publish(channel, "after");
        recorder.await("after", 1);
    }

    @Test
    void a_half_open_connection_for_messages_is_found_without_asking() {
        RedisLink link =
                link(options -> options.commandTimeout(Duration.ofMillis(100)).probeInterval(Duration.ofMillis(100)));
        Recorder recorder = new Recorder();
        link.subscribe(bytes(key()), recorder);
        recorder.await("subscribed", 1);
        network().halfOpen();
        recorder.await("lost", 1);
        network().heal();
        recorder.await("subscribed", 2);
    }

    @Test
    void a_slow_or_failing_listener_holds_up_no_command() throws Exception {
        RedisLink link = link();
        String channel = key();
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        link.subscribe(bytes(channel), new RedisSubscription.Listener() {
            @Override
            public void onMessage(byte[] message) {
                entered.countDown();
                awaitLatch(release);
                throw new IllegalStateException("expected in the log: a listener that fails");
            }
        });
        Recorder recorder = new Recorder();
        link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        publish(channel, "one");
        assertThat(entered.await(30, TimeUnit.SECONDS)).isTrue();
        warmUp(link);
        assertThat(recorder.messages()).isEmpty();
        release.countDown();
        recorder.await("one", 1);
        publish(channel, "two");
        recorder.await("two", 1);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void too_many_messages_for_a_slow_listener_are_a_gap_that_is_told() throws Exception {
        RedisLink link = link();
        String channel = key();
        CountDownLatch release = new CountDownLatch(1);
        Recorder recorder = new Recorder();
        link.subscribe(bytes(channel), new RedisSubscription.Listener() {
            @Override
            public void onMessage(byte[] message) {
                awaitLatch(release);
            }
        });
        link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        RedisScript<Long> flood = RedisScript.of(
                "for i = 1, 1000 do redis.call('PUBLISH', ARGV[1], i) end return 1", RedisScript.Reply.INTEGER);
        for (int i = 0; i < 70; i++) link.await(link.eval(flood, keys(channel), bytes(channel)));
        Await.until(
                () -> "a new connection: " + link.stats(), () -> link.stats().subscriberConnects() >= 2);
        release.countDown();
        recorder.await("lost", 1);
        recorder.await("subscribed", 2);
        // By the node of the flood: from another, it could overtake what a cluster has yet to pass on.
        RedisScript<Long> after =
                RedisScript.of("return redis.call('PUBLISH', ARGV[1], 'after')", RedisScript.Reply.INTEGER);
        link.await(link.eval(after, keys(channel), bytes(channel)));
        recorder.await("after", 1);
        List<String> told = List.copyOf(recorder.told);
        assertThat(told.indexOf("lost")).isBetween(1, told.lastIndexOf("subscribed"));
        assertThat(told).endsWith("after");
    }

    @Test
    void a_channel_without_a_name_is_refused() {
        RedisLink link = link();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> link.subscribe(new byte[0], message -> {}))
                .withMessageContaining("no name");
    }

    // ---- closing, and Redis away at the start

    @Test
    void closing_leaves_no_thread_and_no_socket_and_fails_what_is_on_its_way() {
        LeakCheck.Snapshot before = LeakCheck.snapshot();
        RedisLink link = link(options -> options.commandTimeout(Duration.ofSeconds(20)));
        warmUp(link);
        Recorder recorder = new Recorder();
        RedisSubscription subscription = link.subscribe(bytes(key()), recorder);
        recorder.await("subscribed", 1);
        network().halfOpen();
        List<CompletableFuture<byte[]>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            String key = key();
            calls.add(link.call(redis -> redis.get(bytes(key))));
        }
        long start = System.nanoTime();
        link.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
        link.close();
        for (CompletableFuture<byte[]> call : calls) {
            assertThatThrownBy(() -> call.get(1, TimeUnit.SECONDS))
                    .cause()
                    .isInstanceOfSatisfying(RedisUnavailableException.class, e -> {
                        assertThat(e.reason()).isEqualTo(Reason.CLOSED);
                        assertThat(e.mayHaveRun()).isTrue();
                    });
        }
        assertThat(link.state()).isEqualTo(RedisLinkState.CLOSED);
        assertThat(link.isAvailable()).isFalse();
        assertThat(link.awaitUp(Duration.ofSeconds(1))).isFalse();
        assertThatExceptionOfType(RedisUnavailableException.class)
                .isThrownBy(() -> get(link, "any"))
                .withMessageContaining("is closed")
                .matches(e -> e.reason() == Reason.CLOSED && !e.mayHaveRun());
        assertThatExceptionOfType(RedisUnavailableException.class)
                .isThrownBy(() -> link.subscribe(bytes("any"), recorder));
        assertThat(subscription.isSubscribed()).isFalse();
        assertThat(subscription.ping()).failsWithin(Await.LIMIT);
        subscription.close();
        network().heal();
        afterClose(before);
    }

    /** None of any link's: those that were closed before have ended, too. */
    static void awaitNoThread() {
        Await.until(() -> "these threads end: " + threads(), () -> threads().isEmpty());
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().entrySet().stream()
                .filter(each -> each.getKey().getName().startsWith("tenfold-redis-"))
                .map(each -> each.getKey().getName() + " at " + List.of(each.getValue()))
                .toList();
    }

    /** What the close has to leave behind. */
    void afterClose(LeakCheck.Snapshot before) {
        before.assertNothingLeaked();
    }

    @Test
    void a_link_can_be_closed_while_redis_is_away() {
        RedisLink link = link();
        link.subscribe(bytes(key()), new Recorder());
        network().cut();
        callUntilDown(link);
        link.close();
        assertThat(link.state()).isEqualTo(RedisLinkState.CLOSED);
    }

    @Test
    void a_link_can_be_closed_by_its_own_listeners() throws Exception {
        RedisLink link = link();
        CountDownLatch closed = new CountDownLatch(1);
        String channel = key();
        Recorder recorder = new Recorder();
        link.subscribe(bytes(channel), message -> {
            link.close();
            closed.countDown();
        });
        link.subscribe(bytes(channel), recorder);
        recorder.await("subscribed", 1);
        publish(channel, "close");
        assertThat(closed.await(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void an_application_starts_while_redis_is_away_and_finds_it_later() {
        network().cut();
        long start = System.nanoTime();
        RedisLink link = link();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
        assertThat(link.state()).isEqualTo(RedisLinkState.DOWN);
        assertThat(link.awaitUp(Duration.ofMillis(20))).isFalse();
        Recorder recorder = new Recorder();
        link.subscribe(bytes(key()), recorder);
        assertThatExceptionOfType(RedisUnavailableException.class)
                .isThrownBy(() -> get(link, "any"))
                .matches(e -> e.reason() == Reason.DOWN);
        network().heal();
        awaitUp(link);
        warmUp(link);
        recorder.await("subscribed", 1);
        assertThat(link.stats().opened()).isZero();
    }

    @Test
    void connecting_to_silence_takes_no_longer_than_it_may() {
        network().halfOpen();
        List<RedisLink> links = new ArrayList<>();
        Await.inTime(Duration.ofSeconds(5), () -> {
            long start = System.nanoTime();
            links.add(link(options -> options.connectTimeout(Duration.ofMillis(300))));
            return Duration.ofNanos(System.nanoTime() - start);
        });
        for (RedisLink link : links) assertThat(link.state()).isEqualTo(RedisLinkState.DOWN);
        network().heal();
        links.forEach(LinkContract::awaitUp);
    }

    /** For subclasses that need one of these. */
    final RedisServer server(int index) {
        return network().servers().get(index);
    }

    final FaultProxy proxy(int index) {
        return network().proxies().get(index);
    }
}
