package dev.tenfold.query;

import dev.tenfold.query.guard.QueryScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The heart of a scope: gathers keys, and dispatches them when nobody in the scope can run.
 *
 * <p>One exists for each outermost scope; scopes opened inside share it, so that the loads of nested loops share batches.
 * Batches run on the thread that opened the scope while that thread waits (it nearly always does), else on a spare one.
 */
final class Batcher {
    /*
     * How work reaches the opener. Whoever dispatches adds the round to `rounds`, and then looks at `serving`; the opener
     * clears `serving` first, and then empties `rounds`. Both are volatile in effect, so at least one of the two sees the
     * other: a round is never left behind, and since it is taken by poll, never run twice.
     */
    private final Thread opener = Thread.currentThread();
    private final ConcurrentLinkedQueue<Round> rounds = new ConcurrentLinkedQueue<>();
    private volatile boolean serving;

    private final ScopeOptions options;
    private final Quiescence quiescence = new Quiescence(this::dispatchQuiet);
    private final ConcurrentHashMap<PendingKey, Pending<?, ?>> pendings = new ConcurrentHashMap<>();
    private volatile @Nullable Pending<?, ?> recent; // saves the look-up while all load by the same
    private volatile int members = 16;
    private final Set<Round> inFlight = ConcurrentHashMap.newKeySet();
    private final Set<Group> groups = ConcurrentHashMap.newKeySet();
    private final AtomicBoolean timerArmed = new AtomicBoolean();
    private final ScheduledFuture<?> deadline;
    private volatile boolean expired;
    /** Whether a batch waited for a connection at the deadline, which cancels it. */
    private volatile boolean starved;

    private volatile boolean closed;

    /** Counts that a completer takes before it wakes anybody, more than there can be waiters; it gives the rest back. */
    private static final int CREDIT = 1 << 24;

    private record PendingKey(Loader<?, ?> loader, LoadContext context) {}

    Batcher(ScopeOptions options) {
        this.options = options;
        this.deadline = Threads.TIMER.schedule(this::expire, options.deadline.toNanos(), TimeUnit.NANOSECONDS);
    }

    Quiescence quiescence() {
        return quiescence;
    }

    <K, V> Slot<K> slot(Loader<K, V> loader, LoadContext context, K key) {
        if (expired) {
            throw deadlineExceeded(loader.name(), null);
        }
        return pending(loader, context).slot(key);
    }

    @SuppressWarnings("unchecked") // the key holds the loader, which holds the types
    <K, V> Pending<K, V> pending(Loader<K, V> loader, LoadContext context) {
        Pending<?, ?> known = recent;
        if (known == null || known.loader != loader || known.context != context) {
            PendingKey key = new PendingKey(loader, context);
            known = pendings.get(key);
            if (known == null) {
                known = pendings.computeIfAbsent(key, k -> new Pending<>(loader, context, this, members));
            }
            recent = known;
        }
        return (Pending<K, V>) known;
    }

    // ---- waiting ----------------------------------------------------------------------------------------------------

    /** Waits for a slot as a member of the scope: gives the count up, and has it back on return. */
    Object await(Slot<?> slot, Loader<?, ?> loader) {
        Waiter waiter = new Waiter();
        if (slot.add(waiter)) {
            try {
                await(waiter, loader.name(), 0);
            } catch (LoadException e) {
                loader.countLoads(1);
                cancelIfAbandoned(slot);
                throw e;
            } catch (TimeoutException e) {
                throw new AssertionError("no time-out was given", e);
            }
        } else {
            loader.countLoads(1);
        }
        Object result = slot.result();
        if (result == null) {
            throw new IllegalStateException("released without a result");
        }
        return result;
    }

