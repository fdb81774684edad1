package dev.tenfold.cache;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Ten thousand schedules of slow loads and writes, on three nodes and one Redis: whatever comes in between, no read that
 * begins after an acknowledged invalidation returns an older version, and none stays in a cache.
 *
 * <p>Each schedule has a key of its own, one row of a database that counts versions, and a seed that decides who reads and
 * writes when, and which loads are held up between their look at the database and their store. To repeat one:
 * {@code -Dtenfold.latefill.seed=…}, as the failure says.
 */
@Timeout(240)
class LateFillTest {
    private static final int NODES = 3;
    private static final int SCHEDULES = Integer.getInteger("tenfold.latefill.schedules", 10_000);
    private static final int AT_A_TIME = 64;

    private final long seed = Long.getLong("tenfold.latefill.seed", System.nanoTime());
    private final List<RedisLink> links = new ArrayList<>();
    private final List<TieredCache<Long, Long>> nodes = new ArrayList<>();
    private final ExecutorService controllers = Executors.newFixedThreadPool(AT_A_TIME);
    private final ExecutorService readers = Executors.newCachedThreadPool();
    private final String name = "late-" + UUID.randomUUID();
    private final AtomicLong reads = new AtomicLong();

    LateFillTest() {
        for (int i = 0; i < NODES; i++) {
            nodes.add(node());
        }
    }

    private TieredCache<Long, Long> node() {
        RedisLink link = RedisLink.connect(
                RedisServer.shared().uri(), options -> options.commandTimeout(Duration.ofSeconds(10)));
        links.add(link);
        assertThat(link.awaitUp(Duration.ofSeconds(20))).isTrue();
        return TieredCache.<Long, Long>builder(name)
                .local(local -> local.maximumSize(2L * SCHEDULES))
                .remote(link, Codec.longs())
                .build();
    }

    @AfterEach
    void close() {
        controllers.shutdownNow();
        readers.shutdownNow();
        nodes.forEach(TieredCache::close);
        links.forEach(RedisLink::close);
    }

    @Test
    void no_schedule_of_loads_and_writes_leaves_or_returns_what_was_invalidated() throws Exception {
        List<Schedule> schedules = new ArrayList<>();
        for (long key = 0; key < SCHEDULES; key++) {
            schedules.add(new Schedule(key));
        }
        forAll(schedules, Schedule::run);

        // One more invalidation, and its stamp: after that read, each node has heard of all before it.
        Stamp last = nodes.get(0).invalidate(-1L);
        assertThat(last.isDelivered())
                .as("seed %d: the last invalidation was delivered", seed)
                .isTrue();
        for (TieredCache<Long, Long> node : nodes) {
            assertThat(node.get(-1L, key -> 7L, last)).isEqualTo(7L);
        }
        TieredCache<Long, Long> late = node();
        try {
            forAll(schedules, schedule -> schedule.checkWhatIsLeft(late));
        } finally {
            late.close();
        }
        long refused = nodes.stream()
                .mapToLong(node -> node.stats().lateFillsRefused())
                .sum();
        assertThat(refused)
                .as("seed %d: late fills refused; without any, nothing was tried", seed)
                .isPositive();
        assertThat(reads.get()).isGreaterThan(SCHEDULES);
    }

    private interface Step {
        void on(Schedule schedule) throws Exception;
    }

