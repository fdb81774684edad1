package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisReplication;
import dev.tenfold.testkit.RedisServer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Sixteen nodes ask for the same key as fast as they can while Redis is cut off, falls silent, is suspended, and has its clock
 * set back. What they admit by Redis is then compared with the ideal bucket, in every stretch of time.
 */
class ChaosTest {
    private static final int NODES = 16;
    private static final int RATE = 200;
    private static final int BURST = 100;

    /** One admitted call: Redis has decided some time in between. */
    private record Admitted(long sentNanos, long receivedNanos) {}

    private static RedisLink connect(String host, int port) {
        RedisLink link = RedisLink.connect(
                "redis://" + host + ":" + port,
                o -> o.commandTimeout(ofMillis(200)).retryInterval(ofMillis(50)).probeInterval(ofMillis(50)));
        assertThat(link.awaitUp(ofSeconds(20))).isTrue();
        return link;
    }

    /**
     * The most that was admitted too much in any stretch. A call counts for a stretch if it certainly was decided in it.
     */
    private static double excess(Collection<Admitted> calls) {
        Admitted[] bySent = calls.toArray(Admitted[]::new);
        Arrays.sort(bySent, (a, b) -> Long.compare(b.sentNanos, a.sentNanos));
        double worst = 0;
        List<Long> received = new ArrayList<>();
        for (Admitted first : bySent) {
            int at = Collections.binarySearch(received, first.receivedNanos);
            received.add(at < 0 ? -at - 1 : at, first.receivedNanos);
            for (int k = 0; k < received.size(); k++) {
                double seconds = (received.get(k) - first.sentNanos) / 1e9;
                worst = Math.max(worst, k + 1 - BURST - RATE * seconds);
            }
        }
        return worst;
    }

    private static List<Admitted> run(List<RateLimiter> nodes, Policy policy, Chaos chaos) throws Exception {
        ConcurrentLinkedQueue<Admitted> admitted = new ConcurrentLinkedQueue<>();
        AtomicBoolean over = new AtomicBoolean();
        Thread[] threads = new Thread[nodes.size()];
        for (int i = 0; i < threads.length; i++) {
            RateLimiter node = nodes.get(i);
            threads[i] = new Thread(() -> {
                while (!over.get()) {
                    long sent = System.nanoTime();
                    Decision decision = node.acquire(policy, "one");
                    if (decision instanceof Decision.Allowed) {
                        admitted.add(new Admitted(sent, System.nanoTime()));
                    } else {
                        LockSupport.parkNanos(100_000); // leaves the machine to those who have something to do
                    }
                }
            });
            threads[i].start();
        }
        try {
            chaos.play(admitted);
        } finally {
            over.set(true);
            for (Thread thread : threads) thread.join(TimeUnit.SECONDS.toMillis(20));
        }
        return List.copyOf(admitted);
    }

    private interface Chaos {
        void play(Collection<Admitted> admitted) throws Exception;
    }

    private static void pause(Random random, int most) throws InterruptedException {
        boolean unused = new Semaphore(0).tryAcquire(50 + random.nextInt(most), TimeUnit.MILLISECONDS);
    }

    @Test
    void nothing_is_admitted_too_much_whatever_becomes_of_redis() throws Exception {
        long seed = new Random().nextLong();
        System.out.println("ChaosTest: seed " + seed); // for who has to replay a failure
        Random random = new Random(seed);
        Policy policy =
                Policy.of("chaos", limit("all", RATE, perSecond()).burst(BURST)).onOutage(Outage.CLOSED);
        List<AutoCloseable> open = new ArrayList<>();
        List<Admitted> admitted;
        try (RedisServer server = RedisServer.start();
                FaultProxy proxy = FaultProxy.to(server.host(), server.port());
                RedisLink direct = RedisLink.connect(server.uri(), o -> o.commandTimeout(Await.LIMIT))) {
            List<RateLimiter> nodes = new ArrayList<>();
            for (int i = 0; i < NODES; i++) {
                RedisLink link = connect(proxy.host(), proxy.port());
                open.add(link);
                RateLimiter node = RateLimiter.on(
                        ClockedEngine.offsetBy("offset", link, RateLimiterOptions.DEFAULT.denialCache(i % 2 == 0)));
                open.add(node);
                nodes.add(node);
            }
            admitted = run(nodes, policy, calls -> {
                for (int i = 0; i < 14; i++) {
                    pause(random, 250);
                    switch (i % 7) {
                        case 0 -> proxy.cut();
                        case 1 -> proxy.resume();
                        case 2 -> proxy.halfOpen();
                        case 3 -> proxy.resume();
                        case 4 -> server.suspend();
                        case 5 -> server.resume();
                        default -> {
                            long unused = direct.await(
                                    direct.call(redis -> redis.decrby("offset".getBytes(US_ASCII), 10_000_000)));
                        }
                    }
                }
                pause(random, 400);
                Await.until("more than a burst was admitted", () -> calls.size() > BURST);
            });
            for (int i = open.size() - 1; i >= 0; i--) open.get(i).close();
        }

        assertThat(excess(admitted)).as("seed " + seed).isLessThanOrEqualTo(0);
        assertThat(admitted).as("seed " + seed).hasSizeGreaterThan(BURST);
    }

    @Test
    void a_failover_admits_one_burst_too_much_at_most() throws Exception {
        Policy policy = Policy.of("failover", limit("all", RATE, perSecond()).burst(BURST))
                .onOutage(Outage.CLOSED);
        List<AutoCloseable> open = new ArrayList<>();
        List<Admitted> all = new ArrayList<>();
        try (RedisReplication pair = RedisReplication.start()) {
            for (RedisServer server : List.of(pair.primary(), pair.replica())) {
                if (server == pair.replica()) {
                    pair.promote();
                }
                List<RateLimiter> nodes = new ArrayList<>();
                for (int i = 0; i < NODES; i++) {
                    RedisLink link = connect(server.host(), server.port());
                    open.add(link);
                    RateLimiter node = RateLimiter.redis(link);
                    open.add(node);
                    nodes.add(node);
                }
                all.addAll(run(nodes, policy, calls -> {
                    pause(new Random(1), 500);
                    Await.until("more than half a burst was admitted", () -> calls.size() > BURST / 2);
                }));
            }
            for (int i = open.size() - 1; i >= 0; i--) open.get(i).close();
        }

        assertThat(excess(all)).isLessThanOrEqualTo(BURST);
        assertThat(all).hasSizeGreaterThan(BURST);
    }
}
