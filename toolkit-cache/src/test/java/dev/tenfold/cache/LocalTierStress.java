package dev.tenfold.cache;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** The races of loads, invalidations and clears within one node; {@link LocalTierStressTest} runs them under jcstress. */
public final class LocalTierStress {
    private static final long FAR = Long.MAX_VALUE / 4;
    private static final Shard.Epoch OLD = new Shard.Epoch(1, 1);
    private static final Shard.Epoch NEW = new Shard.Epoch(2, 2);

    private LocalTierStress() {}

    /** A key of its own in a tier that all share: what others do to their keys can at most keep a value out. */
    static class Entry {
        private static final LocalTier<Long, Integer> LOCAL =
                new LocalTier<>(LocalOptions.<Long, Integer>defaults().maximumSize(50_000));
        private static final AtomicLong KEYS = new AtomicLong();

        final LocalTier<Long, Integer> local = LOCAL;
        final Long key = KEYS.incrementAndGet();
        final Shard shard = new Shard(0, new Era(OLD, FAR));
        final Flight.Table<Long, Integer> flights = new Flight.Table<>();
        volatile int row = 1;

        Entry() {
            shard.underLock(() -> {
                shard.restart(OLD, 500, 0, 0);
                shard.aliveUntil(FAR);
            });
        }

        final Capture capture() {
            return local.capture(key, shard);
        }

        final Node<Integer> node(int value, Capture capture, String... tags) {
            return new Node<>(
                    value, FAR, FAR, FAR, capture.era(), Node.Tagged.of(capture.shard(), tags, capture.asOf()));
        }

        final void store(int value, Capture capture) {
            boolean unused = local.store(key, node(value, capture), capture);
        }

        /** As the cache does it, after the acknowledgement. */
        final void invalidate() {
            local.moveGeneration(key);
            flights.forget(key);
            local.remove(key);
        }

        /** What a read would return; 0 for nothing. */
        final int read() {
            Node<Integer> node = local.get(key);
            Integer value = node != null && node.isHit(1) ? node.value : null;
            return value == null ? 0 : value;
        }
    }

    /** A load that began before an invalidation stores its value meanwhile: nobody who reads after it finds it. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "refused, or removed")
    @Outcome(expect = Expect.FORBIDDEN, desc = "what was invalidated is back")
    @State
    public static class StoreAgainstInvalidation extends Entry {
        private final Capture before = capture();

        /** Has loaded. */
        @Actor
        public void load() {
            store(1, before);
        }

        // r: what the invalidating thread reads
        @Actor
        public void invalidation(II_Result r) {
            invalidate();
            r.r1 = read();
        }

        // r: what is left
        @Arbiter
        public void end(II_Result r) {
            r.r2 = read();
        }
    }

    /** A load from beginning to end against a write from beginning to end: the old version is not left. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "nothing stored")
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "the new version stored")
    @Outcome(id = "1", expect = Expect.FORBIDDEN, desc = "the old version is left")
    @State
    public static class LoadAgainstWrite extends Entry {
        /** Loads. */
        @Actor
        public void load() {
            Capture capture = capture();
            store(row, capture);
        }

        /** Commits and invalidates. */
        @Actor
        public void write() {
            row = 2;
            invalidate();
        }

        // r: what is left
        @Arbiter
        public void end(I_Result r) {
            r.r1 = read();
        }
    }

    /** A clear ends what is being stored. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "refused, or dead")
    @Outcome(expect = Expect.FORBIDDEN, desc = "what was cleared is back")
    @State
    public static class StoreAgainstClear extends Entry {
        private final Capture before = capture();

        /** Has loaded. */
        @Actor
        public void load() {
            store(1, before);
        }

        // r: what the clearing thread reads
        @Actor
        public void clear(II_Result r) {
            shard.underLock(() -> shard.clear(501, 0));
            r.r1 = read();
        }

        // r: what is left
        @Arbiter
        public void end(II_Result r) {
            r.r2 = read();
        }
    }

    /** Who asks after an invalidation does not share a load from before it. */
    @JCStressTest
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "the new version")
    @Outcome(id = "1", expect = Expect.FORBIDDEN, desc = "the old version, from a flight that was on")
    @State
    public static class JoinAgainstInvalidation extends Entry {
        private int ask() {
            Flight<Integer> own = new Flight<>(capture());
            Flight<Integer> on = flights.join(key, own);
            Integer value;
            if (on != null) {
                value = on.future().join().value();
            } else {
                value = row;
                own.complete(value);
                flights.end(key, own);
            }
            return value == null ? 0 : value;
        }

        /** Asks at any time. */
        @Actor
        public void other() {
            int unused = ask();
        }

        // r: what the writer reads
        @Actor
        public void write(I_Result r) {
            row = 2;
            invalidate();
            r.r1 = ask();
        }
    }

    /** A journal begins anew: no load takes a number of the old one for one of the new one. */
    @JCStressTest
    @Outcome(id = "1, 500", expect = Expect.ACCEPTABLE, desc = "all old")
    @Outcome(id = "1, 3", expect = Expect.ACCEPTABLE, desc = "an old epoch, which makes the value worthless")
    @Outcome(id = "2, 3", expect = Expect.ACCEPTABLE, desc = "all new")
    @Outcome(expect = Expect.FORBIDDEN, desc = "an old number, which looks newer than all of the new journal")
    @State
    public static class CaptureAgainstRestart extends Entry {
        // r: epoch and number
        @Actor
        public void load(II_Result r) {
            Capture capture = capture();
            r.r1 = (int) capture.era().epoch.high();
            r.r2 = (int) capture.asOf();
        }

        /** Redis was flushed. */
        @Actor
        public void restart() {
            shard.underLock(() -> shard.restart(NEW, 3, 0, 0));
        }
    }

    /** A restart forgets which tags were invalidated: it does not bring back what was. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "not served")
    @Outcome(id = "1", expect = Expect.FORBIDDEN, desc = "served although its tag was invalidated")
    @State
    public static class TagAgainstRestart extends Entry {
        private final @Nullable Node<Integer> tagged = node(1, capture(), "tag");

        /** The tag is invalidated. */
        public TagAgainstRestart() {
            shard.underLock(() -> shard.invalidateTag("tag", 501, 0));
        }

        // r: whether the node is served
        @Actor
        public void hit(I_Result r) {
            r.r1 = tagged != null && (tagged.isHit(1) || tagged.isFresh(1) || tagged.isFallback(1)) ? 1 : 0;
        }

        /** More was missed than Redis keeps. */
        @Actor
        public void restart() {
            shard.underLock(() -> shard.restart(OLD, 700, 0, 0));
        }
    }
}