    private void forAll(List<Schedule> schedules, Step step) throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (Schedule schedule : schedules) {
            all.add(controllers.submit(() -> {
                step.on(schedule);
                return null;
            }));
        }
        for (Future<?> each : all) {
            each.get(220, SECONDS);
        }
    }

    /** A load that has looked at the database, and is held up with what it saw. */
    private static final class Gate {
        final CountDownLatch open = new CountDownLatch(1);
    }

    private record Read(int node, long floor, Future<Long> result) {}

    private final class Schedule {
        private final long key;
        private final Random random;
        private final boolean tagged;
        private final AtomicLong row = new AtomicLong(1);
        private final long[] floor = new long[NODES];
        private final ArrayDeque<Gate> gates = new ArrayDeque<>();
        private final List<Read> open = new ArrayList<>();
        private final StringBuilder story = new StringBuilder();

        Schedule(long key) {
            this.key = key;
            this.random = new Random(seed * 1_000_003 + key);
            this.tagged = random.nextInt(3) == 0;
        }

        void run() throws Exception {
            int steps = 5 + random.nextInt(4);
            for (int i = 0; i < steps; i++) {
                int node = random.nextInt(NODES);
                int what = random.nextInt(100);
                if (what < 45) {
                    startRead(node, random.nextInt(3) > 0);
                } else if (what < 60) {
                    release();
                } else if (what < 80) {
                    invalidate(node);
                } else if (what < 90 || !tagged) {
                    mutate(node);
                } else if (what < 99) {
                    invalidateTag(node);
                } else {
                    clear(node);
                }
            }
            settle();
        }

        private void startRead(int node, boolean slow) {
            story.append(slow ? " slow" : " read").append(node);
            Gate gate = new Gate();
            if (slow) {
                gates.add(gate);
            } else {
                gate.open.countDown();
            }
            boolean bulk = !tagged && random.nextInt(4) == 0;
            open.add(new Read(node, floor[node], readers.submit(() -> bulk ? readAll(node, gate) : read(node, gate))));
        }

        private long read(int node, Gate gate) {
            return nodes.get(node).getWith(key, loader(gate));
        }

        private LoadFunction<Long, Long> loader(Gate gate) {
            return (k, load) -> {
                if (tagged) {
                    load.tag("tag-" + key);
                }
                long seen = row.get();
                gate.open.await();
                return seen;
            };
        }

        private long readAll(int node, Gate gate) {
            Map<Long, Long> found = nodes.get(node).getAll(List.of(key), missing -> {
                long seen = row.get();
                try {
                    gate.open.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                return Map.of(key, seen);
            });
            return found.getOrDefault(key, -1L);
        }

        private void release() {
            story.append(" release");
            Gate gate = gates.poll();
            if (gate != null) {
                gate.open.countDown();
            }
        }

        private void invalidate(int node) throws Exception {
            story.append(" invalidate").append(node);
            long version = row.incrementAndGet();
            Stamp stamp = nodes.get(node).invalidate(key);
            acknowledged(node, version, stamp);
        }

        private void invalidateTag(int node) throws Exception {
            story.append(" tag").append(node);
            long version = row.incrementAndGet();
            Stamp stamp = nodes.get(node).invalidateTag("tag-" + key);
            acknowledged(node, version, stamp);
        }

        private void clear(int node) throws Exception {
            story.append(" clear").append(node);
            long version = row.incrementAndGet();
            Stamp stamp = nodes.get(node).clear();
            acknowledged(node, version, stamp);
        }

        private void mutate(int node) throws Exception {
            story.append(" mutate").append(node).append('(');
            nodes.get(node).mutate(key, () -> {
                if (random.nextBoolean()) {
                    startRead(random.nextInt(NODES), random.nextBoolean());
                }
                row.incrementAndGet();
                if (random.nextBoolean()) {
                    release();
                }
            });
            story.append(')');
            acknowledged(node, row.get(), null);
        }

        /** From here on this node knows better, and so does whoever has the stamp; what was held up goes on meanwhile. */
        private void acknowledged(int node, long version, @org.jspecify.annotations.Nullable Stamp stamp)
                throws Exception {
            floor[node] = version;
            Gate free = new Gate();
            free.open.countDown();
            open.add(new Read(node, version, readers.submit(() -> read(node, free))));
            int other = (node + 1 + random.nextInt(NODES - 1)) % NODES;
            if (stamp != null) {
                Stamp sent = Stamp.parse(stamp.toString());
                open.add(new Read(
                        other, version, readers.submit(() -> nodes.get(other).getWith(key, loader(free), sent))));
            }
            if (random.nextBoolean()) {
                settle();
                if (stamp != null && stamp.isDelivered()) {
                    floor[other] = version;
                }
            }
        }

        private void settle() throws Exception {
            gates.forEach(gate -> gate.open.countDown());
            gates.clear();
            for (Read read : open) {
                long value = read.result().get(60, SECONDS);
                reads.incrementAndGet();
                if (value < read.floor() || value > row.get()) {
                    throw new AssertionError(describe() + ": node " + read.node() + " returned version " + value
                            + " to a read that began when it had acknowledged " + read.floor());
                }
            }
            open.clear();
        }

        void checkWhatIsLeft(TieredCache<Long, Long> late) {
            long version = row.get();
            for (int node = 0; node < NODES; node++) {
                long local = nodes.get(node).peek(key).orElse(version);
                if (local != version) {
                    throw new AssertionError(
                            describe() + ": node " + node + " keeps version " + local + " of " + version);
                }
            }
            long remote = late.getWith(key, (k, load) -> {
                load.doNotStore();
                return version;
            });
            if (remote != version) {
                throw new AssertionError(describe() + ": Redis keeps version " + remote + " of " + version);
            }
        }

        private String describe() {
            return "-Dtenfold.latefill.seed=" + seed + ", schedule " + key + (tagged ? " (tagged):" : ":") + story;
        }
    }
}
