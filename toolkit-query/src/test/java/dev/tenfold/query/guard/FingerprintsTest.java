package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(240)
class FingerprintsTest {
    private static final int BOUND = 2 * (Fingerprints.MAX_TEXTS + Fingerprints.MAX_FORMS) + 50_000;

    private final Fingerprints fingerprints = new Fingerprints();

    @Test
    void texts_that_differ_in_literals_only_have_one_fingerprint() {
        Fingerprint one = fingerprints.of("select a from t where id = 1");

        assertThat(fingerprints.of("SELECT a FROM t -- x\nWHERE id = 2")).isSameAs(one);
        assertThat(fingerprints.of("select a from t where id = ?")).isNotSameAs(one);
        assertThat(one.text).isEqualTo("select a from t where id = ?");
        assertThat(one.literals).isEqualTo(1 << Fingerprint.EQUAL);
        assertThat(one.kind).isEqualTo(StatementKind.SELECT);
    }

    @Test
    void a_fingerprint_says_what_its_text_says() {
        Fingerprint one = fingerprints.of("select a from t where b = ? and c > ? limit 10 /* tenfold:ignore */");

        assertThat(one.id).matches("[0-9a-f]{16}");
        assertThat(one.role(0)).isEqualTo(Fingerprint.EQUAL);
        assertThat(one.role(1)).isEqualTo(Fingerprint.RANGE);
        assertThat(one.role(2)).isEqualTo(Fingerprint.OTHER);
        assertThat(one.limited).isTrue();
        assertThat(one.ignored).isTrue();
        assertThat(one.batched).isFalse();
        assertThat(fingerprints.of("select a from t where b = ? and c > ? limit 10").ignored)
                .isFalse();
    }

    @Test
    void all_and_the_number_of_texts_count_each_once() {
        for (int i = 0; i < 3; i++) {
            fingerprints.of("select a from t where id = " + i);
            fingerprints.of("select a from t where id = 7");
            fingerprints.of("delete from t");
        }

        assertThat(fingerprints.distinctTexts()).isEqualTo(5);
        assertThat(fingerprints.all())
                .extracting(fingerprint -> fingerprint.text)
                .containsExactlyInAnyOrder("select a from t where id = ?", "delete from t");
    }

    @Test
    void ten_million_texts_take_some_megabytes() {
        Fingerprint kept = fingerprints.of("select a from t where id = 0");
        for (int i = 0; i < 5_000_000; i++) {
            fingerprints.of("select " + i); // one form
            if (i % 1_000 == 0)
                assertThat(fingerprints.of("select a from t where id = " + i)).isSameAs(kept);
        }
        assertThat(fingerprints.all()).hasSize(2);
        int most = 0;
        for (int i = 0; i < 5_000_000; i++) {
            fingerprints.of("select a" + i); // a form each
            if (i % 1_000 == 0)
                assertThat(fingerprints.of("select a from t where id = " + i)).isSameAs(kept);
            if (i % 100_000 == 0) most = Math.max(most, fingerprints.size());
        }

        assertThat(fingerprints.distinctTexts()).isGreaterThanOrEqualTo(10_000_000);
        assertThat(most).isBetween(Fingerprints.MAX_FORMS, BOUND);
        assertThat(fingerprints.all()).hasSizeBetween(1_000, 2 * Fingerprints.MAX_FORMS / Fingerprints.FORM + 2);
    }

    @Test
    void what_is_counted_is_what_is_held() {
        long before = usedAfterCollection();
        List<Fingerprints> five = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            Fingerprints one = new Fingerprints();
            for (int n = 0; n < 8_000; n++) one.of("select a" + n + " from t where id = " + n);
            five.add(one);
        }

        long held = usedAfterCollection() - before;
        long counted = five.stream().mapToLong(Fingerprints::size).sum();

