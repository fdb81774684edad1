package dev.tenfold.query;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The members that one {@code each} or {@code run} started: they end together, and the first failure cancels the rest. */
final class Group {
    final Completion end = new Completion();

    private final Batcher batcher;
    private final Binding binding;
    private final boolean virtual;
    private final AtomicInteger unfinished = new AtomicInteger(1); // the opener's own part
    private final List<Member> members = new ArrayList<>(); // guarded by itself
    private volatile boolean cancelled;
    private @Nullable Throwable failure;

    Group(Batcher batcher, LoadContext context, boolean virtual) {
        this.batcher = batcher;
        this.binding = new Binding(batcher, context, null);
        this.virtual = virtual;
    }

    /** What a member runs; each has a number of its own. */
    interface Body {
        void run(int number);
    }

    /**
     * Starts members numbered from 0, as long as there is a free thread for the next.
     *
     * @return how many were started
     */
    int start(int wanted, Body body) {
        List<Member> created = new ArrayList<>(wanted);
        for (int number = 0; number < wanted; number++) {
            created.add(new Member(number, body));
        }
        synchronized (members) {
            members.addAll(created);
        }
        unfinished.addAndGet(wanted);
        batcher.quiescence().enter(wanted);
        int started = 0;
        while (started < wanted && Threads.tryStart(created.get(started), virtual)) {
            started++;
        }
        int refused = wanted - started;
        if (refused > 0) {
            created.subList(started, wanted).forEach(Member::neverBegins);
            unfinished.addAndGet(-refused); // the opener's own part keeps it above zero
            batcher.quiescence().exit(refused);
        }
        return started;
    }

    /** Whether a member has not begun, or the thread of one that has not ended is as asked. */
    boolean isAny(Predicate<Thread> asked) {
        for (Member member : members()) {
            if (member.is(asked)) {
                return true;
            }
        }
        return false;
    }

    private List<Member> members() {
        synchronized (members) {
            return List.copyOf(members);
        }
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** Interrupts all members; those that have not begun never will. */
    void cancel() {
        cancelled = true;
        members().forEach(Member::interrupt);
    }

    /** Keeps the first failure and cancels the rest; what fails because of that is no news. */
    void fail(Throwable thrown) {
        synchronized (this) {
            if (failure == null) {
                failure = thrown;
            } else if (failure != thrown && !(thrown instanceof LoadException.Cancelled)) {
                failure.addSuppressed(thrown);
            }
        }
        cancel();
    }

    /** Ends the opener's part, waits for the members, and throws the first failure. */
    void finish() {
        if (unfinished.decrementAndGet() > 0) {
            batcher.awaitEnd(this);
        }
        batcher.remove(this);
        Throwable thrown;
        synchronized (this) {
            thrown = failure;
        }
        if (thrown instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown != null) {
            throw new IllegalStateException("a member threw a checked exception", thrown);
        }
        if (batcher.isExpired()) {
            throw batcher.deadlineExceeded("LoadScope", null);
        }
        if (cancelled) {
            throw new LoadException.Cancelled("LoadScope", "the thread that opened the scope was interrupted");
        }
    }

    /** One started body, on its own thread. */
    private final class Member implements Runnable {
        private final int number;
        private final Body body;
        private volatile @Nullable Thread thread;
        private volatile boolean ended;

        Member(int number, Body body) {
            this.number = number;
            this.body = body;
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            Binding.set(binding);
            try {
                if (!cancelled) { // set after `thread`: a canceller that missed the thread is seen here
                    body.run(number);
                }
            } catch (Throwable thrown) {
                fail(thrown);
            } finally {
                end();
            }
        }

        private void end() {
            if (virtual) {
                ended = true; // an interrupt that comes late meets a thread that does nothing more
            } else {
                giveThreadBack();
            }
            if (unfinished.decrementAndGet() == 0) {
                batcher.complete(end, this);
            }
            batcher.quiescence().exit(1);
        }

        private synchronized void giveThreadBack() {
            ended = true;
            Binding.set(Binding.NONE);
            Thread.interrupted(); // ours; the pool must not take it to the next task
        }

        void neverBegins() {
            ended = true;
        }

        synchronized void interrupt() {
            Thread running = thread;
            if (running != null && !ended) {
                running.interrupt();
            }
        }

        boolean is(Predicate<Thread> asked) {
            Thread running = thread;
            return !ended && (running == null || asked.test(running));
        }
    }
}
