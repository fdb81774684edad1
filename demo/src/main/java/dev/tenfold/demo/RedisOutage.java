package dev.tenfold.demo;

import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Kills Redis when a third of the time is over, starts it empty after two thirds, and waits until the nodes are in step. */
final class RedisOutage implements AutoCloseable {
    private static final long LONGEST_RECOVERY_NANOS = TimeUnit.SECONDS.toNanos(20);

    private final RedisServer redis;
    private final TwoNodes nodes;
    private final StaleReads stale;
    private final Duration length;
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(body -> {
        Thread made = new Thread(body, "redis-outage");
        made.setDaemon(true);
        return made;
    });
    private @Nullable Future<Stage.Away> outcome;

    RedisOutage(RedisServer redis, TwoNodes nodes, StaleReads stale, Duration length) {
        this.redis = redis;
        this.nodes = nodes;
        this.stale = stale;
        this.length = length;
    }

    /** Does not block. */
    void begin() {
        long began = System.nanoTime();
        outcome = thread.schedule(() -> happen(began), length.toNanos() / 3, TimeUnit.NANOSECONDS);
    }

    private Stage.Away happen(long began) {
        stale.away();
        redis.kill();
        double from = secondsSince(began);
        parkUntil(began + length.toNanos() * 2 / 3);
        redis.restart();
        long back = System.nanoTime();
        double to = secondsSince(began);
        while (!nodes.areInStepAgain() && System.nanoTime() - back < LONGEST_RECOVERY_NANOS) {
            LockSupport.parkNanos(5_000_000);
        }
        stale.back();
        return new Stage.Away(from, to, secondsSince(back));
    }

    /** Blocks until Redis is back and the nodes are in step. */
    Stage.Away await() throws InterruptedException, ExecutionException {
        return Objects.requireNonNull(outcome, "begin() first").get();
    }

    private static double secondsSince(long nanoTime) {
        return (System.nanoTime() - nanoTime) / 1e9;
    }

    private static void parkUntil(long nanoTime) {
        for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
