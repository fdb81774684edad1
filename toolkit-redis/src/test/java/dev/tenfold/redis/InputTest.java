package dev.tenfold.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.tenfold.testkit.LeakCheck;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong is said at once, before any connection, and without showing what may be secret. */
@ExtendWith(LeakCheck.class)
class InputTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "host:6379",
                "redis:host",
                "http://user:s3cret@host",
                "user:s3cret@host:6379",
                "redis://",
                "redis://user:s3cret@",
                "redis://:s3cret@host:port",
                "redis://:s3cret@host:99999",
                "redis://:s3cret@host:6379/first",
                "redis://user:s3 cret@host:6379",
                "redis-sentinel://:s3cret@host:26379/0",
                "REDIS://:s3cret@host:6379",
            })
    void an_unreadable_uri_is_refused_without_being_shown(String uri) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.connect(uri))
                .withMessageStartingWith("the URI cannot be read; give redis://host:port")
                .withMessageNotContaining("s3")
                .withNoCause();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.connectCluster(List.of("redis://host:6379", uri)))
                .withMessageNotContaining("s3")
                .withNoCause();
    }

    @Test
    void sentinel_does_not_lead_to_a_cluster_and_no_uri_to_nothing() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.connectCluster(List.of("redis-sentinel://host:26379/0#primary")))
                .withMessage("the URI cannot be read; give redis://host:port or rediss://host:port");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.connectCluster(List.of()))
                .withMessageContaining("no URI");
    }

    @Test
    void options_out_of_range_name_the_knob_and_the_value() {
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofMillis(-1), Duration.ofNanos(1), Duration.ofDays(1))) {
            refused(o -> o.commandTimeout(wrong), "commandTimeout " + wrong + " must be from 1 ms to 1 h");
            refused(o -> o.connectTimeout(wrong), "connectTimeout " + wrong + " must be from 1 ms to 1 h");
            refused(o -> o.probeInterval(wrong), "probeInterval " + wrong + " must be from 1 ms to 1 h");
            refused(o -> o.retryInterval(wrong), "retryInterval " + wrong + " must be from 1 ms to 1 h");
        }
        refused(o -> o.failuresToOpen(0), "failuresToOpen 0 must be at least 1");
        for (String wrong : List.of("", "with blank", "with\nline", "ünicode")) {
            refused(o -> o.clientName(wrong), "clientName \"" + wrong + "\" must be");
        }
    }

    private static void refused(UnaryOperator<RedisOptions> options, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisLink.connect("redis://127.0.0.1:1", options))
                .withMessageStartingWith(message);
    }

    @Test
    @SuppressWarnings("NullAway") // as callers without a null checker may
    void null_is_refused() {
        assertThatNullPointerException().isThrownBy(() -> RedisLink.connect("redis://127.0.0.1:1", o -> null));
        assertThatNullPointerException().isThrownBy(() -> RedisScript.of("return 1", null));
    }

    @Test
    void a_script_that_is_not_there_or_empty_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisScript.load(InputTest.class, "none.lua", RedisScript.Reply.INTEGER))
                .withMessageContaining("no resource none.lua beside dev.tenfold.redis.InputTest")
                .withMessageContaining("src/main/resources");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisScript.of(" \n", RedisScript.Reply.INTEGER))
                .withMessageContaining("is empty");
    }

    @Test
    void a_script_has_the_digest_that_redis_gives_it() {
        RedisScript<Long> script = RedisScript.load(InputTest.class, "one.lua", RedisScript.Reply.INTEGER);
        assertThat(script.sha1()).isEqualTo("e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assertThat(script).hasToString("one.lua (e0e1f9fabfc9d4800c877a703b823ac0578ff8db)");
        assertThat(RedisScript.Reply.INTEGER).hasToString("INTEGER");
    }
}
