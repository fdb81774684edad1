package dev.tenfold.query;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A future whose {@code join} and {@code get} count as waiting in the scope, and so do those of the futures derived from
 * it: there is nothing to dispatch by hand.
 */
final class LoadFuture<T> extends CompletableFuture<T> {
    private final Batcher batcher;
    private final String loader;

    LoadFuture(Batcher batcher, String loader) {
        this.batcher = batcher;
        this.loader = loader;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new LoadFuture<>(batcher, loader);
    }

    @Override
    public T join() {
        try {
            await(0);
        } catch (TimeoutException e) {
            throw new AssertionError("no time-out was given", e);
        }
        return super.join();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        try {
            return get(Long.MAX_VALUE / 2, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new ExecutionException(e); // after 146 years
        }
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        try {
            await(Math.max(1, unit.toNanos(timeout)));
        } catch (LoadException.Cancelled e) {
            Thread.interrupted();
            InterruptedException interrupted = new InterruptedException(e.getMessage());
            interrupted.initCause(e);
            throw interrupted;
        }
        return super.get();
    }

    private void await(long nanos) throws TimeoutException {
        if (isDone() || Binding.current().batcher() != batcher) {
            return;
        }
        Waiter waiter = new Waiter();
        CompletableFuture<T> unused = whenComplete((value, error) -> waiter.release(batcher.quiescence()));
        batcher.await(waiter, loader, nanos);
    }
}
