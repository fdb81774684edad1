package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the fallback timer believes of threads that wait. */
@Timeout(20)
class WaiterTest {
    @Test
    void a_thread_that_was_released_is_runnable_while_it_still_looks_parked() {
        CompletableFuture<Waiter> made = new CompletableFuture<>();
        AtomicBoolean over = new AtomicBoolean();
        Thread member = new Thread(() -> {
            Waiter waiter = new Waiter();
            made.complete(waiter);
            while (!over.get()) {
                LockSupport.park(waiter); // again after its release, as if it had no processor to go on with
            }
        });
        member.start();
        Waiter waiter = made.join();
        awaitParked(member);
        assertThat(Waiter.isRunnable(member)).isFalse();

        assertThat(waiter.markReleased()).isTrue();

        awaitParked(member);
        assertThat(Waiter.isRunnable(member)).isTrue();
        over.set(true);
        LockSupport.unpark(member);
    }

    private static void awaitParked(Thread thread) {
        while (thread.getState() != Thread.State.WAITING || LockSupport.getBlocker(thread) == null) {
            Thread.onSpinWait();
        }
    }
}
