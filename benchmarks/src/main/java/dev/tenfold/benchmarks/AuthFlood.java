package dev.tenfold.benchmarks;

import dev.tenfold.auth.Credential;
import dev.tenfold.auth.Introspector;
import dev.tenfold.auth.LookupGate;
import dev.tenfold.auth.TokenCache;
import dev.tenfold.auth.TokenFacts;
import dev.tenfold.auth.Verification;
import dev.tenfold.ratelimit.Limit;
import dev.tenfold.ratelimit.Policy;
import dev.tenfold.ratelimit.RateLimiter;
import dev.tenfold.testkit.RedisServer;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of the authority, of good tokens and of memory while somebody tries tokens at random, as fast as he can, from one
 * address. In quiet times as many threads are as busy, with good tokens: so that what differs is the flood, not the load.
 */
final class AuthFlood {
    private static final int ATTACKERS = 2;
    private static final int CALLERS = 2;
    private static final int DRAWN = 1 << 14;
    private static final int LIMIT_PER_SECOND = 100;
    private static final int BURST = 10;
    private static final int INTROSPECTION_MILLIS = 5;
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(2);
    private static final double NANOS_PER_MICRO = 1_000;
    private static final double BYTES_PER_MEGABYTE = 1 << 20;

    private final TokenCache cache;
    private final String[] drawn;
    private final LookupGate gate;

    private AuthFlood(TokenCache cache, String[] drawn, LookupGate gate) {
        this.cache = cache;
        this.drawn = drawn;
        this.gate = gate;
    }

    /**
     * What was measured.
     *
     * @param lookupsPerSecond of tokens that nobody issued
     * @param limit the most that the limit lets through
     * @param p99s of good tokens, in the flood ({@code ours}) and in quiet times ({@code quiet}), round by round
     * @param tried tokens that nobody issued, in all
     * @param bytesBefore the heap's use after a collection
     * @param bytesAfter the heap's use after a collection
     */
    record Outcome(
            double lookupsPerSecond, double limit, Samples p99s, long tried, long bytesBefore, long bytesAfter) {}

    static void run(Session session, RedisServer server) throws Exception {
        Duration slice = Duration.ofSeconds(session.quick() ? 1 : 10);
        int rounds = session.quick() ? 5 : 6;
        session.say("");
        session.say("auth.flood: " + ATTACKERS + " threads try random tokens as fast as they can for "
                + slice.multipliedBy(rounds).toSeconds() + " s in " + rounds + " rounds, while " + CALLERS
                + " threads bring good ones; beside quiet rounds, in which the " + ATTACKERS
                + " threads bring good ones as well");
        session.say("  ours  TokenCache on Redis, the default options, an introspection takes " + INTROSPECTION_MILLIS
                + " ms; LookupGate is RateLimiter.local with " + LIMIT_PER_SECOND
                + " look-ups per second, " + BURST + " at once, for the attacker's address");
        Outcome outcome = measure(server.uri(), AuthTokens.TOKENS, slice, rounds, session.progress());
        session.say(outcome.tried + " tokens tried, " + rounds + " rounds");
        session.emit(Row.counts(
                "auth.flood.lookups", "limit", "lookups/s", outcome.lookupsPerSecond, outcome.limit, Better.LOWER));
        session.emit(outcome.p99s.row("auth.flood.p99", "ours", "quiet", "us", NANOS_PER_MICRO));
        session.emit(Row.counts(
                "auth.flood.heap",
                "quiet",
                "MB",
                outcome.bytesAfter / BYTES_PER_MEGABYTE,
                outcome.bytesBefore / BYTES_PER_MEGABYTE,
                Better.LOWER));
    }

    static Outcome measure(String uri, int tokens, Duration slice, int rounds, Progress progress) throws Exception {
        Map<String, String> subjects = AuthTokens.opaque(tokens, 42);
        AtomicLong unknown = new AtomicLong();
        Introspector introspector = new Introspector() {
            @Override
            public @Nullable TokenFacts introspect(String token) {
                Users.pause(TimeUnit.MILLISECONDS.toNanos(INTROSPECTION_MILLIS));
                String subject = subjects.get(token);
                if (subject != null) return AuthTokens.facts(subject);
                unknown.incrementAndGet();
                return null;
            }
        };
        Policy lookups = Policy.of(
                "lookups",
                Limit.limit("address", LIMIT_PER_SECOND, Duration.ofSeconds(1)).burst(BURST));
        try (AuthNodes nodes = new AuthNodes(introspector, UnaryOperator.identity()).add(1, uri);
                RateLimiter limiter = RateLimiter.local()) {
            TokenCache cache = nodes.cache(0);
            AuthTokens.verify(cache, subjects, AuthTokens.random(new Random(43)));
            LookupGate gate = () -> limiter.acquire(lookups, "192.0.2.1").allowed();
            AuthFlood flood = new AuthFlood(cache, AuthTokens.drawn(subjects, DRAWN), gate);
            return flood.rounds(slice, rounds, unknown, progress);
        }
    }

