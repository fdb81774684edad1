package dev.tenfold.benchmarks;

import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.testkit.RedisServer;
import io.github.bucket4j.Bucket;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import io.github.resilience4j.ratelimiter.internal.AtomicRateLimiter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** What a decision in this node's memory costs, with one thread and with two: many keys by Zipf's law, all admitted. */
final class RateLimitLocal {
    private static final int KEYS = 10_000;

    /** Decisions of one request: enough of them that the clock of the rounds does not count. */
    private static final int BLOCK = 2_048;

    private static final int BLOCKS = 32;
    private static final int THREADS = 2;

    /** The most that Bucket4j can count; no processor asks that often. */
    private static final int PERMITS = 1_000_000_000;

    private static final Duration PERIOD = Duration.ofSeconds(1);

    private RateLimitLocal() {}

    static void run(Session session, RedisServer server) throws Exception {
        String[] reads = Popularity.zipf(KEYS, BLOCK * BLOCKS, 42);
        List<Contender> contenders = contenders(reads, BLOCK, PERMITS, PERIOD);
        session.say("");
        session.say("ratelimit.local, ratelimit.local2: in memory, " + KEYS + " String keys by Zipf's law, " + PERMITS
                + " per " + PERIOD + ", all admitted; one thread, and two that share the limiters");
        session.settings(contenders);
        Samples one =
                Rounds.run("ratelimit.local", contenders, BLOCKS, Effort.inMemory(session.quick()), session.progress());
        session.say(one.rounds("ours") + " rounds");
        for (Contender peer : contenders.subList(1, contenders.size())) {
            session.emit(one.row("ratelimit.local." + peer.name(), "ours", peer.name(), "ns/decision", BLOCK));
        }
        try (RateLimitThreads threads = new RateLimitThreads(THREADS)) {
            Samples two = threads.compare(
                            "ratelimit.local2", contenders, BLOCKS, BLOCK, effort(session), session.progress())
                    .rates();
            session.say(two.rounds("ours") + " rounds");
            for (Contender peer : contenders.subList(1, contenders.size())) {
                session.emit(two(two, peer.name()));
            }
        }
    }

    private static Effort effort(Session session) {
        Effort one = Effort.inMemory(session.quick());
        return new Effort(one.warmUp().dividedBy(2), one.measured(), Duration.ofMillis(50));
    }

    /** What one of the two threads waits for a decision, which is not what the two together need for one. */
    private static Row two(Samples rates, String peer) {
        double threadNanosPerSecond = THREADS * 1e9;
        return new Row(
                "ratelimit.local2." + peer,
                peer,
                "ns/decision",
                threadNanosPerSecond / (rates.median("ours") * BLOCK),
                threadNanosPerSecond / (rates.median(peer) * BLOCK),
                rates.paired("ours", peer, Better.HIGHER::ratio),
                Better.LOWER);
    }

    /** Each answers how many of a block of calls it admits. Each has a loop of its own, for the compiler's sake. */
    static List<Contender> contenders(String[] keys, int block, int permits, Duration period) {
        dev.tenfold.ratelimit.RateLimiter ours = dev.tenfold.ratelimit.RateLimiter.local();
        Policy policy = Policy.of("local", Limit.limit("limit", permits, period));
        PerKey<Bucket> probed = new PerKey<>(key -> bucket(permits, period));
        PerKey<Bucket> bare = new PerKey<>(key -> bucket(permits, period));
        RateLimiterConfig config = RateLimiterConfig.custom()
                .limitForPeriod(permits)
                .limitRefreshPeriod(period)
                .timeoutDuration(Duration.ZERO)
                .build();
        PerKey<AtomicRateLimiter> resilience4j = new PerKey<>(key -> new AtomicRateLimiter(key, config));
        PerKey<com.google.common.util.concurrent.RateLimiter> guava =
                new PerKey<>(key -> com.google.common.util.concurrent.RateLimiter.create(permits));
        String bucket4j = "Bucket4j " + Versions.of("bucket4j") + ", a ConcurrentHashMap of buckets, greedy refill, ";
        return List.of(
                new Contender("ours", "RateLimiter.local, acquire(policy, key), which holds what is left", page -> {
                    long admitted = 0;
                    for (int i = page * block; i < (page + 1) * block; i++) {
                        admitted += ours.acquire(policy, keys[i]).allowed() ? 1 : 0;
                    }
                    return admitted;
                }),
                new Contender("bucket4j", bucket4j + "tryConsumeAndReturnRemaining(1), as ours tells it too", page -> {
                    long admitted = 0;
                    for (int i = page * block; i < (page + 1) * block; i++) {
                        admitted += probed.of(keys[i])
                                        .tryConsumeAndReturnRemaining(1)
                                        .isConsumed()
                                ? 1
                                : 0;
                    }
                    return admitted;
                }),
                new Contender("bucket4j-bare", "the same with tryConsume(1), which tells nothing else", page -> {
                    long admitted = 0;
                    for (int i = page * block; i < (page + 1) * block; i++) {
                        admitted += bare.of(keys[i]).tryConsume(1) ? 1 : 0;
                    }
                    return admitted;
                }),
                new Contender(
                        "resilience4j",
                        "Resilience4j " + Versions.of("resilience4j")
                                + ", a ConcurrentHashMap of AtomicRateLimiter, no timeout, acquirePermission()",
                        page -> {
                            long admitted = 0;
                            for (int i = page * block; i < (page + 1) * block; i++) {
                                admitted += resilience4j.of(keys[i]).acquirePermission() ? 1 : 0;
                            }
                            return admitted;
                        }),
                new Contender(
                        "guava",
                        "Guava " + Versions.of("guava")
                                + ", a ConcurrentHashMap of RateLimiter.create, tryAcquire(); it has no"
                                + " burst, so as many per second",
                        page -> {
                            long admitted = 0;
                            for (int i = page * block; i < (page + 1) * block; i++) {
                                admitted += guava.of(keys[i]).tryAcquire() ? 1 : 0;
                            }
                            return admitted;
                        }));
    }

    private static Bucket bucket(int permits, Duration period) {
        return Bucket.builder()
                .addLimit(limit -> limit.capacity(permits).refillGreedy(permits, period))
                .build();
    }

    /** A limiter for each key, made when it is first asked for; kept for ever, which ours does not do. */
    private static final class PerKey<T> {
        private final Map<String, T> limiters = new ConcurrentHashMap<>();
        private final Function<String, T> maker;

        PerKey(Function<String, T> maker) {
            this.maker = maker;
        }

        T of(String key) {
            T limiter = limiters.get(key);
            return limiter != null ? limiter : limiters.computeIfAbsent(key, maker);
        }
    }
}