        assertThat(counted).isGreaterThan(5 * Fingerprints.MAX_FORMS);
        assertThat(held).as("bytes held, where %,d were counted", counted).isLessThan(counted * 3 / 2);
    }

    @Test
    void long_texts_are_not_kept_and_yet_have_one_fingerprint() {
        String list = "1, ".repeat(1_000_000);
        Fingerprint one = fingerprints.of("select a from t where id in (" + list + "2)");

        assertThat(fingerprints.of("select a from t where id in (" + list + "3)"))
                .isSameAs(one);
        assertThat(fingerprints.of("select a from t where id in (4, 5)")).isSameAs(one);
        assertThat(fingerprints.size()).isLessThan(2_000);
    }

    @Test
    void roles_of_many_parameters_are_kept_up_to_a_limit() {
        Fingerprint one = fingerprints.of("insert into t values (?" + ", ?".repeat(10_000) + ")");

        assertThat(one.roles).hasSize(Fingerprint.MAX_ROLES);
        assertThat(one.role(0)).isEqualTo(Fingerprint.WRITTEN);
        assertThat(one.role(5_000)).isEqualTo(Fingerprint.OTHER);
    }

    @Test
    void what_is_not_used_for_long_is_forgotten_but_keeps_its_id() {
        Fingerprint one = fingerprints.of("select a from t where id = ?");
        for (int i = 0; i < 20_000; i++) fingerprints.of("select b" + i);

        Fingerprint again = fingerprints.of("select a from t where id = ?");

        assertThat(again).isNotSameAs(one);
        assertThat(again.id).isEqualTo(one.id);
        assertThat(fingerprints.all()).contains(again).doesNotContain(one);
    }

    @Test
    void what_is_used_in_each_generation_stays_whatever_text_asks_for_it() {
        Fingerprint one = fingerprints.of("select a from t where id = 0");
        for (int i = 1; i < 100_000; i++) {
            fingerprints.of("select b" + i);
            if (i % 1_000 == 0)
                assertThat(fingerprints.of("select a from t where id = " + i)).isSameAs(one);
        }
    }

    @Test
    void threads_get_one_fingerprint_while_generations_change() throws Exception {
        int threads = 4;
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 50; i++) texts.add("select a from t" + i + " where id = ?");
        AtomicBoolean done = new AtomicBoolean();
        CyclicBarrier start = new CyclicBarrier(threads + 1);
        ExecutorService pool = Executors.newFixedThreadPool(threads + 1);
        try {
            List<Future<List<Set<Fingerprint>>>> seen = new ArrayList<>();
            for (int thread = 0; thread < threads; thread++) {
                boolean literals = thread % 2 == 1;
                seen.add(pool.submit((Callable<List<Set<Fingerprint>>>) () -> {
                    List<Set<Fingerprint>> mine = new ArrayList<>();
                    for (String unused : texts) mine.add(Collections.newSetFromMap(new IdentityHashMap<>()));
                    start.await();
                    for (int round = 0; !done.get(); round++) {
                        for (int i = 0; i < texts.size(); i++) {
                            // odd threads send a new text of the same form each time
                            String sql = literals ? texts.get(i) + " /* " + round + " */" : texts.get(i);
                            mine.get(i).add(fingerprints.of(sql));
                        }
                    }
                    return mine;
                }));
            }
            Future<?> churn = pool.submit(() -> {
                start.await();
                for (int i = 0; i < 100_000; i++) {
                    fingerprints.of("select b" + i);
                    if (i % 500 == 0) { // in use in each generation, however slow the others are
                        for (String sql : texts) fingerprints.of(sql);
                    }
                }
                return null;
            });
            try {
                churn.get();
            } finally {
                done.set(true);
            }
            for (int i = 0; i < texts.size(); i++) {
                Set<Fingerprint> all = Collections.newSetFromMap(new IdentityHashMap<>());
                for (Future<List<Set<Fingerprint>>> thread : seen)
                    all.addAll(thread.get().get(i));
                assertThat(all).as(texts.get(i)).containsExactly(fingerprints.of(texts.get(i)));
            }
        } finally {
            done.set(true);
            pool.shutdownNow();
        }
    }

    private static long usedAfterCollection() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
