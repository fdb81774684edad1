package dev.tenfold.query;

import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * What a loader did since it was made.
 *
 * @param loader its name
 * @param loads keys asked for, one at a time, many at once, as futures and through peers
 * @param keys keys given to the batch function; fewer than {@code loads}, as repeated keys go once a scope
 * @param batches calls of the batch function, by what made them go
 * @param failures calls that threw
 * @param unknownKeys entries returned for keys that were not asked for, and dropped
 * @param time spent in the batch function
 */
public record LoaderStats(
        String loader,
        long loads,
        long keys,
        Map<Trigger, Long> batches,
        long failures,
        long unknownKeys,
        Duration time) {

    /**
     * All calls of the batch function.
     *
     * @return the sum over all triggers
     */
    public long totalBatches() {
        return batches.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * How many keys went in one batch on average.
     *
     * @return 0 before the first batch
     */
    public double keysPerBatch() {
        long total = totalBatches();
        return total == 0 ? 0 : (double) keys / total;
    }

    /**
     * The share of batches that {@code trigger} made go.
     *
     * @param trigger one of them
     * @return from 0 to 1; 0 before the first batch
     */
    public double share(Trigger trigger) {
        long total = totalBatches();
        return total == 0 ? 0 : (double) batches.getOrDefault(trigger, 0L) / total;
    }

    /** The live counts; safe for use by many threads. */
    static final class Recorder {
        private final LongAdder loads = new LongAdder();
        private final LongAdder keys = new LongAdder();
        private final Map<Trigger, LongAdder> batches = new EnumMap<>(Trigger.class);
        private final LongAdder failures = new LongAdder();
        private final LongAdder unknownKeys = new LongAdder();
        private final LongAdder nanos = new LongAdder();

        Recorder() {
            for (Trigger trigger : Trigger.values()) {
                batches.put(trigger, new LongAdder());
            }
        }

        void loads(int count) {
            loads.add(count);
        }

        void batch(Trigger trigger, int keyCount, long elapsedNanos) {
            keys.add(keyCount);
            counter(trigger).increment();
            nanos.add(elapsedNanos);
        }

        void failure() {
            failures.increment();
        }

        void unknownKeys(int count) {
            unknownKeys.add(count);
        }

        @SuppressWarnings("NullAway") // the constructor filled the map
        private LongAdder counter(Trigger trigger) {
            return batches.get(trigger);
        }

        LoaderStats snapshot(String loader) {
            Map<Trigger, Long> counts = new EnumMap<>(Trigger.class);
            batches.forEach((trigger, counter) -> counts.put(trigger, counter.sum()));
            return new LoaderStats(
                    loader,
                    loads.sum(),
                    keys.sum(),
                    Collections.unmodifiableMap(counts),
                    failures.sum(),
                    unknownKeys.sum(),
                    Duration.ofNanos(nanos.sum()));
        }
    }
}
