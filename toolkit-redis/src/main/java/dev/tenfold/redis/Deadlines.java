package dev.tenfold.redis;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Ends what has waited for its reply too long. Adding costs a clock read and a queue node; no timer is set for one command.
 *
 * <p>All waits of a link are equally long, so that the order of arrival is the order of the deadlines, and a queue does. A
 * tick looks at its head only: what is done is dropped, what is due is ended, the first that is neither ends the tick. Ticks
 * come every tenth of the timeout, 25 ms apart at most, and stop a second after the queue has run dry.
 *
 * <p>A tick that comes late itself, after a garbage collection or a suspended machine, ends nothing: the replies may lie in
 * the socket, and get one more tick to be read. The next tick is not that lenient.
 */
final class Deadlines {
    private static final long LONGEST_TICK = TimeUnit.MILLISECONDS.toNanos(25);
    private static final long SHORTEST_TICK = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long IDLE = TimeUnit.SECONDS.toNanos(1);

    private final Queue<Deadline> queue = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean ticking = new AtomicBoolean();
    private final Timer timer;
    private final LongSupplier nanoClock;
    private final long timeout;
    private final long tick;

    /** Set once, when there are no more ticks. */
    private volatile @Nullable Throwable ended;

    // Of the timer's thread.
    private long plannedFor;
    private boolean lenient = true;
    private long dryTicks;

    /** Runs a task on one thread, that many nanoseconds later; not at all once the link is closed. */
    interface Timer {
        void later(long nanos, Runnable task);
    }

    /** One wait. It lets go of what waits as soon as that is done, since it may stay in the queue a little longer. */
    static final class Deadline {
        private final long at;
        private @Nullable Pending<?> pending;

        private Deadline(long at, Pending<?> pending) {
            this.at = at;
            this.pending = pending;
        }

        /** A plain write: if the timer does not see it yet, it asks the pending one whether it is done. */
        void release() {
            pending = null;
        }
    }

    Deadlines(Timer timer, Duration timeout, LongSupplier nanoClock) {
        this.timer = timer;
        this.nanoClock = nanoClock;
        this.timeout = timeout.toNanos();
        this.tick = Math.max(SHORTEST_TICK, Math.min(LONGEST_TICK, timeout.toNanos() / 10));
    }

    Deadline add(Pending<?> pending) {
        Deadline deadline = new Deadline(nanoClock.getAsLong() + timeout, pending);
        queue.add(deadline);
        Throwable failure = ended;
        if (failure != null) endAll(failure); // Lettuce may forget a command that meets the closing
        else if (!ticking.get() && ticking.compareAndSet(false, true)) schedule();
        return deadline;
    }

    private void schedule() {
        plannedFor = nanoClock.getAsLong() + tick;
        timer.later(tick, this::tick);
    }

    private void tick() {
        long now = nanoClock.getAsLong();
        boolean late = now - plannedFor > tick;
        endWhatIsDue(now, late && lenient);
        lenient = !(late && lenient);
        dryTicks = queue.isEmpty() ? dryTicks + 1 : 0;
        if (dryTicks * tick < IDLE) {
            schedule();
            return;
        }
        dryTicks = 0;
        ticking.set(false);
        // Whoever added before that saw a timer that ticks.
        if (!queue.isEmpty() && ticking.compareAndSet(false, true)) schedule();
    }

    private void endWhatIsDue(long now, boolean spare) {
        for (Deadline head; (head = queue.peek()) != null; ) {
            Pending<?> pending = head.pending;
            boolean done = pending == null || pending.isDone();
            if (!done && (spare || head.at - now > 0)) return;
            queue.poll();
            if (pending != null && !done) pending.expire();
        }
    }

    /** Ends everything, when there are no more ticks, and whatever is added from now on. */
    void endAll(Throwable failure) {
        ended = failure;
        for (Deadline head; (head = queue.poll()) != null; ) {
            Pending<?> pending = head.pending;
            if (pending != null) pending.fail(failure);
        }
    }
}
