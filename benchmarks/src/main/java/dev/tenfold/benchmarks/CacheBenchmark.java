package dev.tenfold.benchmarks;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.tenfold.cache.TieredCache;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The hot paths of the cache without a remote tier, beside Caffeine with {@code expireAfterWrite}: a hit, by one thread and
 * by two, and a miss whose load costs nothing. A hit takes the same path with a remote tier.
 *
 * <pre>{@code
 * java -jar benchmarks/target/benchmarks.jar CacheBenchmark -prof gc
 * }</pre>
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class CacheBenchmark {
    private static final int DRAWN = 1 << 16;
    private static final int ROOM = 20_000;
    private static final Duration TTL = Duration.ofHours(1);

    /** Called by JMH. */
    public CacheBenchmark() {}

    /** The caches, full of all keys; and keys that are in neither. */
    @State(Scope.Benchmark)
    public static class Caches {
        final String[] keys = Popularity.zipf(CacheLocal.KEYS, DRAWN, 42);
        final Users users = new Users();
        final Function<String, String> source = users::load;
        final Function<Long, Long> identity = key -> key;
        final TieredCache<String, String> ours = TieredCache.<String, String>builder("hits")
                .local(local -> local.maximumSize(ROOM).expireAfterWrite(TTL))
                .build();
        final Cache<String, String> caffeine =
                Caffeine.newBuilder().maximumSize(ROOM).expireAfterWrite(TTL).build();
        final TieredCache<Long, Long> oursMissing = TieredCache.<Long, Long>builder("misses")
                .local(local -> local.maximumSize(ROOM).expireAfterWrite(TTL))
                .build();
        final Cache<Long, Long> caffeineMissing =
                Caffeine.newBuilder().maximumSize(ROOM).expireAfterWrite(TTL).build();

        /** Called by JMH. */
        public Caches() {
            for (String key : keys) {
                String unused = ours.get(key, source);
                unused = caffeine.get(key, source);
            }
        }

        /** Called by JMH. */
        @TearDown
        public void close() {
            ours.close();
            oursMissing.close();
        }
    }

    /** Where each thread stands. */
    @State(Scope.Thread)
    public static class Position {
        private int next = (int) Thread.currentThread().getId() * 7_919;
        private long unseen = Thread.currentThread().getId() << 40;

        /** Called by JMH. */
        public Position() {}

        String key(Caches caches) {
            return caches.keys[next++ & (DRAWN - 1)];
        }

        long unseen() {
            return unseen++;
        }
    }

    /**
     * Ours: a hit.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    public String hit(Caches caches, Position position) {
        return caches.ours.get(position.key(caches), caches.source);
    }

    /**
     * Ours: hits of two threads.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    @Threads(2)
    public String hitByTwo(Caches caches, Position position) {
        return caches.ours.get(position.key(caches), caches.source);
    }

    /**
     * Ours: a miss.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    public Long miss(Caches caches, Position position) {
        return caches.oursMissing.get(position.unseen(), caches.identity);
    }

    /**
     * Caffeine: a hit.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    public String baselineHit(Caches caches, Position position) {
        return caches.caffeine.get(position.key(caches), caches.source);
    }

    /**
     * Caffeine: hits of two threads.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    @Threads(2)
    public String baselineHitByTwo(Caches caches, Position position) {
        return caches.caffeine.get(position.key(caches), caches.source);
    }

    /**
     * Caffeine: a miss.
     *
     * @param caches the caches
     * @param position the thread's
     * @return the value
     */
    @Benchmark
    public Long baselineMiss(Caches caches, Position position) {
        return caches.caffeineMissing.get(position.unseen(), caches.identity);
    }
}
