package dev.tenfold.cache;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.FaultProxy;
import dev.tenfold.testkit.RedisServer;
import io.lettuce.core.KillArgs;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;

/**
 * Random reads and writes on three strict nodes, while a Redis of their own is disturbed at random. Each read is held against
 * the version that had been acknowledged {@code maxStaleness} before it began, on the node that acknowledged it against the
 * one acknowledged just before.
 *
 * <p>The seed decides who does what; when it happens is the machine's affair, so a seed makes a failure likelier to come
 * again, not certain. {@link HistoryTest} runs it.
 */
final class HistoryChecker implements AutoCloseable {
    private static final int NODES = 3;
    private static final int ROWS = 64;
    private static final Duration MAX_STALENESS = Duration.ofSeconds(1);
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final long seed;
    private final VersionedRows everywhere = new VersionedRows(ROWS);
    private final List<VersionedRows> onNode = new ArrayList<>();
    private final ArrayDeque<AutoCloseable> opened = new ArrayDeque<>();
    private final RedisServer redis = closed(RedisServer.start());
    private final List<FaultProxy> proxies = new ArrayList<>();
    private final List<RedisLink> links = new ArrayList<>();
    private final List<TieredCache<Long, Long>> nodes = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicInteger faults = new AtomicInteger();

    HistoryChecker(long seed) {
        this.seed = seed;
        for (int i = 0; i < NODES; i++) {
            FaultProxy proxy = closed(FaultProxy.to(redis.host(), redis.port()));
            RedisLink link = closed(RedisLink.connect("redis://" + proxy.host() + ":" + proxy.port()));
            proxies.add(proxy);
            links.add(link);
            assertThat(link.awaitUp(LIMIT)).isTrue();
            nodes.add(closed(TieredCache.<Long, Long>builder("history")
                    .remote(link, Codec.longs())
                    .maxStaleness(MAX_STALENESS)
                    .onOutage(Outage.BYPASS)
                    .build()));
            onNode.add(new VersionedRows(ROWS));
        }
    }

    private <C extends AutoCloseable> C closed(C resource) {
        opened.push(resource);
        return resource;
    }

