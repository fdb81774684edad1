package dev.tenfold.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the checker calls stale. */
class StaleReadsTest {
    private static final Duration PROMISED = Duration.ofMinutes(10);

    private final StaleReads stale = new StaleReads(PROMISED, Duration.ofHours(1));

    @Test
    void a_post_as_new_as_the_last_commit_is_not_behind() {
        stale.committed(7, 1);
        stale.shown(System.nanoTime(), page(7, 1));

        assertThat(stale.found()).isEqualTo(new StaleReads.Found(1, 0, 0, 0));
    }

    @Test
    void a_request_that_began_before_the_commit_may_show_either_version() {
        long before = System.nanoTime();
        stale.committed(7, 1);
        stale.shown(before - 1, page(7, 0));

        assertThat(stale.found().behind()).isZero();
    }

    @Test
    void a_post_older_than_a_commit_is_behind_and_beyond_the_promise_later() {
        stale.committed(7, 1);
        stale.shown(System.nanoTime(), page(7, 0));
        stale.shown(System.nanoTime() + PROMISED.toNanos(), page(7, 0));

        assertThat(stale.found()).isEqualTo(new StaleReads.Found(2, 2, 0, 1));
    }

    @Test
    void while_redis_is_away_another_promise_holds() {
        stale.committed(7, 1);
        stale.away();
        stale.shown(System.nanoTime() + PROMISED.toNanos(), page(7, 0));
        stale.back();
        stale.shown(System.nanoTime() + 2 * PROMISED.toNanos(), page(7, 0));

        assertThat(stale.found()).isEqualTo(new StaleReads.Found(2, 2, 1, 1));
    }

    private static String page(long post, long version) {
        Feed.Author author = new Feed.Author(1, "a \"quoted\" name");
        Feed.PostView view = new Feed.PostView(new Feed.Post(post, 1, "{\"version\":9}", version), author, List.of());
        return Json.of(new Feed.Page(List.of(view)));
    }
}