    /**
     * Gives the count up until the waiter is released.
     *
     * @param nanos gives up waiting after that long; 0 waits until the scope's deadline
     */
    void await(Waiter waiter, String loader, long nanos) throws TimeoutException {
        long until = nanos == 0 ? 0 : System.nanoTime() + nanos;
        boolean serves = startServing();
        quiescence.exit(1);
        try {
            while (!waiter.released()) {
                if (serves && runNext()) {
                    continue;
                }
                if (expired && waiter.leave(quiescence)) {
                    throw deadlineExceeded(loader, null);
                }
                if (Thread.currentThread().isInterrupted() && waiter.leave(quiescence)) {
                    throw new LoadException.Cancelled(
                            loader, "loader '" + loader + "': interrupted while waiting for a batch");
                }
                if (nanos == 0) {
                    LockSupport.park(waiter);
                } else {
                    long left = until - System.nanoTime();
                    if (left <= 0 && waiter.leave(quiescence)) {
                        throw new TimeoutException("no value within " + TimeUnit.NANOSECONDS.toMillis(nanos) + " ms");
                    }
                    LockSupport.parkNanos(waiter, left);
                }
            }
        } finally {
            waiter.relay();
            stopServing(serves);
        }
    }

    /** Waits until a group has ended; an interrupt cancels the group, and is set again on return. */
    void awaitEnd(Group group) {
        Waiter waiter = new Waiter();
        if (!group.end.add(waiter)) {
            return;
        }
        boolean interrupted = false;
        boolean serves = startServing();
        quiescence.exit(1);
        while (!waiter.released()) {
            if (Thread.interrupted()) {
                interrupted = true;
                group.cancel();
            }
            if (!(serves && runNext()) && !waiter.released()) {
                LockSupport.park(waiter);
            }
        }
        waiter.relay();
        stopServing(serves);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean startServing() {
        if (Thread.currentThread() != opener || serving) {
            return false; // a batch function or a callback on the opener may wait inside a wait
        }
        serving = true;
        return true;
    }

    private void stopServing(boolean served) {
        if (served) {
            serving = false;
            while (runNext()) {
                // what was handed over just before
            }
        }
    }

    private boolean runNext() {
        Round round = rounds.poll();
        if (round != null) {
            round.run();
        }
        return round != null;
    }

    // ---- dispatching ------------------------------------------------------------------------------------------------

    private void dispatchQuiet() {
        dispatch(Trigger.QUIET);
    }

    private void dispatch(Trigger trigger) {
        List<Batch<?, ?>> batches = new ArrayList<>(2);
        for (Pending<?, ?> pending : pendings.values()) {
            Batch<?, ?> batch = pending.drain(trigger);
            if (batch != null) {
                batches.add(batch);
            }
        }
        if (!batches.isEmpty()) {
            start(new Round(this, batches));
        }
    }

    void dispatchFull(Pending<?, ?> pending) {
        Batch<?, ?> batch = pending.drain(Trigger.FULL);
        if (batch != null) {
            start(new Round(this, List.of(batch)));
        }
    }

    private void start(Round round) {
        inFlight.add(round);
        if (expired) {
            round.batches().forEach(Batch::refuse); // the deadline may not have seen it
        }
        if (options.batchExecutor != null) {
            round.runOn(QueryScope.wrap(options.batchExecutor));
            return;
        }
        rounds.add(round);
        if (serving) {
            LockSupport.unpark(opener);
        } else {
            Threads.SPARE.execute(QueryScope.wrap((Runnable) this::runNext));
        }
    }

    /** Publishes a result of a member's that ends or goes on, and wakes who waits for it. */
    void complete(Completion completion, Object result) {
        quiescence.enter(CREDIT);
        Wakes wakes = new Wakes();
        int released = completion.complete(result, wakes);
        wakes.flush();
        quiescence.exit(CREDIT - released);
    }

    /** Wakes the waiters of a fetched round, holding counts meanwhile, so that none of them dispatches alone. */
    void complete(Round round) {
        quiescence.enter(CREDIT);
        Wakes wakes = new Wakes();
        int released = 0;
        for (Batch<?, ?> batch : round.batches()) {
            released += batch.complete(this, wakes);
        }
        wakes.flush();
        quiescence.exit(CREDIT - released); // what callbacks asked for is in flight before this round is not
        inFlight.remove(round);
        if (closed) {
            LockSupport.unpark(opener);
        }
    }

    private static void cancelIfAbandoned(Slot<?> slot) {
        Batch<?, ?> batch = slot.batch;
        if (batch != null && !batch.isWanted()) {
            batch.cancel();
        }
    }

    // ---- the fallback timer and the deadline ------------------------------------------------------------------------

    /*
     * A scope that is not quiet either has a member that still runs, or one that is blocked elsewhere. The tick flushes
     * only in the second case: nobody entered or left since the last tick, and no member's thread is runnable. So a slow
     * machine or a long pause makes no batch smaller. A thread that was unparked shows WAITING until it has a processor;
     * the waiter it is parked on tells that it was released. A platform thread that reads from a socket looks runnable, as
     * does one that computes or has no processor. After ten silent ticks their stacks tell them apart: one that is inside a
     * native method counts as blocked then, the others after a hundred.
     */
    private static final int PATIENCE = 10;

    private static final int LONG_PATIENCE = 100;

    /** Sees to it that what is queued now goes, should the scope never become quiet. */
    void armTimer() {
        if (!timerArmed.get() && timerArmed.compareAndSet(false, true)) {
            scheduleTick(quiescence.stamp(), 0);
        }
    }

    private void scheduleTick(long stamp, int silentTicks) {
        ScheduledFuture<?> unused = Threads.TIMER.schedule(
                QueryScope.wrap(() -> tick(stamp, silentTicks)), options.flushAfter.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void tick(long before, int silentTicks) {
        long now = quiescence.stamp();
        if (hasPending()) {
            boolean silent = now == before && quiescence.running() > 0;
            if (!silent) {
                scheduleTick(now, 0);
                return;
            }
            int ticks = silentTicks + 1;
            if ((ticks < PATIENCE && isAnyTwice(Waiter::isRunnable))
                    || (ticks < LONG_PATIENCE && isAnyTwice(Waiter::wantsProcessor))
                    || quiescence.stamp() != now) { // who was seen to wait may have gone on while others were looked at
                scheduleTick(now, ticks);
                return;
            }
            dispatch(Trigger.TIMER);
        }
        timerArmed.set(false);
        if (hasPending()) {
            armTimer();
        }
    }

    /** Looks again if there is none: a virtual thread shows BLOCKED while the look itself keeps it from going on. */
    private boolean isAnyTwice(Predicate<Thread> asked) {
        boolean found = isAny(asked);
        return found || isAny(asked);
    }

    /** Whether a round waits for the opener, a member has not begun, or a thread of the scope is as asked. */
    private boolean isAny(Predicate<Thread> asked) {
        if (!rounds.isEmpty() || asked.test(opener)) {
            return true;
        }
        for (Group group : groups) {
            if (group.isAny(asked)) {
                return true;
            }
        }
        return false;
    }

    private boolean hasPending() {
        for (Pending<?, ?> pending : pendings.values()) {
            if (!pending.isEmpty()) {
                return true;
            }
        }
        return false;
    }

    private void expire() {
        starved = inFlight.stream().flatMap(round -> round.batches().stream()).anyMatch(Batch::isWaitingForConnection);
        expired = true;
        groups.forEach(Group::cancel);
        inFlight.forEach(round -> round.batches().forEach(Batch::cancel));
        LockSupport.unpark(opener);
    }

    boolean isExpired() {
        return expired;
    }

    LoadException deadlineExceeded(String loader, @Nullable Throwable cause) {
        String message = "loader '" + loader + "': the scope's deadline of " + options.deadline.toMillis()
                + " ms passed; "
                + (starved
                        ? "a batch was waiting for a connection: if members hold connections while they load, they"
                                + " starve it; load before borrowing, give the scope the transaction by"
                                + " LoadContext.transaction(connection), or enlarge the pool"
                        : "speed up the batch function, or raise deadline(…)");
        return new LoadException.DeadlineExceeded(loader, message, cause);
    }

    // ---- life -------------------------------------------------------------------------------------------------------

    void add(Group group) {
        groups.add(group);
        if (expired) {
            group.cancel();
        }
    }

    /** Sizes what is about to be filled by that many members. */
    void expect(int newMembers) {
        members = Math.max(members, Math.min(newMembers, 4_096));
    }

    void remove(Group group) {
        groups.remove(group);
    }

    /** Answers the futures that nobody waited for, then ends; every member has ended before. */
    void close() {
        serving = true;
        quiescence.exit(1);
        closed = true;
        boolean interrupted = false;
        while (!inFlight.isEmpty()) {
            interrupted |= Thread.interrupted();
            if (!runNext() && !inFlight.isEmpty()) {
                LockSupport.park(this);
            }
        }
        serving = false;
        deadline.cancel(false);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
