package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisLinkState;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import dev.tenfold.testkit.SettableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Redis that does not answer, or too late. */
class ConcurrencyLimiterOutageTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(1);
    private static final Duration LEASE = Duration.ofSeconds(3);

    private static FaultProxy proxy;
    private static RedisLink faulty;

    /** With a long timeout: a busy machine does not fail it. */
    private static RedisLink direct;

    private static final Duration LEASE_OF_DIRECT = Duration.ofSeconds(60);

    private final String prefix = UUID.randomUUID() + ":";
    private final List<ConcurrencyLimiter> open = new ArrayList<>();

    @BeforeAll
    static void connect() {
        RedisServer server = RedisServer.shared();
        proxy = FaultProxy.to(server.host(), server.port());
        direct = RedisLink.connect(server.uri(), o -> o.commandTimeout(Duration.ofSeconds(10)));
        faulty = RedisLink.connect(
                "redis://" + proxy.host() + ":" + proxy.port(),
                o -> o.commandTimeout(TIMEOUT)
                        .probeInterval(Duration.ofMillis(50))
                        .retryInterval(Duration.ofMillis(50)));
        assertThat(direct.awaitUp(Duration.ofSeconds(20))).isTrue();
    }

    @AfterAll
    static void disconnect() {
        faulty.close();
        direct.close();
        proxy.close();
    }

    @AfterEach
    void heal() {
        open.forEach(ConcurrencyLimiter::close);
        resume();
    }

    private static void resume() {
        proxy.delay(Duration.ZERO);
        proxy.resume();
        assertThat(faulty.awaitUp(Await.LIMIT)).isTrue();
    }

    private ConcurrencyLimiter limiter(RedisLink link, int permits, UnaryOperator<ConcurrencyOptions> options) {
        ConcurrencyLimiter limiter = ConcurrencyLimiter.redis(
                link, "shared", permits, o -> options.apply(o.prefix(prefix).lease(LEASE)));
        open.add(limiter);
        return limiter;
    }

    private ConcurrencyLimiter limiterOnDirect(int permits) {
        return limiter(direct, permits, o -> o.lease(LEASE_OF_DIRECT));
    }

    private ConcurrencyLimiter limiter(int permits, UnaryOperator<ConcurrencyOptions> options) {
        resume();
        return limiter(faulty, permits, options);
    }

    private long held() {
        byte[] key = (prefix + "{shared}:semaphore").getBytes(UTF_8);
        return direct.await(direct.call(redis -> redis.zcard(key)));
    }

    private static void cut() {
        proxy.cut();
        Await.until("the link is down", () -> faulty.state() == RedisLinkState.DOWN);
    }

    private static List<Permit> take(ConcurrencyLimiter limiter, int many) {
        List<Permit> taken = new ArrayList<>();
        for (int i = 0; i < many; i++) taken.add(limiter.acquire());
        return taken;
    }

    /** From Redis, be it that a busy machine misses the timeout at first. */
    private static Permit takeFromRedis(ConcurrencyLimiter limiter) {
        List<Permit> granted = new ArrayList<>();
        Await.until("Redis grants one", () -> {
            Permit permit = limiter.acquire();
            if (permit instanceof Permit.Granted) return granted.add(permit);
            permit.close();
            return false;
        });
        return granted.get(0);
    }

    private static long granted(List<Permit> permits) {
        return permits.stream().filter(Permit::granted).count();
    }

    @Test
    void open_grants_everything_and_counts_it() {
        ConcurrencyLimiter limiter = limiter(2, o -> o.outage(Outage.OPEN));
        cut();

        List<Permit> permits = take(limiter, 10);

        assertThat(permits).allMatch(Permit::granted).allMatch(permit -> permit instanceof Permit.Degraded);
        assertThat(limiter.stats().degraded()).isEqualTo(10);
        assertThat(limiter.stats().inFlight()).isEqualTo(10);
        permits.forEach(Permit::close);
        permits.forEach(Permit::dropped);
        assertThat(limiter.stats().inFlight()).isZero();
    }

    @Test
    void closed_refuses_everything() {
        ConcurrencyLimiter limiter = limiter(2, o -> o.outage(Outage.CLOSED));
        ConcurrencyLimiter shadow = limiter(2, o -> o.outage(Outage.CLOSED).shadow());
        cut();

        Permit permit = limiter.acquire(Priority.HIGH);

        assertThat(permit).isInstanceOf(Permit.Degraded.class).hasToString("Degraded[refused]");
        assertThat(((Permit.Degraded) permit).outage()).isEqualTo(Outage.CLOSED);
        permit.close();
        assertThat(limiter.stats().inFlight()).isZero();
        assertThat(limiter.stats().rejected(Priority.HIGH)).isEqualTo(1);
        assertThat(shadow.acquire().granted()).isTrue();
    }

    @Test
    void local_goes_on_with_this_nodes_share_at_least_one() {
        ConcurrencyLimiter few = limiter(2, o -> o.nodes(5));
        ConcurrencyLimiter many = limiter(22, o -> o.nodes(5));
        cut();

        assertThat(granted(take(few, 9))).isEqualTo(1);
        assertThat(many.acquire(Priority.SHEDDABLE).granted()).isTrue();
        assertThat(many.acquire(Priority.SHEDDABLE).granted()).isTrue();
        assertThat(many.acquire(Priority.SHEDDABLE).granted()).isFalse();
        assertThat(granted(take(many, 9))).isEqualTo(2);
    }

    @Test
    void local_counts_the_nodes_that_there_were_and_what_still_runs_of_before() {
        limiterOnDirect(8);
        byte[] nodes = (prefix + "{shared}:semaphore:nodes").getBytes(UTF_8);
        Await.until("one is known", () -> direct.await(direct.call(redis -> redis.zcard(nodes))) == 1);
        ConcurrencyLimiter limiter = limiter(8, o -> o.lease(LEASE_OF_DIRECT));
        Await.until("the other knows of it", () -> limiter.nodes() == 2);
        List<Permit> before = new ArrayList<>();
        for (int i = 0; i < 3; i++) before.add(takeFromRedis(limiter));
        cut();

        assertThat(granted(take(limiter, 9))).isEqualTo(1);
        before.get(0).close();
        assertThat(granted(take(limiter, 9))).isEqualTo(1);
    }

    @Test
    void what_began_in_an_outage_is_counted_when_it_is_over() {
        ConcurrencyLimiter limiter = limiter(4, o -> o);
        cut();
        List<Permit> permits = take(limiter, 3);
        assertThat(granted(permits)).isEqualTo(3);
        assertThat(held()).isZero();

        resume();

        Await.until("it is on Redis", () -> held() == 3);
        ConcurrencyLimiter other = limiterOnDirect(4);
        assertThat(granted(take(other, 3))).isEqualTo(1);
        permits.forEach(Permit::close);
        Await.until("it is released", () -> held() == 1);
        takeFromRedis(limiter);
    }

    @Test
    void a_silent_redis_costs_one_caller_a_timeout_and_the_next_nothing() {
        // By a clock that stands still nobody's turn comes to try again; nor does that of another heartbeat than the
        // first.
        SettableClock clock = SettableClock.at(Instant.EPOCH);
        ConcurrencyLimiter limiter = limiter(
                100, o -> o.outage(Outage.OPEN).nanoClock(clock.nanoClock()).lease(Duration.ofSeconds(60)));
        byte[] nodes = (prefix + "{shared}:semaphore:nodes").getBytes(UTF_8);
        Await.until("the first heartbeat has come", () -> direct.await(direct.call(redis -> redis.zcard(nodes))) == 1);
        takeFromRedis(limiter).close();
        proxy.halfOpen();

        String log = ConcurrencyLimiterTest.logOf(() -> {
            long before = faulty.stats().commands();
            assertThat(limiter.acquire()).isInstanceOf(Permit.Degraded.class);
            long asked = faulty.stats().commands();
            assertThat(asked - before)
                    .as("commands, each of which has a timeout")
                    .isEqualTo(1);
            for (int i = 0; i < 20; i++) assertThat(limiter.acquire()).isInstanceOf(Permit.Degraded.class);
            assertThat(faulty.stats().commands()).isEqualTo(asked);
        });

        assertThat(log).containsOnlyOnce("shared: no answer from Redis");
        assertThat(log).contains("outage OPEN decides");
    }

    @Test
    void a_grant_whose_reply_is_late_does_not_stay() {
        ConcurrencyLimiter limiter = limiter(2, o -> o.outage(Outage.CLOSED));
        takeFromRedis(limiter).close();
        Await.until("all is well", () -> held() == 0);
        byte[] key = (prefix + "{shared}:semaphore").getBytes(UTF_8);
        double later = System.currentTimeMillis() + 30_000.0;
        direct.await(direct.call(redis -> redis.zadd(key, later, new byte[1])));
        // The request gets there in time, its reply does not get back.
        proxy.delay(TIMEOUT.plusMillis(100));

        assertThat(limiter.acquire()).isInstanceOf(Permit.Degraded.class);

        // A grant sets the key's time to live, which it had none of.
        Await.until("the grant comes", () -> direct.await(direct.call(redis -> redis.pttl(key))) > 0);
        Await.until("and goes", () -> held() == 1);
    }

    @Test
    void a_node_that_is_cut_off_loses_its_permits_after_the_lease() {
        ConcurrencyLimiter limiter = limiter(2, o -> o);
        takeFromRedis(limiter);
        takeFromRedis(limiter);
        ConcurrencyLimiter other = limiterOnDirect(2);
        assertThat(other.acquire().granted()).isFalse();

        cut();
        assertThat(ConcurrencyLimiterTest.refuses(other)).isLessThan(LEASE.plusSeconds(1));
    }

    @Test
    void an_interrupted_caller_gets_an_answer_and_stays_interrupted() {
        ConcurrencyLimiter limiter = limiterOnDirect(2);

        Thread.currentThread().interrupt();
        Permit permit = limiter.acquire();

        assertThat(Thread.interrupted()).isTrue();
        permit.close();
        Await.until("nothing stays", () -> held() == 0);
        assertThat(limiter.acquire()).isInstanceOf(Permit.Granted.class); // and nobody else has to suffer
    }

    @Test
    void an_error_of_redis_does_not_get_to_the_caller() {
        byte[] key = (prefix + "{shared}:semaphore").getBytes(UTF_8);
        direct.await(direct.call(redis -> redis.set(key, new byte[1])));

        Permit permit = limiter(2, o -> o.outage(Outage.OPEN)).acquire();

        assertThat(permit).isInstanceOf(Permit.Degraded.class).hasToString("Degraded[granted]");
    }

    @Test
    void begins_without_redis_and_closes_without_it() {
        cut();
        ConcurrencyLimiter limiter = limiter(faulty, 4, o -> o.nodes(2));
        assertThat(granted(take(limiter, 9))).isEqualTo(2);
        assertThat(heartbeats()).isPositive();
        limiter.close();

        // An executor has terminated a moment before its last thread has ended.
        Await.until("the heartbeat's thread ends", () -> heartbeats() == 0);
    }

    /** By name: the link is making connections, on threads that come and go. */
    private static long heartbeats() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("tenfold-semaphore-"))
                .count();
    }
}
