package dev.tenfold.benchmarks;

import dev.tenfold.auth.Credential;
import dev.tenfold.auth.Verification;
import dev.tenfold.auth.Verification.Reason;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.HdrHistogram.Histogram;

/**
 * How long after a call of revoke a token is still accepted anywhere: on eight nodes that verify it all the time; and on one
 * whose connection to Redis has just fallen silent.
 */
final class AuthRevoke {
    private static final int NODES = 8;
    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(500);
    /** What one revocation takes, roughly, with the token's way to all nodes before. */
    private static final long ABOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(15);

    private static final long LIMIT_SECONDS = 60;
    private static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(2);
    private static final Duration MAX_STALENESS = Duration.ofSeconds(1);
    private static final double NANOS_PER_MILLI = 1e6;

    private AuthRevoke() {}

    static void run(Session session, RedisServer server) throws Exception {
        int revocations = session.quick() ? 1_000 : 10_000;
        int cuts = session.quick() ? 3 : 20;
        session.say("");
        session.say("auth.revoke: " + NODES + " nodes, each verifies one token every "
                + TimeUnit.NANOSECONDS.toMicros(PAUSE_NANOS) + " us; " + revocations
                + " revocations, by one node after the other; from the call of revoke to the end of the last request that is"
                + " accepted on any node. Then " + cuts
                + " revocations while one node's connection to Redis has fallen silent (halfopen), on that node");
        session.say("  ours  TokenCache on Redis, maxStaleness " + MAX_STALENESS.toMillis()
                + " ms, else the default options; a RedisLink a node, with a command timeout of "
                + RateLimitOurs.PATIENCE.toSeconds() + " s, or the default one where it falls silent");
        Outcome outcome = revoke(server.uri(), NODES, revocations, session.progress());
        session.say("p99 " + outcome.nanos.getValueAtPercentile(99) / NANOS_PER_MILLI + " ms, longest "
                + outcome.nanos.getMaxValue() / NANOS_PER_MILLI + " ms");
        session.emit(alone("auth.revoke.p50", outcome.nanos.getValueAtPercentile(50)));
        session.emit(alone("auth.revoke.p999", outcome.nanos.getValueAtPercentile(99.9)));
        Outcome cut = cut(server, cuts, session.progress());
        session.emit(Row.counts(
                "auth.revoke.halfopen",
                "limit",
                "ms",
                cut.nanos.getMaxValue() / NANOS_PER_MILLI,
                MAX_STALENESS.toNanos() / NANOS_PER_MILLI,
                Better.LOWER));
        session.emit(Row.alone(
                "auth.revoke.after",
                "any",
                "acceptances",
                (double) (outcome.acceptedAfter + cut.acceptedAfter),
                Better.LOWER));
    }

    private static Row alone(String name, long nanos) {
        return Row.alone(name, "any", "ms", nanos / NANOS_PER_MILLI, Better.LOWER);
    }

    /**
     * What was measured.
     *
     * @param nanos from each revocation to the last acceptance; nought if there was none
     * @param acceptedAfter how often a node accepted a token that it had refused before, or after it had to refuse
     */
    record Outcome(Histogram nanos, long acceptedAfter) {}

    /** One token that is verified on all nodes until the last of them refuses it. */
    private static final class Round {
        final String token;
        final CountDownLatch accepted;
        final CountDownLatch refused;
        final AtomicLong lastAccepted = new AtomicLong(Long.MIN_VALUE);

        Round(String token, int nodes) {
            this.token = token;
            accepted = new CountDownLatch(nodes);
            refused = new CountDownLatch(nodes);
        }
    }

    /** Verifies on one node whatever the round is about, until it is told to stop. */
    private static final class Watch {
        volatile Round round;
        volatile boolean isOver;
        final AtomicLong acceptedAfter = new AtomicLong();

        Watch(Round first) {
            round = first;
        }

        void run(AuthNodes nodes, int node) {
            while (!isOver) {
                Round mine = round;
                boolean hasAccepted = false;
                boolean hasRefused = false;
                while (mine == round && !isOver) {
                    boolean isAccepted = isAccepted(nodes, node, mine.token);
                    long now = System.nanoTime();
                    if (isAccepted && hasRefused) acceptedAfter.incrementAndGet();
                    if (isAccepted) mine.lastAccepted.accumulateAndGet(now, Math::max);
                    if (isAccepted && !hasAccepted) mine.accepted.countDown();
                    if (!isAccepted && !hasRefused) mine.refused.countDown();
                    hasAccepted |= isAccepted;
                    hasRefused |= !isAccepted;
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
            }
        }
    }

    private static boolean isAccepted(AuthNodes nodes, int node, String token) {
        Verification answer = nodes.cache(node).verify(Credential.bearer(token), AuthTokens.REQUIRE);
        if (answer.isVerified()) return true;
        if (answer instanceof Verification.Refused refused && refused.reason() == Reason.INACTIVE) return false;
        throw new IllegalStateException("node " + node + " answers " + answer);
    }