    private Outcome rounds(Duration slice, int rounds, AtomicLong unknown, Progress progress) throws Exception {
        Samples p99s = new Samples();
        long tried = 0;
        long nanos = slice.toNanos();
        ExecutorService executor = Executors.newFixedThreadPool(ATTACKERS + CALLERS);
        try (Progress.Bar bar = progress.start("auth.flood", 2L * (rounds + 1) * nanos)) {
            // One of each to warm up.
            Part unusedQuiet = part(executor, false, nanos, 0);
            Part unusedFlood = part(executor, true, nanos, 0);
            bar.advance(2 * nanos);
            long bytesBefore = used();
            long asked = unknown.get();
            for (int round = 1; round <= rounds; round++) {
                p99s.add("quiet", part(executor, false, nanos, round).p99);
                Part part = part(executor, true, nanos, round);
                p99s.add("ours", part.p99);
                tried += part.tried;
                bar.advance(2 * nanos);
            }
            double seconds = rounds * nanos / 1e9;
            double perSecond = (unknown.get() - asked) / seconds;
            // Each round may begin with a full bucket, and each thread's last look-up may end after it.
            double limit = LIMIT_PER_SECOND + (BURST + ATTACKERS) * rounds / seconds;
            return new Outcome(perSecond, limit, p99s, tried, bytesBefore, used());
        } finally {
            executor.shutdownNow();
        }
    }

    /** One round: what good tokens took, and how many others were tried. */
    private record Part(double p99, long tried) {}

    private Part part(ExecutorService executor, boolean isFlood, long nanos, int round) throws Exception {
        List<Callable<Long>> tasks = new ArrayList<>();
        List<Histogram> latencies = new ArrayList<>();
        long end = System.nanoTime() + nanos;
        for (int i = 0; i < ATTACKERS; i++) {
            int seed = 1_000 * (round + 1) + i;
            tasks.add(isFlood ? () -> attack(seed, end) : () -> call(seed, end, new Histogram(LONGEST_NANOS, 3)));
        }
        for (int i = 0; i < CALLERS; i++) {
            Histogram mine = new Histogram(LONGEST_NANOS, 3);
            latencies.add(mine);
            int from = i * drawn.length / CALLERS;
            tasks.add(() -> call(from, end, mine));
        }
        List<Future<Long>> done = executor.invokeAll(tasks);
        long tried = 0;
        for (int i = 0; i < done.size(); i++) {
            long requests = done.get(i).get();
            if (isFlood && i < ATTACKERS) tried += requests;
        }
        Histogram all = new Histogram(LONGEST_NANOS, 3);
        latencies.forEach(all::add);
        return new Part(all.getValueAtPercentile(99), tried);
    }

    private long attack(long seed, long end) {
        Random random = new Random(seed);
        long tried = 0;
        while (System.nanoTime() - end < 0) {
            Verification answer = cache.verify(Credential.bearer(AuthTokens.random(random)), AuthTokens.REQUIRE, gate);
            if (answer.isVerified()) throw new IllegalStateException("ours accepts a token that nobody issued");
            tried++;
        }
        return tried;
    }

    private long call(int from, long end, Histogram latencies) {
        int at = from % drawn.length;
        long requests = 0;
        long before = System.nanoTime();
        while (before - end < 0) {
            String unused = AuthTokens.subject(cache, drawn[at]);
            long now = System.nanoTime();
            latencies.recordValue(Math.min(LONGEST_NANOS, now - before));
            before = now;
            at = at + 1 == drawn.length ? 0 : at + 1;
            requests++;
        }
        return requests;
    }

    private static long used() {
        // What only references in doubt hold on to is gone after the second one.
        System.gc();
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
