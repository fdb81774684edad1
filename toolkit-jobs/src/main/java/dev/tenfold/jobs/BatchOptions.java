package dev.tenfold.jobs;

import java.util.function.UnaryOperator;

/**
 * How a batch is enqueued. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * jobs.batch(pages, new Publish(7), o -> o.members(m -> m.queue("render")).callback(c -> c.priority(HIGH)).runsAnyway());
 * }</pre>
 */
public final class BatchOptions {
    static final BatchOptions DEFAULT = new BatchOptions(EnqueueOptions.DEFAULT, EnqueueOptions.DEFAULT, false);

    final EnqueueOptions members;
    final EnqueueOptions callback;
    final boolean runsAnyway;

    private BatchOptions(EnqueueOptions members, EnqueueOptions callback, boolean runsAnyway) {
        this.members = members;
        this.callback = callback;
        this.runsAnyway = runsAnyway;
    }

    /**
     * How the members are enqueued.
     *
     * @param change of what was said before; they cannot be unique
     * @return changed options
     * @throws IllegalArgumentException if they are unique
     */
    public BatchOptions members(UnaryOperator<EnqueueOptions> change) {
        return new BatchOptions(notUnique(change.apply(members)), callback, runsAnyway);
    }

    /**
     * How the callback is enqueued.
     *
     * @param change of what was said before; it cannot be unique, and is due when the members are done
     * @return changed options
     * @throws IllegalArgumentException if it is unique, or has a time
     */
    public BatchOptions callback(UnaryOperator<EnqueueOptions> change) {
        EnqueueOptions changed = notUnique(change.apply(callback));
        if (changed.due() != 0 || !changed.isFromNow()) {
            throw new IllegalArgumentException(
                    "a callback is due when the members are done; leave out its runAt or delay (" + changed + ")");
        }
        return new BatchOptions(members, changed, runsAnyway);
    }

    /**
     * Runs the callback even if members were given up: a dead letter then counts as done. Without it a dead letter holds the
     * callback up until it is replayed and done, cancelled or purged.
     *
     * @return changed options
     */
    public BatchOptions runsAnyway() {
        return new BatchOptions(members, callback, true);
    }

    static EnqueueOptions notUnique(EnqueueOptions options) {
        if (options.isUnique()) {
            throw new IllegalArgumentException("many jobs cannot be unique: one that is there already would be missed"
                    + " in silence; enqueue unique jobs one by one");
        }
        return options;
    }
}
