package dev.tenfold.jobs;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jooq.Field;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees when transactions of others commit: looks for the jobs that they have inserted, after 1, 2, 4 ms and so on, half a second
 * at most, for ten seconds. Does not see what takes longer, nor more than 1,000 jobs at a time; those are found when a worker
 * looks next. A look is one statement for all, and looks take a fifth of one connection's time at most.
 */
final class CommitWatcher {
    private static final Logger LOG = LoggerFactory.getLogger(CommitWatcher.class);
    private static final Field<Long> ID = DSL.field(DSL.name("id"), SQLDataType.BIGINT);
    private static final int MOST = 1_000;
    private static final long FIRST = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LONGEST = TimeUnit.MILLISECONDS.toNanos(500);
    private static final long GIVES_UP = TimeUnit.SECONDS.toNanos(10);

    private static final class Watched {
        final Lane lane;
        final long since;
        long pause = FIRST;
        long next;

        Watched(Lane lane, long now) {
            this.lane = lane;
            since = now;
            next = now + FIRST;
        }
    }

    private final Db db;
    private final ScheduledExecutorService timer;
    private final Consumer<Lane> wake;
    private final ReentrantLock lock = new ReentrantLock();

    // Under the lock.
    private final Map<Long, Watched> watched = new HashMap<>();
    private @Nullable ScheduledFuture<?> planned;
    private long plannedFor;
    private boolean looking;
    private boolean failed;

    CommitWatcher(Db db, ScheduledExecutorService timer, Consumer<Lane> wake) {
        this.db = db;
        this.timer = timer;
        this.wake = wake;
    }

    void watch(long id, Lane lane) {
        long now = System.nanoTime();
        lock.lock();
        try {
            if (watched.size() < MOST) {
                watched.put(id, new Watched(lane, now));
                plan(now + FIRST);
            }
        } finally {
            lock.unlock();
        }
    }

    private void plan(long at) {
        if (looking || (planned != null && plannedFor - at <= 0)) {
            return; // looks early enough, or plans anew when it has looked
        }
        if (planned != null) {
            planned.cancel(false);
        }
        plannedFor = at;
        planned = timer.schedule(this::look, Math.max(0, at - System.nanoTime()), TimeUnit.NANOSECONDS);
    }

    private void look() {
        long began = System.nanoTime();
        Long[] ids = begin(began);
        Set<Long> visible = Set.of();
        try {
            visible = visible(ids);
            failed = false; // only the timer's thread is here
        } catch (SQLException | RuntimeException | Error e) {
            if (!failed) {
                failed = true;
                LOG.warn(
                        "cannot see whether transactions with jobs have committed ({}); workers find the jobs when they look"
                                + " next",
                        e.toString());
            }
        }
        end(ids, visible, began).forEach(wake);
    }

    private Long[] begin(long now) {
        lock.lock();
        try {
            planned = null;
            looking = true;
            List<Long> due = new ArrayList<>();
            watched.forEach((id, each) -> {
                if (each.next - now <= 0) {
                    due.add(id);
                }
            });
            return due.toArray(Long[]::new);
        } finally {
            lock.unlock();
        }
    }

    /** Which of the jobs are there, for everybody to see. */
    private Set<Long> visible(Long[] ids) throws SQLException {
        if (ids.length == 0) {
            return Set.of();
        }
        return db.autocommit(connection -> new HashSet<>(db.dsl(connection)
                .select(ID)
                .from(DSL.table(DSL.raw(db.table("tenfold_job"))))
                .where(db.isPostgres() ? ID.eq(DSL.any(ids)) : ID.in(ids))
                .fetch(ID)));
    }

    /** The lanes of what is visible; looks again for the rest. */
    private Set<Lane> end(Long[] ids, Set<Long> visible, long began) {
        Set<Lane> lanes = new LinkedHashSet<>();
        lock.lock();
        try {
            long now = System.nanoTime();
            for (Long id : ids) {
                Watched each = watched.get(id);
                if (each == null) {
                    continue;
                }
                each.pause = Math.min(each.pause * 2, LONGEST);
                each.next = now + each.pause;
                if (visible.contains(id)) {
                    lanes.add(each.lane);
                    watched.remove(id);
                } else if (now - each.since > GIVES_UP) {
                    watched.remove(id);
                }
            }
            looking = false;
            long earliest = now + Math.max(FIRST, 4 * (now - began));
            watched.values().stream()
                    .mapToLong(each -> Math.max(0, each.next - earliest))
                    .min()
                    .ifPresent(after -> plan(earliest + after));
        } finally {
            lock.unlock();
        }
        return lanes;
    }
}
