package dev.tenfold.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which lane is next. No I/O. */
final class LanesTest {
    private static final long MINUTE = 60_000_000;
    private final RetryBudget budget = new RetryBudget(0, 0, 0);
    private final Lanes lanes =
            new Lanes(List.of(new Lanes.Share(1, 3, budget), new Lanes.Share(2, 1, budget)), MINUTE, 0);

    private static Lane.Head head(int queue, Priority priority, long runAt) {
        return new Lane.Head(new Lane(queue, priority.level()), runAt, 20);
    }

    private static List<Claimed> jobs(Lane lane, long runAt, int count) {
        List<Claimed> jobs = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            jobs.add(new Claimed(
                    i,
                    1,
                    runAt,
                    runAt,
                    lane.queue(),
                    1,
                    lane.priority(),
                    1,
                    0,
                    25,
                    1,
                    new byte[0],
                    null,
                    null,
                    0,
                    false,
                    0,
                    false));
        }
        return jobs;
    }

    private Lanes.Known chosen() {
        return Objects.requireNonNull(lanes.choose(), "none is ready");
    }

    private void claim(Lanes.Known from, int asked, int got) {
        lanes.claimed(from, from.cursor, asked, jobs(from.lane, from.head, got), 0, 0);
    }

    @Test
    void queues_share_by_weight_however_large_the_claims_are() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0), head(2, Priority.NORMAL, 0)), true);
        int[] served = new int[3];
        int[] sizes = {512, 32, 7, 64};
        for (int i = 0; i < 4_000; i++) {
            Lanes.Known next = chosen();
            int size = sizes[i % sizes.length];
            served[next.lane.queue()] += size;
            claim(next, size, size);
        }
        assertThat((double) served[1] / served[2]).isBetween(2.9, 3.1);
    }

    @Test
    void a_queue_that_was_empty_does_not_get_what_it_has_missed() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        for (int i = 0; i < 100; i++) {
            claim(chosen(), 100, 100);
        }
        lanes.looked(List.of(head(1, Priority.NORMAL, 0), head(2, Priority.NORMAL, 0)), true);
        int second = 0;
        for (int i = 0; i < 40; i++) {
            Lanes.Known next = chosen();
            second += next.lane.queue() == 2 ? 1 : 0;
            claim(next, 100, 100);
        }
        assertThat(second).isBetween(9, 11);
    }

    @Test
    void the_more_urgent_lane_is_first_until_the_other_has_waited_an_interval_a_level() {
        lanes.looked(List.of(head(1, Priority.URGENT, 3 * MINUTE - 1), head(1, Priority.LOW, 0)), true);
        assertThat(chosen().lane.priority()).isEqualTo(Priority.URGENT.level());
        lanes.looked(List.of(head(1, Priority.URGENT, 3 * MINUTE + 1), head(1, Priority.LOW, 0)), true);
        assertThat(chosen().lane.priority()).isEqualTo(Priority.LOW.level());
    }

    @Test
    void a_short_claim_empties_the_lane_until_somebody_looks_or_wakes() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        claim(chosen(), 10, 9);
        assertThat(lanes.choose()).isNull();
        assertThat(lanes.wake(new Lane(1, Priority.HIGH.level()))).isTrue();
        assertThat(chosen().lane.priority()).isEqualTo(Priority.HIGH.level());
        assertThat(lanes.wake(new Lane(9, 0))).isFalse();
    }

    @Test
    void a_paused_queue_is_not_chosen() {
        lanes.pauseQueues(Set.of(1));
        lanes.wake(new Lane(1, 0));
        assertThat(lanes.choose()).isNull();
        assertThat(lanes.active()).allMatch(each -> each.lane.queue() == 2).hasSize(4);
    }

    @Test
    void the_table_is_looked_at_from_the_start_for_a_tenth_of_the_time_at_most() {
        assertThat(lanes.mayReset(0)).isTrue();
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        lanes.hasReset(0, 100_000_000);
        lanes.hasReset(1_000_000_000, 100_000_000);
        assertThat(lanes.mayReset(1_999_999_999)).isFalse();
        assertThat(lanes.mayReset(2_000_000_000)).isTrue();
    }

    @Test
    void a_long_way_to_the_database_does_not_count_as_the_cost_of_looking_from_the_start() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        for (int i = 0; i < 20; i++) {
            lanes.hasBegunAtCursor(200_000_000);
        }
        lanes.hasReset(0, 201_000_000);
        lanes.hasReset(1_000_000_000, 201_000_000);
        assertThat(lanes.mayReset(1_250_000_000)).isTrue();
    }

    @Test
    void one_look_that_took_long_does_not_put_off_the_next() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        lanes.hasReset(0, 1_000_000);
        lanes.hasReset(1_000_000_000, 500_000_000);
        assertThat(lanes.mayReset(1_250_000_000)).isTrue();
    }

    @Test
    void an_idle_worker_that_has_not_looked_from_the_start_does_so_as_soon_as_it_may() {
        lanes.looked(List.of(), true);
        lanes.hasReset(0, 0);
        assertThat(lanes.owedIn(0, 1_000_000_000)).isEqualTo(1_000_000_000);
        lanes.looked(List.of(), false);
        assertThat(lanes.owedIn(0, 1_000_000_000)).isLessThanOrEqualTo(20_000_000);
    }

    @Test
    void a_claim_goes_on_behind_the_last_one_or_at_what_a_look_has_found() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 100)), true);
        Lanes.Known lane = chosen();
        assertThat(lanes.begin(lane, 0)).isEqualTo(new Lane.Cursor(100, 19));
        claim(lane, 10, 10);
        assertThat(lanes.begin(lane, 0)).isEqualTo(new Lane.Cursor(100, 10));
        lanes.looked(List.of(head(1, Priority.NORMAL, 50)), true); // a lease has ended
        assertThat(lanes.begin(lane, 0)).isEqualTo(new Lane.Cursor(50, 19));
    }

    @Test
    void the_first_look_counts_at_once_but_not_for_long() {
        lanes.looked(List.of(head(1, Priority.NORMAL, 0)), true);
        lanes.hasReset(0, 500_000_000);
        assertThat(lanes.mayReset(1_900_000_000)).isFalse();
        assertThat(lanes.mayReset(2_000_000_000)).isTrue();
    }
}
