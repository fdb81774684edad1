package dev.tenfold.jobs;

import java.time.Duration;
import java.util.Optional;

/**
 * What is in one queue. The jobs that are due, {@code ready} and {@code running}, are counted among the first {@value
 * BoundedCount#MOST} that are due of each priority, the dead ones among the newest {@value BoundedCount#MOST} of all queues.
 *
 * @param name the queue's
 * @param paused whether workers leave it alone
 * @param ready due, and nobody has them
 * @param oldestReady how long the first of those has been due; empty if there is none
 * @param running claimed: they run, or are about to
 * @param scheduled due later, after a failure, too
 * @param parked due, but their concurrency keys have no place free
 * @param waiting for a batch, or another job
 * @param dead given up
 */
public record QueueStats(
        String name,
        boolean paused,
        BoundedCount ready,
        Optional<Duration> oldestReady,
        BoundedCount running,
        BoundedCount scheduled,
        BoundedCount parked,
        BoundedCount waiting,
        BoundedCount dead) {}