    @Override
    public void close() {
        threads.shutdownNow();
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException("seed " + seed + ": something cannot be closed", e);
            }
        }
    }

    /** Runs that long, then lets everything recover, and checks what is left. */
    String run(Duration duration) throws Exception {
        long end = System.nanoTime() + duration.toNanos();
        List<Future<?>> all = new ArrayList<>();
        Random random = new Random(seed);
        for (int node = 0; node < NODES; node++) {
            int on = node;
            long readerSeed = random.nextLong();
            long writerSeed = random.nextLong();
            all.add(threads.submit(() -> {
                Random own = new Random(readerSeed);
                while (System.nanoTime() - end < 0) {
                    if (own.nextInt(8) > 0) {
                        read(on, own.nextInt(ROWS));
                    } else {
                        readMany(on, own.nextInt(ROWS));
                    }
                }
                return null;
            }));
            all.add(threads.submit(() -> {
                Random own = new Random(writerSeed);
                while (System.nanoTime() - end < 0) {
                    write(on, own.nextInt(ROWS), own);
                    pause(own.nextInt(4));
                }
                return null;
            }));
        }
        long faultSeed = random.nextLong();
        all.add(threads.submit(() -> {
            Random own = new Random(faultSeed);
            while (System.nanoTime() - end < 0) {
                disturb(own);
                pause(own.nextInt(1_000));
            }
            return null;
        }));
        for (Future<?> each : all) {
            each.get(duration.toSeconds() + 60, SECONDS);
        }
        checkWhatIsLeft();
        return reads + " reads, " + writes + " writes, " + faults + " faults, seed " + seed;
    }

    /** Lets time pass; what happens then is what is tested. */
    private static void pause(long millis) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }

    private void read(int node, long row) {
        long begun = System.nanoTime();
        long floor = Math.max(
                everywhere.acknowledgedAt(row, begun - MAX_STALENESS.toNanos()),
                onNode.get(node).acknowledgedAt(row, begun));
        check(node, row, floor, nodes.get(node).getWith(row, this::load));
    }

    /** Ten rows without tags. */
    private void readMany(int node, long from) {
        long begun = System.nanoTime();
        List<Long> rows = LongStream.range(0, 10)
                .map(i -> 2 * ((from + i) % (ROWS / 2)))
                .boxed()
                .toList();
        List<Long> floors = rows.stream()
                .map(row -> Math.max(
                        everywhere.acknowledgedAt(row, begun - MAX_STALENESS.toNanos()),
                        onNode.get(node).acknowledgedAt(row, begun)))
                .toList();
        Map<Long, Long> found = nodes.get(node).getAll(rows, missing -> {
            Map<Long, Long> all = new HashMap<>();
            missing.forEach(row -> all.put(row, everywhere.read(row)));
            return all;
        });
        for (int i = 0; i < rows.size(); i++) {
            check(node, rows.get(i), floors.get(i), Objects.requireNonNull(found.get(rows.get(i))));
        }
    }

    private void check(int node, long row, long floor, long version) {
        reads.incrementAndGet();
        if (version < floor) {
            throw new AssertionError("seed " + seed + ": node " + node + " returned version " + version + " of row "
                    + row + ", and should have known of " + floor + "; "
                    + nodes.get(node).stats());
        }
    }

    private long load(Long row, LoadOptions load) {
        if (hasTag(row)) {
            load.tag(tagOf(row));
        }
        return everywhere.read(row);
    }

    private static boolean hasTag(long row) {
        return row % 2 == 1;
    }

    private static String tagOf(long row) {
        return "tag-" + row % 8;
    }

    private void write(int node, long row, Random random) {
        TieredCache<Long, Long> cache = nodes.get(node);
        long[] version = new long[1];
        int how = random.nextInt(100);
        Stamp stamp = null;
        if (how < 25) {
            cache.mutate(row, () -> version[0] = everywhere.write(row));
        } else {
            version[0] = everywhere.write(row);
            stamp = how < 85 || (how < 98 && !hasTag(row))
                    ? cache.invalidate(row)
                    : how < 98 ? cache.invalidateTag(tagOf(row)) : cache.clear();
        }
        writes.incrementAndGet();
        onNode.get(node).acknowledged(row, version[0]);
        // A write by mutate has no stamp; if nothing waits for Redis, it has been delivered.
        if (stamp == null ? cache.stats().waiting() == 0 : stamp.isDelivered()) {
            everywhere.acknowledged(row, version[0]);
        }
        if (stamp != null) {
            int other = (node + 1) % NODES;
            check(other, row, version[0], nodes.get(other).getWith(row, this::load, stamp));
        }
    }

    private void disturb(Random random) {
        faults.incrementAndGet();
        int node = random.nextInt(NODES);
        switch (random.nextInt(5)) {
            case 0 -> {
                proxies.get(node).cut();
                pause(random.nextInt(700));
                proxies.get(node).resume();
            }
            case 1 -> {
                proxies.get(node).halfOpen();
                pause(random.nextInt(2_000));
                proxies.get(node).resume();
            }
            case 2 -> {
                redis.suspend();
                pause(random.nextInt(700));
                redis.resume();
            }
            case 3 -> {
                var unused = links.get(node)
                        .call(redis -> redis.clientKill(KillArgs.Builder.typePubsub()))
                        .exceptionally(down -> 0L);
            }
            default -> {
                var unused = links.get(node).call(redis -> redis.flushall()).exceptionally(down -> "down");
            }
        }
    }

    private void checkWhatIsLeft() {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        for (int node = 0; node < NODES; node++) {
            for (long row = 0; row < ROWS; row++) {
                while (nodes.get(node).getWith(row, this::load) != everywhere.read(row)
                        || nodes.get(node).stats().waiting() > 0) {
                    if (System.nanoTime() - deadline > 0) {
                        throw new AssertionError("seed " + seed + ": node " + node + " never gets over version "
                                + nodes.get(node).getWith(row, this::load) + " of row " + row + ", which has "
                                + everywhere.read(row) + "; " + nodes.get(node).stats());
                    }
                    pause(1);
                }
            }
        }
    }
}
