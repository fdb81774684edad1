package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What counts as accepted after a log-out that was called at 100 ms and returned at 110 ms. */
class DevicesTest {
    private static final Devices.LogOut LOG_OUT = new Devices.LogOut(nanos(100), nanos(110));
    private static final Devices.Answer BEFORE = answer(0, 200, 10, 20);
    private static final Devices.Answer BEFORE_ELSEWHERE = answer(1, 200, 10, 20);
    private static final Devices.Answer REFUSED = answer(0, 401, 120, 130);
    private static final Devices.Answer REFUSED_ELSEWHERE = answer(1, 401, 120, 130);

    @Test
    void a_request_sent_before_the_log_out_returned_may_be_accepted() {
        Devices.Found found = found(answer(0, 200, 105, 125));

        assertThat(found.isTried()).isTrue();
        assertThat(found.callMillis()).isEqualTo(10);
        assertThat(found.lastAcceptedMillis()).isEqualTo(25);
        assertThat(found.acceptedAfter()).containsExactly(0L, 0L);
        assertThat(found.acceptedLate()).isZero();
    }

    @Test
    void a_request_sent_later_counts_for_its_node_and_beyond_the_promise_as_late() {
        Devices.Found found =
                found(answer(0, 200, 111, 112), answer(1, 200, 1_110, 1_111), answer(1, 200, 1_111, 1_112));

        assertThat(found.acceptedAfter()).containsExactly(1L, 2L);
        assertThat(found.acceptedLate()).isEqualTo(1);
        assertThat(found.lastAcceptedMillis()).isEqualTo(1_012);
    }

    @Test
    void what_is_neither_accepted_nor_refused_is_odd() {
        assertThat(found(answer(0, 503, 120, 130), answer(1, 0, 120, 130)).odd())
                .isEqualTo(2);
    }

    @Test
    void a_node_that_nobody_asked_afterwards_was_not_tried() {
        assertThat(Devices.found(List.of(BEFORE, BEFORE_ELSEWHERE, REFUSED), LOG_OUT)
                        .isTried())
                .isFalse();
        assertThat(Devices.found(List.of(BEFORE, REFUSED, REFUSED_ELSEWHERE), LOG_OUT)
                        .isTried())
                .isFalse();
    }

    private static Devices.Found found(Devices.Answer... more) {
        List<Devices.Answer> all = new ArrayList<>(List.of(BEFORE, BEFORE_ELSEWHERE, REFUSED, REFUSED_ELSEWHERE));
        all.addAll(List.of(more));
        return Devices.found(all, LOG_OUT);
    }

    private static Devices.Answer answer(int node, int status, long sentMillis, long answeredMillis) {
        return new Devices.Answer(node, status, nanos(sentMillis), nanos(answeredMillis));
    }

    private static long nanos(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }
}
