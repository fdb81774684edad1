package dev.tenfold.query;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** The races of waiting, waking and leaving; {@link QuiescenceStressTest} runs them under jcstress. */
public final class QuiescenceStress {
    private QuiescenceStress() {}

    static boolean isReleased(@Nullable Waiter waiter) {
        return waiter != null && waiter.released();
    }

    /** A scope in small: a queue of keys, and a batch that answers them all, run by whoever is the last to wait. */
    static class Scope {
        final ConcurrentLinkedQueue<Slot<Integer>> queue = new ConcurrentLinkedQueue<>();
        final AtomicInteger batches = new AtomicInteger();
        final AtomicInteger keys = new AtomicInteger();
        final Quiescence quiescence = new Quiescence(this::dispatch);

        private void dispatch() {
            if (queue.isEmpty()) {
                return;
            }
            batches.incrementAndGet();
            quiescence.enter(100);
            int released = 0;
            for (Slot<Integer> slot; (slot = queue.poll()) != null; ) {
                keys.incrementAndGet();
                released += slot.complete("value", new Wakes());
            }
            quiescence.exit(100 - released);
        }

        /** Queues a key and gives the count up, as a load does before it parks. */
        final Waiter load(Slot<Integer> slot) {
            Waiter waiter = new Waiter();
            queue.add(slot);
            slot.add(waiter);
            quiescence.exit(1);
            return waiter;
        }
    }

    /** Two members load: whoever waits last dispatches both keys in one batch, and both wake with their counts. */
    @JCStressTest
    @Outcome(id = "1, 2, 2", expect = Expect.ACCEPTABLE, desc = "one batch of both, both runnable")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a lost wake-up, a second batch, or a wrong count")
    @State
    public static class TwoLoads extends Scope {
        final Slot<Integer> first = new Slot<>(1);
        final Slot<Integer> second = new Slot<>(2);

        /** Two members. */
        public TwoLoads() {
            quiescence.enter(1); // the opener's own count serves as the first member's
        }

        /** A member. */
        @Actor
        public void one() {
            Waiter unused = load(first);
        }

        /** Another. */
        @Actor
        public void two() {
            Waiter unused = load(second);
        }

        // r: batches, keys, runnable members
        @Arbiter
        public void end(III_Result r) {
            r.r1 = batches.get();
            r.r2 = keys.get();
            r.r3 = quiescence.running();
        }
    }

    /** One member leaves while another waits: the other is always woken, and nobody is counted twice. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the other member has its value, and is the only one left")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a lost wake-up, or a wrong count")
    @State
    public static class LoadAgainstCancellation extends Scope {
        final Slot<Integer> cancelledKey = new Slot<>(1);
        final Slot<Integer> waitedKey = new Slot<>(2);
        volatile @Nullable Waiter other;

        /** Two members. */
        public LoadAgainstCancellation() {
            quiescence.enter(1);
        }

        /** Loads, is cancelled at once, and ends. */
        @Actor
        public void cancelled() {
            Waiter waiter = load(cancelledKey);
            if (!waiter.leave(quiescence) && !waiter.released()) {
                throw new IllegalStateException("neither left nor released");
            }
            quiescence.exit(1);
        }

        /** Loads and waits. */
        @Actor
        public void waiting() {
            other = load(waitedKey);
        }

        // r: whether the other was released; runnable members
        @Arbiter
        public void end(II_Result r) {
            r.r1 = isReleased(other) ? 1 : 0;
            r.r2 = quiescence.running();
        }
    }

    /** A member leaves just as its batch completes: exactly one of both gives it its count back. */
    @JCStressTest
    @Outcome(id = "0, 2", expect = Expect.ACCEPTABLE, desc = "released")
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "left")
    @Outcome(expect = Expect.FORBIDDEN, desc = "counted twice, or not at all")
    @State
    public static class ReleaseAgainstLeave {
        final Quiescence quiescence = new Quiescence(() -> {});
        final Slot<Integer> slot = new Slot<>(1);
        final Waiter waiter = new Waiter();

        /** One member waits, the opener runs. */
        public ReleaseAgainstLeave() {
            slot.add(waiter);
        }

        /** The batch comes back. */
        @Actor
        public void complete() {
            quiescence.enter(2);
            quiescence.exit(2 - slot.complete("value", new Wakes()));
        }

        // r: whether the member left
        @Actor
        public void leave(II_Result r) {
            r.r1 = waiter.leave(quiescence) ? 1 : 0;
            if (r.r1 == 0 && !waiter.released()) {
                throw new IllegalStateException("neither left nor released");
            }
        }

        // r: runnable members
        @Arbiter
        public void end(II_Result r) {
            r.r2 = quiescence.running();
        }
    }

    /** Somebody begins to wait just as the result arrives: told at once, or released; never neither, never both. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "waited and was released")
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "saw the result and did not wait")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a lost wake-up")
    @State
    public static class AddAgainstComplete {
        final Quiescence quiescence = new Quiescence(() -> {});
        final Slot<Integer> slot = new Slot<>(1);
        final Waiter waiter = new Waiter();

        /** The batch comes back. */
        @Actor
        public void complete() {
            int unused = slot.complete("value", new Wakes());
        }

        // r: whether there was something to wait for
        @Actor
        public void add(II_Result r) {
            r.r1 = slot.add(waiter) ? 1 : 0;
            if (r.r1 == 0 && slot.result() == null) {
                throw new IllegalStateException("refused without a result");
            }
        }

        // r: whether the waiter was released
        @Arbiter
        public void end(II_Result r) {
            r.r2 = waiter.released() ? 1 : 0;
        }
    }

    /** Two complete rounds race with a leaver: a released member that loads again is dispatched again. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "both keys answered, the reloading member runnable")
    @Outcome(expect = Expect.FORBIDDEN, desc = "a lost wake-up, or a wrong count")
    @State
    public static class ReloadAgainstEnd extends Scope {
        final Slot<Integer> key = new Slot<>(1);
        volatile @Nullable Waiter waiter;

        /** Two members. */
        public ReloadAgainstEnd() {
            quiescence.enter(1);
        }

        /** A member that loads and waits. */
        @Actor
        public void loads() {
            waiter = load(key);
        }

        /** A member that ends without a load. */
        @Actor
        public void ends() {
            quiescence.exit(1);
        }

        // r: whether the load was answered; runnable members
        @Arbiter
        public void end(II_Result r) {
            r.r1 = isReleased(waiter) ? 1 : 0;
            r.r2 = quiescence.running();
        }
    }
}
