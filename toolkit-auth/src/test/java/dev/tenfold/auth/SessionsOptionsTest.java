package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class SessionsOptionsTest {
    private static void refused(UnaryOperator<SessionsOptions> change, String why) {
        assertThatThrownBy(() -> Sessions.embedded(change))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why);
    }

    @Test
    void what_is_out_of_bounds_is_refused_and_named() {
        refused(o -> o.idle(ofMillis(99)), "idle PT0.099S");
        refused(o -> o.idle(ofDays(401)), "idle PT9624H");
        refused(o -> o.absolute(ofMillis(-1)), "absolute PT-0.001S");
        refused(o -> o.perSubject(0, WhenFull.REFUSE), "leave it out");
        refused(o -> o.perSubject(1_001, WhenFull.REFUSE), "1 to 1,000");
        refused(o -> o.prefix("a b"), "\"a b\"");
        refused(o -> o.prefix("{a}"), "braces");
        refused(o -> o.prefix("x".repeat(65)), "64");
        refused(o -> o.secret(new byte[15]), "15 bytes");
    }

    @Test
    void an_idle_time_beyond_the_absolute_one_is_refused() {
        refused(o -> o.idle(ofHours(13)), "idle PT13H must not exceed absolute PT12H");
        refused(o -> o.absolute(ofMinutes(29)), "raise absolute(…)");
        assertThat(Sessions.embedded(o -> o.absolute(ofMinutes(30))).list("42")).isEmpty();
    }

    @Test
    void a_secret_is_copied_and_does_not_show() {
        byte[] secret = "0123456789abcdef".getBytes(US_ASCII);
        SessionsOptions options = SessionsOptions.DEFAULT.secret(secret);
        secret[0] = 0;

        assertThat(options.secret[0]).isEqualTo((byte) '0');
        assertThat(options.perSubject(3, WhenFull.END_OLDEST))
                .hasToString("idle PT30M, absolute PT12H, perSubject 3 END_OLDEST, prefix tenfold:");
    }
}
