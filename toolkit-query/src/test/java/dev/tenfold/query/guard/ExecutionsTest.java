package dev.tenfold.query.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.BitSet;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ExecutionsTest {
    private static final long WINDOW = Executions.WINDOW;

    private final Executions executions = new Executions();
    private long now = 1_000;

    /** One window of so many executions of so many milliseconds each. */
    private void window(int count, long millis) {
        executions.add(
                count, count * TimeUnit.MILLISECONDS.toNanos(millis), TimeUnit.MILLISECONDS.toNanos(millis), now);
        now += WINDOW;
    }

    @Test
    void executions_are_added_up() {
        executions.add(2, 30, 20, now);
        executions.add(1, 25, 25, now);

        assertThat(executions.count()).isEqualTo(3);
        assertThat(executions.nanos()).isEqualTo(55);
        assertThat(executions.slowest()).isEqualTo(25);
    }

    @Test
    void trend_compares_the_newest_window_with_the_median_of_the_earlier_ones() {
        window(100, 10);
        window(100, 12);
        window(100, 500); // one bad window does not hide the trend
        window(100, 11);
        window(100, 9);
        window(100, 22);

        assertThat(executions.trend()).hasValueCloseTo(2.0, within(0.01));
    }

    @Test
    void trend_is_that_of_the_present_window_once_it_has_seen_enough() {
        for (int i = 0; i < 4; i++) window(100, 10);
        window(19, 40);
        assertThat(executions.trend()).as("19 tell nothing yet").hasValueCloseTo(1.0, within(0.01));

        now -= WINDOW;
        window(1, 40);
        assertThat(executions.trend()).hasValueCloseTo(4.0, within(0.01));
    }

    @Test
    void trend_is_empty_below_three_earlier_windows_or_twenty_executions() {
        for (int i = 0; i < 3; i++) window(100, 10);
        assertThat(executions.trend()).isEmpty();

        Executions few = new Executions();
        for (int i = 0; i < 12; i++) few.add(19, 19, 1, i * WINDOW);
        assertThat(few.trend()).isEmpty();
    }

    @Test
    void windows_without_executions_are_left_out() {
        for (int i = 0; i < 4; i++) window(100, 10);
        now += 3 * WINDOW;
        window(100, 30);

        assertThat(executions.trend()).hasValueCloseTo(3.0, within(0.01));
    }

    @Test
    void what_is_older_than_an_hour_is_forgotten() {
        for (int i = 0; i < 12; i++) window(100, 10);
        now += 100 * WINDOW;
        window(100, 30);

        assertThat(executions.trend()).isEmpty();
    }

    @Test
    void a_window_that_ended_is_told_once_with_its_share_of_the_time() {
        window(100, 30);
        assertThat(executions.takeWindowEnded()).isFalse();
        window(100, 30);

        assertThat(executions.takeWindowEnded()).isTrue();
        assertThat(executions.takeWindowEnded()).isFalse();
        assertThat(executions.shareOfLastWindow()).isCloseTo(0.01, within(1e-9));
    }

    @Test
    void first_sixteen_executions_are_looked_at_and_then_one_in_a_tenth_of_a_second_at_most() {
        for (int i = 0; i < 16; i++) {
            assertThat(executions.looksAtRows(now)).isTrue();
            executions.looked(10, 20, now);
        }

        assertThat(executions.looksAtRows(now + TimeUnit.MILLISECONDS.toNanos(99)))
                .isFalse();
        assertThat(executions.looksAtRows(now + TimeUnit.MILLISECONDS.toNanos(101)))
                .isTrue();
        assertThat(executions.looksAtRows(now + TimeUnit.MILLISECONDS.toNanos(102)))
                .isFalse();
    }

    @Test
    void looks_go_on_where_nano_time_is_negative_and_no_look_has_ended() {
        now = Long.MIN_VALUE + 1;
        for (int i = 0; i < 16; i++) assertThat(executions.looksAtRows(now)).isTrue();

        assertThat(executions.looksAtRows(now + TimeUnit.SECONDS.toNanos(1))).isTrue();
    }

    @Test
    void a_look_that_costs_much_is_the_last_for_a_hundred_times_as_long() {
        assertThat(executions.looksAtRows(now)).isTrue();
        executions.looked(1_000_000, 10_000_000, now); // a second, at 100 ns a call

        assertThat(executions.looksAtRows(now + TimeUnit.SECONDS.toNanos(99))).isFalse();
        assertThat(executions.looksAtRows(now + TimeUnit.SECONDS.toNanos(101))).isTrue();
    }

    @Test
    void typical_rows_follow_the_looks() {
        assertThat(executions.typicalRows()).isEqualTo(-1);
        assertThat(executions.rows()).isEmpty();

        executions.looked(100, 200, now);
        assertThat(executions.typicalRows()).isEqualTo(100);
        for (int i = 0; i < 50; i++) executions.looked(10, 20, now);
        assertThat(executions.typicalRows()).isEqualTo(10);
    }

    @Test
    void only_a_whole_text_is_kept_as_a_sample() {
        executions.sample("x".repeat(8_193));
        assertThat(executions.sample()).isEmpty();

        executions.sample("select 1");
        executions.sample("select 2");
        assertThat(executions.sample()).isEqualTo("select 1");
    }

    @Test
    void columns_are_followed_up_to_a_bound_and_begin_anew_when_their_number_changes() {
        String[] names = new String[1_600];
        for (int i = 0; i < names.length; i++) names[i] = "n".repeat(1_000) + i;
        executions.columns(names, new int[names.length]);
        BitSet read = new BitSet();
        read.set(0, 250);
        assertThat(executions.readColumns(read)).isEqualTo(1);

        assertThat(executions.unreadColumns().names).hasSize(6).allMatch(name -> name.length() <= 64);
        assertThat(executions.knowsColumns(1_600)).isTrue();
        assertThat(executions.knowsColumns(3)).isFalse();
        executions.columns(new String[] {"a", "b", "c"}, new int[3]);
        assertThat(executions.readColumns(new BitSet())).isEqualTo(1);
        assertThat(executions.unreadColumns().names).containsExactly("a", "b", "c");
    }

    @Test
    void memory_is_bounded_whatever_is_executed() {
        long seed = 42;
        Random random = new Random(seed);
        Executions[] all = new Executions[5_000];
        String[] names = {"id", "name", "bio", "at"};
        BitSet read = new BitSet();
        read.set(1);
        long[] used = new long[2];
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 1_000_000; i++) {
                int which = random.nextInt(all.length);
                if (all[which] == null) all[which] = new Executions();
                Executions one = all[which];
                one.add(1 + random.nextInt(10), random.nextInt(1_000_000), 1, now);
                one.looked(random.nextInt(100), 10, now);
                one.sample("select " + which);
                if (!one.knowsColumns(4)) one.columns(names, new int[4]);
                one.readColumns(read);
                one.rowsLeft(random.nextInt(20), false);
                now += TimeUnit.SECONDS.toNanos(1);
            }
            used[round] = usedMemory();
        }

        long each = (used[1] - used[0]) / all.length;
        assertThat(each)
                .as("bytes that a million more add to each of 5,000, seed " + seed)
                .isLessThan(200);
        assertThat(all).doesNotContainNull();
    }

    private static long usedMemory() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            least = Math.min(
                    least,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }
}
