package dev.tenfold.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What holds only where there are virtual threads. CI sees to it that one of its runs has them. */
@EnabledForJreRange(min = JRE.JAVA_21)
class VirtualThreadScopeTest {
    @Test
    @Timeout(120)
    void five_hundred_members_of_two_levels_take_exactly_two_batches_in_ten_thousand_runs() {
        List<Integer> items = IntStream.range(0, 500).boxed().toList();
        Loader<Integer, Integer> first = Loader.of(keys -> {
            Map<Integer, Integer> map = new HashMap<>(keys.size() * 2);
            keys.forEach(key -> map.put(key, key + 1_000));
            return map;
        });
        Loader<Integer, Integer> second = Loader.of(keys -> {
            Map<Integer, Integer> map = new HashMap<>(keys.size() * 2);
            keys.forEach(key -> map.put(key, key + 1_000));
            return map;
        });
        for (int run = 1; run <= 10_000; run++) {
            // So that no stall of a busy machine is taken for silence: a batch that the timer sends fails the test.
            LoadScope.each(items, i -> second.load(first.load(i)), o -> o.flushAfter(Duration.ofMillis(100)));
            if (first.stats().totalBatches() != run || second.stats().totalBatches() != run) {
                throw new AssertionError("run " + run + ": " + first.stats() + " " + second.stats());
            }
        }

        assertThat(first.stats().share(Trigger.QUIET)).isEqualTo(1.0);
        assertThat(second.stats().share(Trigger.QUIET)).isEqualTo(1.0);
        assertThat(second.stats().keysPerBatch()).isEqualTo(500);
    }

    @Test
    void members_are_virtual_threads() throws Exception {
        var isVirtual = Thread.class.getMethod("isVirtual");
        List<Object> virtual = LoadScope.each(List.of(1, 2), i -> {
            try {
                return isVirtual.invoke(Thread.currentThread());
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("Thread.isVirtual is public", e);
            }
        });

        assertThat(virtual).containsOnly(true);
    }
}
