package dev.tenfold.auth;

import dev.tenfold.auth.ApiKeyTable.Rehash;
import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is written of keys without a request having to wait: when they were used last, and their hashes by a newer pepper.
 * Best effort: a process that dies loses what is not written; more keys in one interval than {@link #MOST_IDS} are not noted.
 *
 * <p>Each use is noted in a cell of its key, at most once a second. The one thread that writes takes all cells out: it marks
 * each as gone, so that who has just found it makes a new one, and no use gets lost between.
 */
final class ApiKeyWrites implements AutoCloseable {
    /** About 150 bytes each. */
    static final int MOST_IDS = 100_000;

    private static final Logger LOG = LoggerFactory.getLogger(ApiKeyWrites.class);
    private static final Duration CLOSES_WITHIN = Duration.ofSeconds(5);
    private static final long GONE = Long.MIN_VALUE;

    private final ApiKeyTable table;
    private final int mostIds;
    private final int flushesAMinute;
    private final ConcurrentHashMap<String, AtomicLong> uses = new ConcurrentHashMap<>();
    private final ConcurrentHashMap<String, Rehash> rehashes = new ConcurrentHashMap<>();
    private final LongAdder dropped = new LongAdder();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final ScheduledThreadPoolExecutor thread;

    /** Held by whoever writes, for that long. */
    private final ReentrantLock writing = new ReentrantLock();

    /** How many more failures are not told; under the lock. */
    private int untold;

    ApiKeyWrites(ApiKeyTable table, Duration every, int mostIds) {
        this.table = table;
        this.mostIds = mostIds;
        long millis = every.toMillis();
        flushesAMinute = (int) Math.max(1, Duration.ofMinutes(1).toMillis() / millis);
        thread = new ScheduledThreadPoolExecutor(1, task -> {
            Thread made = new Thread(null, task, "tenfold-api-keys", 0, false);
            made.setDaemon(true);
            return made;
        });
        var unused = thread.scheduleWithFixedDelay(this::flush, millis, millis, TimeUnit.MILLISECONDS);
    }

    /** Notes a use; does not wait, and allocates only for the first use since the last flush. */
    void used(String id, long second) {
        if (!closed.get()) note(id, second);
    }

    private void note(String id, long second) {
        while (true) {
            AtomicLong cell = uses.get(id);
            if (cell == null) {
                if (uses.size() >= mostIds) {
                    dropped.increment();
                    return;
                }
                if (uses.putIfAbsent(id, new AtomicLong(second)) == null) return;
                continue;
            }
            long latest = cell.get();
            if (latest == GONE) {
                uses.remove(id, cell);
            } else if (latest >= second || cell.compareAndSet(latest, second)) {
                return;
            }
        }
    }

    boolean wantsRehash(String id) {
        return !closed.get() && rehashes.size() < mostIds && !rehashes.containsKey(id);
    }

    void rehash(String id, Rehash change) {
        rehashes.putIfAbsent(id, change);
    }

    /** Writes all that is noted; what cannot be written is kept for the next time. Blocks for the database; never throws. */
    void flush() {
        writing.lock();
        try {
            SortedMap<String, Instant> used = takeUses();
            TreeMap<String, Rehash> rehashed = new TreeMap<>(rehashes);
            try {
                table.write(used, rehashed);
                rehashed.forEach(rehashes::remove);
            } catch (SQLException | RuntimeException e) {
                used.forEach((id, time) -> note(id, time.getEpochSecond()));
                tell(e, used.size(), rehashed.size());
            }
            if (untold > 0) untold--;
            long lost = dropped.sumThenReset();
            if (lost > 0) {
                LOG.warn(
                        "{} uses of API keys were not noted, as {} keys were in use already; lower flushEvery(…)",
                        lost,
                        mostIds);
            }
        } finally {
            writing.unlock();
        }
    }

    private SortedMap<String, Instant> takeUses() {
        TreeMap<String, Instant> taken = new TreeMap<>();
        for (Map.Entry<String, AtomicLong> entry : uses.entrySet()) {
            long latest = entry.getValue().getAndSet(GONE);
            uses.remove(entry.getKey(), entry.getValue());
            if (latest != GONE) {
                taken.merge(entry.getKey(), Instant.ofEpochSecond(latest), (a, b) -> a.isAfter(b) ? a : b);
            }
        }
        return taken;
    }

    /** Without the statement and its values, which a driver puts into a batch's message, and so without a stack trace. */
    private void tell(Exception failure, int keys, int hashes) {
        if (untold > 0) return;
        untold = flushesAMinute;
        Exception shown = failure;
        if (failure instanceof BatchUpdateException batch) {
            SQLException cause = batch.getNextException();
            shown = cause == null ? new SQLException("the batch failed", batch.getSQLState()) : cause;
        }
        LOG.warn(
                "cannot write when {} API keys were used last, nor {} hashes by a newer pepper ({}); keeps them, and tries"
                        + " again at the next flush. Keys are verified all the same while the database answers",
                keys,
                hashes,
                shown.toString());
    }

    /** Writes what is noted, waiting 5 s at most. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) return;
        thread.execute(this::flush);
        thread.shutdown();
        boolean ended = false;
        try {
            ended = thread.awaitTermination(CLOSES_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!ended) thread.shutdownNow();
        if (!ended || !uses.isEmpty()) {
            LOG.warn("closed without having written when some API keys were used last: the database did not answer");
        }
    }
}
