package dev.tenfold.benchmarks;

import dev.tenfold.auth.TokenCache;
import dev.tenfold.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** How often the authority is asked for a token that requests bring to all nodes at once, and no node has seen. */
final class AuthMisses {
    private static final int NODES = 4;
    private static final int REQUESTS = 10_000;
    private static final int INTROSPECTION_MILLIS = 50;
    private static final long STACK_BYTES = 128 * 1_024;
    private static final long LIMIT_SECONDS = 60;

    private AuthMisses() {}

    static void run(Session session, RedisServer server) throws Exception {
        int tokens = session.quick() ? 3 : 20;
        session.say("");
        session.say("auth.misses: " + REQUESTS + " threads bring one new token to " + NODES
                + " nodes at once, an introspection takes " + INTROSPECTION_MILLIS
                + " ms; introspections per token, mean of "
                + tokens + " tokens; the default options, and a command timeout of "
                + RateLimitOurs.PATIENCE.toSeconds() + " s");
        double asked = introspections(server.uri(), NODES, REQUESTS, tokens);
        session.emit(Row.alone("auth.misses", "any", "introspections/token", asked, Better.LOWER));
    }

    /** The mean number of introspections for a new token. */
    static double introspections(String uri, int nodes, int requests, int tokens) throws Exception {
        AtomicInteger asked = new AtomicInteger();
        try (AuthNodes fleet = new AuthNodes(
                        token -> {
                            asked.incrementAndGet();
                            Users.pause(TimeUnit.MILLISECONDS.toNanos(INTROSPECTION_MILLIS));
                            return AuthTokens.facts("user:" + token);
                        },
                        UnaryOperator.identity())
                .add(nodes, uri)) {
            Random random = new Random(42);
            for (int i = 0; i < tokens; i++) {
                all(fleet, requests, AuthTokens.random(random));
            }
        }
        return (double) asked.get() / tokens;
    }

    /** A thread a request, none of which begins before all have started. */
    private static void all(AuthNodes fleet, int requests, String token) throws Exception {
        CountDownLatch ready = new CountDownLatch(requests);
        CountDownLatch start = new CountDownLatch(1);
        List<FutureTask<String>> tasks = new ArrayList<>();
        try {
            for (int i = 0; i < requests; i++) {
                TokenCache cache = fleet.cache(i % fleet.size());
                Callable<String> request = () -> {
                    ready.countDown();
                    start.await();
                    return AuthTokens.subject(cache, token);
                };
                FutureTask<String> task = new FutureTask<>(request);
                tasks.add(task);
                Thread thread = new Thread(null, task, "request-" + i, STACK_BYTES);
                thread.setDaemon(true);
                thread.start();
            }
            if (!ready.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException(requests + " threads do not start within " + LIMIT_SECONDS + " s");
            }
        } finally {
            start.countDown();
        }
        for (FutureTask<String> task : tasks) {
            if (!task.get(LIMIT_SECONDS, TimeUnit.SECONDS).equals("user:" + token)) {
                throw new IllegalStateException("ours takes a token for another's");
            }
        }
    }
}
