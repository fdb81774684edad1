package dev.tenfold.jobs;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The threads that run jobs, and the buffer that they take them from.
 *
 * <p>One thread is woken at a time, which wakes the next one if there is more: jobs that take microseconds are run by the few
 * threads that are awake already, jobs that block get as many as there are. At most one thread is on its way, as in the
 * scheduler of Go.
 */
final class Slots {
    private final Slot[] slots;
    private final Consumer<Execution> ended;
    private final Runnable room;
    private final Queue<Execution> buffer = new ConcurrentLinkedQueue<>();
    private final AtomicInteger buffered = new AtomicInteger();
    private final ConcurrentLinkedDeque<Slot> idle = new ConcurrentLinkedDeque<>();
    private final AtomicInteger idleCount = new AtomicInteger();
    private final AtomicBoolean waking = new AtomicBoolean();
    private volatile int lowWater;
    private volatile boolean stopped;

    /**
     * @param ended takes what has run, on the thread that ran it
     * @param room told when the buffer sinks to {@link #lowWater}, and when a slot becomes idle
     */
    Slots(int count, ThreadFactory factory, Consumer<Execution> ended, Runnable room) {
        this.ended = ended;
        this.room = room;
        slots = new Slot[count];
        for (int i = 0; i < count; i++) {
            slots[i] = new Slot(factory);
        }
    }

    void start() {
        for (Slot slot : slots) {
            slot.thread.start();
        }
    }

    void add(List<Execution> executions) {
        buffered.addAndGet(executions.size());
        buffer.addAll(executions);
        wakeOne();
    }

    int buffered() {
        return buffered.get();
    }

    /** Slots that have nothing to do. */
    int idle() {
        return idleCount.get();
    }

    int busy() {
        return slots.length - idleCount.get();
    }

    /** Slots whose handler runs. */
    int running() {
        int running = 0;
        for (Slot slot : slots) {
            running += slot.running == null ? 0 : 1;
        }
        return running;
    }

    void lowWater(int jobs) {
        lowWater = jobs;
    }

    /** What has not begun. */
    List<Execution> takeBuffered() {
        List<Execution> taken = new ArrayList<>();
        for (Execution each = take(); each != null; each = take()) {
            taken.add(each);
        }
        return taken;
    }

    void forEachRunning(Consumer<Execution> look) {
        for (Slot slot : slots) {
            Execution running = slot.running;
            if (running != null) {
                look.accept(running);
            }
        }
    }

    /** Threads end when what they run has. */
    void stop() {
        stopped = true;
        for (Slot slot : slots) {
            LockSupport.unpark(slot.thread);
        }
    }

    private @Nullable Execution take() {
        Execution next = buffer.poll();
        if (next != null && buffered.decrementAndGet() == lowWater) {
            room.run();
        }
        return next;
    }

    private void wakeOne() {
        while (!buffer.isEmpty() && waking.compareAndSet(false, true)) {
            Slot slot = idle.poll();
            if (slot != null) {
                slot.wake();
                return;
            }
            waking.set(false);
            if (idle.isEmpty()) {
                return; // whoever becomes idle now looks into the buffer afterwards
            }
        }
    }

    private final class Slot implements Runnable {
        final Thread thread;
        volatile @Nullable Execution running;
        private volatile boolean woken;

        Slot(ThreadFactory factory) {
            thread = factory.newThread(this);
        }

        @Override
        public void run() {
            while (!stopped) {
                Execution next = take();
                if (next == null) {
                    rest();
                } else {
                    wakeOne();
                    run(next);
                }
            }
        }

        private void run(Execution execution) {
            running = execution;
            try {
                execution.run();
            } catch (Throwable t) {
                execution.failed(t);
            } finally {
                running = null;
            }
            if (!execution.isAbandoned) {
                ended.accept(execution);
            }
        }

        private void rest() {
            woken = false;
            idleCount.incrementAndGet();
            idle.push(this);
            if (buffer.isEmpty() || !idle.remove(this)) {
                room.run();
                while (!woken && !stopped) {
                    LockSupport.park(Slots.this);
                    clearInterrupt();
                }
                if (woken) {
                    waking.set(false);
                }
            }
            idleCount.decrementAndGet();
        }

        /** Nobody has a reason to interrupt it now, but it could not wait with that. */
        @SuppressWarnings("ResultOfMethodCallIgnored")
        private static void clearInterrupt() {
            Thread.interrupted();
        }

        void wake() {
            woken = true;
            LockSupport.unpark(thread);
        }
    }
}
