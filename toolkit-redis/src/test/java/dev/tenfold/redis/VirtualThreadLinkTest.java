package dev.tenfold.redis;

import static dev.tenfold.redis.Network.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What holds only where there are virtual threads. CI sees to it that one of its runs has them. */
@EnabledForJreRange(min = JRE.JAVA_21)
class VirtualThreadLinkTest {
    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (InvocationTargetException e) {
            throw new LinkageError("Java 21 has virtual threads", e);
        }
    }

    private static void close(ExecutorService pool) {
        pool.shutdownNow();
    }

    @Test
    void thousands_of_virtual_threads_get_their_own_answers() throws Exception {
        ExecutorService pool = virtualThreads();
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(
                        network.uris().get(0), o -> LinkContract.patient(o).commandTimeout(Duration.ofSeconds(20)))) {
            List<Future<String>> answers = new ArrayList<>();
            for (int i = 0; i < 5_000; i++) {
                String value = "value-" + i;
                answers.add(pool.submit(() -> {
                    LinkContract.set(link, "key-" + value, value);
                    return String.valueOf(LinkContract.get(link, "key-" + value));
                }));
            }
            for (int i = 0; i < 5_000; i++) {
                assertThat(answers.get(i).get(40, TimeUnit.SECONDS)).isEqualTo("value-" + i);
            }
        } finally {
            close(pool);
        }
    }

    /** On two carriers, a thousand waits of half a second in pinned threads would take four minutes. */
    @Test
    void waiting_pins_no_carrier() throws Exception {
        ExecutorService pool = virtualThreads();
        try (Network network = Network.ofServer();
                RedisLink link = RedisLink.connect(
                        network.uris().get(0),
                        o -> LinkContract.patient(o)
                                .commandTimeout(Duration.ofMillis(500))
                                .failuresToOpen(100_000)
                                .probeInterval(Duration.ofHours(1)))) {
            network.halfOpen();
            List<Future<Boolean>> waits = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                waits.add(pool.submit(() -> {
                    try {
                        link.await(link.call(redis -> redis.get(bytes("key"))));
                        return false;
                    } catch (RedisUnavailableException e) {
                        return e.reason() == RedisUnavailableException.Reason.TIMEOUT;
                    }
                }));
            }
            long start = System.nanoTime();
            for (Future<Boolean> wait : waits)
                assertThat(wait.get(40, TimeUnit.SECONDS)).isTrue();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
        } finally {
            close(pool);
        }
    }
}
