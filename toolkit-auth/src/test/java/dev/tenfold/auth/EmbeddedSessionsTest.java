package dev.tenfold.auth;

import static java.time.Duration.ofHours;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** In memory. */
class EmbeddedSessionsTest extends SessionsContract {
    @Override
    Sessions open(SessionsOptions options) {
        return Sessions.embedded(any -> options);
    }

    @Test
    void what_has_expired_does_not_pile_up() {
        SessionsOptions options = SessionsOptions.DEFAULT.clock(clock);
        EmbeddedSessions store = new EmbeddedSessions(options);
        Sessions sessions = new Sessions(options, store);
        for (int hour = 0; hour < 20; hour++) {
            for (int i = 0; i < 1_000; i++) sessions.create("s" + i);
            clock.advance(ofHours(1));
        }
        // Each shard is come across again in each hour, and what had expired in it by then goes.
        assertThat(store.kept()).isLessThanOrEqualTo(1_100);

        for (int i = 0; i < 1_000; i++) assertThat(sessions.list("s" + i)).isEmpty();

        assertThat(store.kept()).isZero();
    }

    @Test
    void two_of_them_share_nothing() {
        Sessions one = sessions();
        Sessions other = sessions();
        String id = id(one.create("42"));

        assertThat(other.find(id)).isEmpty();
        assertThat(one.find(id)).isPresent();
        assertThat(one.toString()).startsWith("embedded sessions, idle PT30M");
    }

    @Test
    void a_clock_that_goes_back_ends_no_session() {
        Sessions sessions = sessions();
        String id = id(sessions.create("42"));
        clock.set(clock.instant().minus(ofHours(1)));
        assertThat(sessions.find(id)).isPresent();
        clock.set(clock.instant().plus(ofHours(1)).plus(ofMinutes(30)));
        assertThat(sessions.find(id)).isEmpty();
    }
}
