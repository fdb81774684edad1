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

        /** Called once for each connection, by whoever closes it. */
        void back(WatchedConnection connection, long now) {
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
        long borrows = 0;
        long returned = 0;
        long waited = 0;
        long held = 0;
        long judged = 0;
        long worked = 0;
        double squares = 0;
        List<BorrowedConnection> out = new ArrayList<>();
        for (Slot slot : slots) {
            if (slot.getAcquire() instanceof WatchedConnection connection) out.add(connection.seen(now));
            borrows += slot.borrows;
            returned += slot.returned;
            waited += slot.waited;
            held += slot.held;
            squares += slot.squares;
            judged += slot.judged;
            worked += slot.worked;
        }
        return new Borrows(
                Duration.ofNanos(now - since),
                borrows,
                refused.sum(),
                Duration.ofNanos(waited),
                Duration.ofNanos(refusedNanos.sum()),
                returned,
                Duration.ofNanos(held),
                squares / 1e18,
                Duration.ofNanos(judged),
                Duration.ofNanos(worked),
                List.copyOf(out));
    }
}