    /** Revokes one token after the other. */
    static Outcome revoke(String uri, int size, int revocations, Progress progress) throws Exception {
        Random random = new Random(42);
        List<String> tokens = new ArrayList<>();
        Histogram nanos = new Histogram(LONGEST_NANOS, 3);
        ExecutorService executor = Executors.newFixedThreadPool(size);
        try (AuthNodes nodes = nodes().add(size, uri);
                Progress.Bar bar = progress.start("auth.revoke", revocations * ABOUT_NANOS)) {
            Round round = new Round(AuthTokens.random(random), size);
            Watch watch = new Watch(round);
            List<Future<?>> watching = new ArrayList<>();
            try {
                for (int i = 0; i < size; i++) {
                    int node = i;
                    watching.add(executor.submit(() -> watch.run(nodes, node)));
                }
                for (int i = 0; i < revocations; i++) {
                    await(round.accepted, watching, "accepted");
                    long start = System.nanoTime();
                    revoke(nodes, i % size, round.token);
                    await(round.refused, watching, "refused");
                    nanos.recordValue(Math.max(0, Math.min(LONGEST_NANOS, round.lastAccepted.get() - start)));
                    tokens.add(round.token);
                    round = new Round(AuthTokens.random(random), size);
                    watch.round = round;
                    bar.advance(ABOUT_NANOS);
                }
            } finally {
                watch.isOver = true;
            }
            for (Future<?> each : watching) {
                Object unused = each.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            }
            long after = watch.acceptedAfter.get();
            for (String token : tokens) {
                for (int node = 0; node < size; node++) after += isAccepted(nodes, node, token) ? 1 : 0;
            }
            return new Outcome(nanos, after);
        } finally {
            executor.shutdownNow();
        }
    }

    private static AuthNodes nodes() {
        return new AuthNodes(token -> AuthTokens.facts("user:" + token), o -> o.maxStaleness(MAX_STALENESS));
    }

    private static void revoke(AuthNodes nodes, int node, String token) {
        if (!nodes.cache(node).revoke(Credential.bearer(token)).isDelivered()) {
            throw new IllegalStateException("a revocation was not delivered although Redis is there");
        }
    }

    private static void await(CountDownLatch latch, List<Future<?>> watching, String what) throws Exception {
        if (latch.await(LIMIT_SECONDS, TimeUnit.SECONDS)) return;
        for (Future<?> each : watching) {
            if (each.isDone()) {
                Object unused = each.get();
            }
        }
        throw new IllegalStateException("after " + LIMIT_SECONDS + " s not all nodes have " + what + " a token");
    }

    /** Revokes tokens that a node has in memory which does not hear of it. */
    static Outcome cut(RedisServer server, int cuts, Progress progress) throws Exception {
        Random random = new Random(44);
        Histogram nanos = new Histogram(LONGEST_NANOS, 3);
        long after = 0;
        try (FaultProxy proxy = FaultProxy.to(server.host(), server.port());
                AuthNodes nodes = nodes().add(1, server.uri())
                        .add(1, "redis://" + proxy.host() + ":" + proxy.port(), UnaryOperator.identity());
                Progress.Bar bar = progress.start("auth.revoke.halfopen", 2L * cuts * MAX_STALENESS.toNanos())) {
            for (int i = 0; i < cuts; i++) {
                String token = AuthTokens.random(random);
                // Known to both, and the link is as it was before the last cut.
                until("is accepted", () -> verified(nodes, 0, token) && verified(nodes, 1, token));
                proxy.halfOpen();
                long start = System.nanoTime();
                revoke(nodes, 0, token);
                long last = start;
                long end = start + 2 * MAX_STALENESS.toNanos();
                while (System.nanoTime() - end < 0) {
                    long asked = System.nanoTime();
                    if (verified(nodes, 1, token)) {
                        last = System.nanoTime();
                        // By when it was asked: the answer may have been given long before it is seen here.
                        if (asked - start > MAX_STALENESS.toNanos()) after++;
                    }
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
                nanos.recordValue(Math.min(LONGEST_NANOS, last - start));
                proxy.resume();
                String other = AuthTokens.random(random);
                until("is accepted again", () -> {
                    if (verified(nodes, 1, token)) throw new IllegalStateException("ours accepts a revoked token");
                    return verified(nodes, 1, other);
                });
                if (verified(nodes, 0, token) || verified(nodes, 1, token)) after++;
                bar.advance(2 * MAX_STALENESS.toNanos());
            }
        }
        return new Outcome(nanos, after);
    }

    private static boolean verified(AuthNodes nodes, int node, String token) {
        return nodes.cache(node)
                .verify(Credential.bearer(token), AuthTokens.REQUIRE)
                .isVerified();
    }

    private static void until(String what, BooleanSupplier isSo) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
        while (!isSo.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException("no token " + what + " within " + LIMIT_SECONDS + " s");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }
}
