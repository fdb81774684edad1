package dev.tenfold.cache;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;

/** Ten thousand virtual threads at cold keys: all come back, and none pins its carrier. */
@EnabledForJreRange(min = JRE.JAVA_21)
@Timeout(120)
class VirtualThreadLoadTest {
    private static final int THREADS = 10_000;
    private static final int KEYS = 1_000;

    @Test
    void ten_thousand_virtual_threads_load_cold_keys_and_pin_nothing(@TempDir Path dir) throws Exception {
        AtomicLong loads = new AtomicLong();
        AtomicInteger finished = new AtomicInteger();
        List<RecordedEvent> pinned = new ArrayList<>();
        try (RedisLink link = RedisLink.connect(
                        RedisServer.shared().uri(), options -> options.commandTimeout(Duration.ofSeconds(30)));
                Recording recording = new Recording()) {
            assertThat(link.awaitUp(Duration.ofSeconds(20))).isTrue();
            try (TieredCache<Long, Long> cache = TieredCache.<Long, Long>builder("virtual-" + UUID.randomUUID())
                    .remote(link, Codec.longs(), remote -> remote.lease(Duration.ofMinutes(1)))
                    .build()) {
                ExecutorService threads = virtualThreads();
                warmUp(cache, threads); // loading a class pins, once
                recording
                        .enable("jdk.VirtualThreadPinned")
                        .withThreshold(Duration.ZERO)
                        .withStackTrace();
                recording.start();
                List<Future<Long>> values = new ArrayList<>();
                for (int i = 0; i < THREADS; i++) {
                    long key = i % KEYS;
                    values.add(threads.submit(() -> {
                        Long value = cache.get(key, k -> {
                            long unused = loads.incrementAndGet();
                            return k * 2;
                        });
                        int unused = finished.incrementAndGet();
                        return value;
                    }));
                }
                for (int i = 0; i < THREADS; i++) {
                    assertThat(values.get(i).get(100, SECONDS)).isEqualTo(i % KEYS * 2L);
                }
                recording.stop();
                threads.shutdown();
            }
            Path file = dir.resolve("pinned.jfr");
            recording.dump(file);
            for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
                if (String.valueOf(event.getStackTrace()).contains("dev.tenfold")) {
                    pinned.add(event);
                }
            }
        }

        assertThat(finished).hasValue(THREADS);
        assertThat(loads).as("loads").hasValue(KEYS);
        assertThat(pinned).as("virtual threads that pinned their carrier").isEmpty();
    }

    private static void warmUp(TieredCache<Long, Long> cache, ExecutorService threads) throws Exception {
        List<Future<Long>> values = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            long key = -1L - i % 50;
            values.add(threads.submit(() -> cache.get(key, k -> k)));
        }
        for (Future<Long> value : values) {
            assertThat(value.get(60, SECONDS)).isNegative();
        }
    }

    /** {@code Executors.newVirtualThreadPerTaskExecutor()}, which the compiler for Java 17 does not know. */
    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }
}
