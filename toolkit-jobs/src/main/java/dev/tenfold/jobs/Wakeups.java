package dev.tenfold.jobs;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Who in this process wants to know that there is something to do. A hint: nothing depends on it but time. */
final class Wakeups {
    /** A worker. Called on the thread of whoever enqueues, or listens; returns at once. */
    interface Sleeper {
        /** Jobs of a lane may be due; or of any, if {@code lane} is null. */
        void wake(@Nullable Lane lane);

        /** Somebody cancelled this job. */
        void cancelled(long id);
    }

    private final List<Sleeper> sleepers = new CopyOnWriteArrayList<>();

    void add(Sleeper sleeper) {
        sleepers.add(sleeper);
    }

    void remove(Sleeper sleeper) {
        sleepers.remove(sleeper);
    }

    void wake(@Nullable Lane lane) {
        sleepers.forEach(sleeper -> sleeper.wake(lane));
    }

    void cancelled(long id) {
        sleepers.forEach(sleeper -> sleeper.cancelled(id));
    }
}
