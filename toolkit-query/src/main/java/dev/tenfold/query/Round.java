package dev.tenfold.query;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The batches of one dispatch. They complete together, so that the members woken by them ask for the next level's keys
 * together too: one batch a level, however many loaders a level uses.
 */
final class Round implements Runnable {
    private final Batcher batcher;
    private final List<Batch<?, ?>> batches;

    Round(Batcher batcher, List<Batch<?, ?>> batches) {
        this.batcher = batcher;
        this.batches = batches;
    }

    /** Fetches one batch after the other on the calling thread. */
    @Override
    public void run() {
        batches.forEach(Batch::fetch);
        batcher.complete(this);
    }

    /** Fetches the batches side by side. */
    void runOn(Executor executor) {
        var left = new AtomicInteger(batches.size());
        for (Batch<?, ?> batch : batches) {
            try {
                executor.execute(() -> {
                    batch.fetch();
                    if (left.decrementAndGet() == 0) {
                        batcher.complete(this);
                    }
                });
            } catch (RuntimeException | Error e) { // rejected, or it has no thread to give: nobody may be left hanging
                batch.fail(e);
                if (left.decrementAndGet() == 0) {
                    batcher.complete(this);
                }
            }
        }
    }

    List<Batch<?, ?>> batches() {
        return batches;
    }
}
