package dev.tenfold.query.guard;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The connections that are out, and the totals of those that are back.
 *
 * <p>A borrow takes a free slot for as long as it lasts: one compare-and-set from a random place on. The totals are the slot's,
 * plain fields that its borrower alone writes, so that there is nothing to contend for; the release of the slot publishes
 * them. There are at least twice as many slots as connections, so that a free one is found at the second look on average.
 */
final class Loans {
    /** One of so many borrows of a slot keeps its stack, the first among them. */
    private static final int STACK_EVERY = 64;

    private static final int FIRST_SLOTS = 32;

    private final long since;
    private final LongAdder refused = new LongAdder();
    private final LongAdder refusedNanos = new LongAdder();
    private volatile Slot[] slots = slots(new Slot[0], FIRST_SLOTS);

    Loans(long now) {
        since = now;
    }

    /** Who has it, and what those had who had it before. */
    static final class Slot extends AtomicReference<@Nullable Object> {
        private static final long serialVersionUID = 1;
        /** Taken, by someone whose connection is not there yet. */
        private static final Object TAKEN = new Object();

        private long borrows;
        private long returned;
        private long waited;
        private long held;
        private double squares;
        private long judged;
        private long worked;

        /** Whether the stack of this borrow is kept. */
        boolean isTurn() {
            return borrows % STACK_EVERY == 0;
        }

        void out(WatchedConnection connection, long nanos) {
            borrows++;
            waited += nanos;
            setRelease(connection);
        }

        /** Called by whoever closes the connection. */
        void back(WatchedConnection connection, long now) {
            // Two threads that close it at once must not give back what is another's by then.
            if (!compareAndSet(connection, TAKEN)) return;
            long nanos = now - connection.borrowedAt();
            returned++;
            held += nanos;
            squares += (double) nanos * nanos;
            long working = connection.workedAtMost(now);
            if (working >= 0) {
                judged += nanos;
                worked += working;
            }
            setRelease(null);
        }
    }

    private static Slot[] slots(Slot[] before, int count) {
        Slot[] all = Arrays.copyOf(before, count);
        for (int i = before.length; i < count; i++) all[i] = new Slot();
        return all;
    }

    /** A slot that is the caller's. */
    Slot lend() {
        Slot[] all = slots;
        int from = ThreadLocalRandom.current().nextInt(all.length);
        // Beyond half of them it is time for more.
        for (int i = 0; i < all.length / 2; i++) {
            Slot slot = all[(from + i) % all.length];
            if (slot.getPlain() == null && slot.compareAndSet(null, Slot.TAKEN)) return slot;
        }
        grow(all);
        return lend();
    }

    @SuppressWarnings("ReferenceEquality") // whether another thread has made more
    private synchronized void grow(Slot[] seen) {
        if (slots == seen) slots = slots(seen, seen.length * 2);
    }

    void refused(long nanos) {
        refused.increment();
        refusedNanos.add(nanos);
    }

    Borrows look(long now) {
        Sums sums = new Sums();
        for (Slot slot : slots) sums.add(slot, now);
        return new Borrows(
                Duration.ofNanos(now - since),
                sums.borrows,
                refused.sum(),
                Duration.ofNanos(sums.waited),
                Duration.ofNanos(refusedNanos.sum()),
                sums.returned,
                Duration.ofNanos(sums.held),
                sums.squares / 1e18,
                Duration.ofNanos(sums.judged),
                Duration.ofNanos(sums.worked),
                List.copyOf(sums.out));
    }

    /** The totals of all slots. */
    private static final class Sums {
        private static final int MOST_TRIES = 8;

        private final List<BorrowedConnection> out = new ArrayList<>();
        private long borrows;
        private long returned;
        private long waited;
        private long held;
        private double squares;
        private long judged;
        private long worked;

        /** A connection that comes back meanwhile must not count as out and as back, so that then it is read again. */
        void add(Slot slot, long now) {
            Object has = slot.getAcquire();
            for (int i = 0; ; i++) {
                long itsBorrows = slot.borrows;
                long itsReturned = slot.returned;
                long itsWaited = slot.waited;
                long itsHeld = slot.held;
                double itsSquares = slot.squares;
                long itsJudged = slot.judged;
                long itsWorked = slot.worked;
                Object hasNow = slot.get();
                if (isSame(has, hasNow) || i == MOST_TRIES) {
                    borrows += itsBorrows;
                    returned += itsReturned;
                    waited += itsWaited;
                    held += itsHeld;
                    squares += itsSquares;
                    judged += itsJudged;
                    worked += itsWorked;
                    if (hasNow instanceof WatchedConnection connection) out.add(connection.seen(now));
                    return;
                }
                has = hasNow;
            }
        }

        @SuppressWarnings("ReferenceEquality")
        private static boolean isSame(@Nullable Object one, @Nullable Object other) {
            return one == other;
        }
    }
}
