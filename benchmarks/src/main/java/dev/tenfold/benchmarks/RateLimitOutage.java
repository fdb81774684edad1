package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.Decision;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/** How long a caller waits for decisions when Redis falls silent while its connections stay open. */
final class RateLimitOutage {
    private static final int BEFORE = 2_000;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final double NANOS_PER_MILLI = 1e6;

    private RateLimitOutage() {}

    static void run(Session session, RedisServer server) throws Exception {
        Duration length = Duration.ofSeconds(session.quick() ? 5 : 20);
        session.say("");
        session.say("ratelimit.outage: Redis behind a proxy that stops forwarding; one thread asks every "
                + TimeUnit.NANOSECONDS.toMillis(PAUSE_NANOS) + " ms for " + length.toSeconds()
                + " s; the first decision, then all that follow");
        try (FaultProxy proxy = FaultProxy.to(server.host(), server.port())) {
            measure(session, "redis://" + proxy.host() + ":" + proxy.port(), proxy, length);
        }
    }

    private static void measure(Session session, String uri, FaultProxy proxy, Duration length) {
        RateLimitNode.Place place = new RateLimitNode.Place(uri, "outage", 1_000_000, Duration.ofSeconds(1));
        try (RateLimitOurs ours = RateLimitOurs.impatient(place)) {
            for (int i = 0; i < BEFORE; i++) {
                if (decide(ours) instanceof Decision.Degraded) throw new IllegalStateException("Redis is away already");
            }
            session.say("  ours  RateLimiter.redis, all default options: command timeout "
                    + ours.link.commandTimeout().toMillis() + " ms, Outage.LOCAL");
            proxy.halfOpen();
            long start = System.nanoTime();
            requireDegraded(decide(ours));
            long first = System.nanoTime() - start;
            Histogram following = new Histogram(TimeUnit.MINUTES.toNanos(1), 3);
            while (System.nanoTime() - start < length.toNanos()) {
                LockSupport.parkNanos(PAUSE_NANOS);
                long before = System.nanoTime();
                Decision decision = decide(ours);
                following.recordValue(System.nanoTime() - before);
                requireDegraded(decision);
            }
            alone(session, "first", first);
            alone(session, "p99", following.getValueAtPercentile(99));
            alone(session, "max", following.getMaxValue());
            proxy.resume(); // or closing the limiter would wait for Redis
        }
    }

    private static Decision decide(RateLimitOurs ours) {
        return ours.limiter.acquire(ours.policy, "caller");
    }

    private static void requireDegraded(Decision decision) {
        if (!(decision instanceof Decision.Degraded) || !decision.allowed()) {
            throw new IllegalStateException("without Redis, this node's share should admit: " + decision);
        }
    }

    private static void alone(Session session, String name, long nanos) {
        session.emit(Row.alone("ratelimit.outage." + name, "any", "ms", nanos / NANOS_PER_MILLI, Better.LOWER));
    }
}
