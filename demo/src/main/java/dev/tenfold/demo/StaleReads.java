package dev.tenfold.demo;

import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;

/**
 * Checks every post of every page: was it older than what had been committed before the request began? Writers tell it what
 * they have committed, readers what they were shown. Knows nothing of caches.
 */
final class StaleReads {
    private static final String VERSION = "{\"version\":";
    private static final String ID = ",\"id\":";

    private record Commit(long nanos, long version) {}

    /**
     * What was found.
     *
     * @param posts how many were checked
     * @param behind older than what was committed before the request began, all in all
     * @param behindWhileAway those of them that were shown while Redis was away, or just after
     * @param beyond those that are older than promised
     */
    record Found(long posts, long behind, long behindWhileAway, long beyond) {
        static final Found NOTHING = new Found(0, 0, 0, 0);
    }

    private static final long FOREVER = Long.MAX_VALUE / 2;

    private final Duration bound;
    private final Duration boundWhileAway;
    private final Map<Long, Queue<Commit>> commits = new ConcurrentHashMap<>();
    private final LongAdder posts = new LongAdder();
    private final LongAdder behind = new LongAdder();
    private final LongAdder behindWhileAway = new LongAdder();
    private final LongAdder beyond = new LongAdder();
    private volatile long awayUntil = System.nanoTime();

    /**
     * @param bound how old a post may be; zero for not at all
     * @param boundWhileAway how old it may be while Redis is away
     */
    StaleReads(Duration bound, Duration boundWhileAway) {
        this.bound = bound;
        this.boundWhileAway = boundWhileAway;
    }

    /** From now on, and until {@link #back}, Redis is away. */
    void away() {
        awayUntil = System.nanoTime() + FOREVER;
    }

    /** The usual bound holds again, for what was committed from now on. */
    void back() {
        awayUntil = System.nanoTime() + bound.toNanos();
    }

    /** To be called after the commit. */
    void committed(long post, long version) {
        long now = System.nanoTime();
        commits.computeIfAbsent(post, id -> new ConcurrentLinkedQueue<>()).add(new Commit(now, version));
    }

    /** To be called with each page that was shown. */
    void shown(long requestNanos, String page) {
        boolean whileAway = requestNanos - awayUntil < 0;
        long boundNanos = (whileAway ? boundWhileAway : bound).toNanos();
        for (int at = page.indexOf(VERSION); at >= 0; at = page.indexOf(VERSION, at)) {
            at += VERSION.length();
            int comma = page.indexOf(',', at);
            long version = Long.parseLong(page, at, comma, 10);
            int id = comma + ID.length();
            at = page.indexOf(',', id);
            check(Long.parseLong(page, id, at, 10), version, requestNanos, boundNanos, whileAway);
        }
    }

    private void check(long post, long version, long requestNanos, long boundNanos, boolean whileAway) {
        posts.increment();
        Queue<Commit> versions = commits.get(post);
        if (versions == null) {
            return;
        }
        boolean isBehind = false;
        boolean isBeyond = false;
        for (Commit commit : versions) {
            if (commit.version() > version) {
                isBehind |= commit.nanos() - requestNanos <= 0;
                isBeyond |= commit.nanos() - (requestNanos - boundNanos) <= 0;
            }
        }
        if (isBehind) {
            behind.increment();
            if (whileAway) {
                behindWhileAway.increment();
            }
        }
        if (isBeyond) {
            beyond.increment();
        }
    }

    /** Since the last time that it was asked. */
    Found found() {
        return new Found(
                posts.sumThenReset(), behind.sumThenReset(), behindWhileAway.sumThenReset(), beyond.sumThenReset());
    }
}
