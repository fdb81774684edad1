package dev.tenfold.auth;

import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.auth.Verification.Cause;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** In this node's memory, by a clock that can be set. */
class LocalTokenCacheTest extends TokenCacheContract {
    @Override
    TokenCacheBuilder on(TokenCacheBuilder builder) {
        return builder.nanoClock(clock.nanoClock());
    }

    @Test
    void facts_are_looked_up_anew_when_they_are_old() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache(b -> b.maxAge(ofSeconds(60)));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        clock.advance(ofSeconds(50));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(authority.asked).hasValue(1);
        clock.advance(ofSeconds(11));
        authority.active.clear();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
    }

    @Test
    void what_was_inactive_is_looked_up_anew_after_a_while() {
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
        authority.with("abc", facts("42"));
        clock.advance(ofSeconds(8));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
        clock.advance(ofSeconds(3));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
    }

    @Test
    void without_an_answer_there_is_no_access() {
        authority.with("abc", facts("42"));
        TokenCache tokens = cache();
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        authority.failure = new IOException("down");
        clock.advance(ofSeconds(61));
        assertThat(cause(tokens.verify(bearer("abc"), READ))).isEqualTo(Cause.INTROSPECTION);
    }

    @Test
    void with_grace_those_may_go_on_who_change_nothing_and_not_for_long() {
        authority.with("abc", facts("42").scope("orders:write"));
        TokenCache tokens = cache(b -> b.graceOnError(ofSeconds(30), "orders:read"));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        authority.failure = new IOException("down");

        clock.advance(ofSeconds(65));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        assertThat(events).anyMatch(event -> event instanceof AuthEvent.AcceptedInGrace);
        assertThat(cause(tokens.verify(bearer("abc"), READ.scope("orders:write"))))
                .isEqualTo(Cause.INTROSPECTION);
        assertThat(cause(tokens.verify(bearer("abc"), Require.active()))).isEqualTo(Cause.INTROSPECTION);
        assertThat(tokens.stats().acceptedInGrace()).isOne();

        clock.advance(ofSeconds(30));
        assertThat(cause(tokens.verify(bearer("abc"), READ))).isEqualTo(Cause.INTROSPECTION);
    }

    @Test
    void grace_ends_with_a_revocation_and_with_the_token() {
        authority
                .with("revoked", facts("42"))
                .with("ended", facts("7").expiresAt(clock.instant().plusSeconds(70)));
        TokenCache tokens = cache(b -> b.graceOnError(ofSeconds(30), "orders:read"));
        assertThat(tokens.verify(bearer("revoked"), READ).isVerified()).isTrue();
        assertThat(tokens.verify(bearer("ended"), READ).isVerified()).isTrue();
        authority.failure = new IOException("down");
        clock.advance(ofSeconds(65));
        assertThat(tokens.verify(bearer("ended"), READ).isVerified()).isTrue();
        tokens.revoke(bearer("revoked"));
        assertThat(tokens.verify(bearer("revoked"), READ).isVerified()).isFalse();
        clock.advance(ofSeconds(6));
        assertThat(tokens.verify(bearer("ended"), READ).isVerified()).isFalse();
    }

    @Test
    void a_revocation_is_remembered_until_the_token_would_have_ended() {
        authority.with("abc", facts("42").expiresAt(clock.instant().plusSeconds(7_200)));
        TokenCache tokens = cache(b -> b.negativeTtl(Duration.ZERO).longestLife(ofMinutes(10)));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isTrue();
        tokens.revoke(bearer("abc"));
        clock.advance(ofSeconds(7_199));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified()).isFalse();
        clock.advance(ofSeconds(2));
        assertThat(tokens.verify(bearer("abc"), READ).isVerified())
                .as("it has ended")
                .isFalse();
    }
}
