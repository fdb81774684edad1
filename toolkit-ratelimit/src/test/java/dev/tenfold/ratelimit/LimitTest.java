package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static dev.tenfold.ratelimit.Limit.perSecond;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofNanos;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What limits, policies, keys and options refuse, and how they say so. */
class LimitTest {
    private static void refused(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isInstanceOf(IllegalArgumentException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains(parts));
    }

    @Test
    void numbers_out_of_range_are_refused() {
        refused(() -> limit("a", 0, perSecond()), "permits 0", "at least 1");
        refused(() -> limit("a", -5, perSecond()), "permits -5");
        refused(() -> limit("a", 1, Duration.ZERO), "from 1 ms to 366 days");
        refused(() -> limit("a", 1, ofSeconds(-1)), "from 1 ms to 366 days");
        refused(() -> limit("a", 1, ofDays(367)), "from 1 ms to 366 days");
        refused(() -> limit("a", 1, ofNanos(1_000_001)), "whole number of microseconds");
        refused(() -> limit("a", 1, perSecond()).burst(0), "burst 0", "at least 1");
        refused(() -> limit("a", Long.MAX_VALUE, ofDays(365)), "too large", "rounder");
        refused(() -> limit("a", 1, ofDays(365)).burst(Long.MAX_VALUE), "too large");
    }

    @Test
    void odd_numbers_are_counted_exactly_as_long_as_they_fit() {
        assertThat(limit("a", 99_999, ofDays(30)).burst()).isEqualTo(99_999);
        assertThat(limit("a", 1_000_003, ofDays(1)).burst()).isEqualTo(1_000_003);
        assertThat(limit("a", 1_000_000_007, perSecond()).permits()).isEqualTo(1_000_000_007);
    }

    @Test
    void windows_have_neither_bursts_nor_leases() {
        refused(() -> limit("a", 5, perMinute()).burst(2).slidingWindow(), "neither burst");
        refused(() -> limit("a", 5, perMinute()).slidingWindow().burst(2), "no burst");
        refused(() -> limit("a", 5, perMinute()).slidingWindow().leased(ofSeconds(1)), "cannot be leased");
        refused(() -> limit("a", 5, perMinute()).leased(ofSeconds(1)).slidingWindow(), "leases");
    }

    @Test
    void a_strict_lease_leaves_something_of_the_burst() {
        refused(() -> limit("a", 10, perSecond()).leasedStrictly(ofSeconds(1)), "must leave at least 1");
        refused(() -> limit("a", 10, perSecond()).leased(ofMillis(9)), "from 10 ms to 1 min");
        assertThat(limit("a", 10, perSecond()).leasedStrictly(ofMillis(500)).largestCost())
                .isEqualTo(5);
    }

    @Test
    void names_are_fit_for_headers() {
        for (String name : new String[] {"", "a b", "zoë", "a\"b", "a\nb", "x".repeat(65)}) {
            refused(() -> limit(name, 1, perSecond()), "1 to 64 of the characters a-z A-Z 0-9 - _ .");
            refused(() -> Policy.of(name, limit("a", 1, perSecond())), "1 to 64");
            refused(() -> Key.of(name, "x"), "1 to 64");
        }
    }

    @Test
    void policies_have_some_limits_with_different_names() {
        refused(() -> Policy.of("p"), "0 limits");
        refused(() -> Policy.of("p", limit("a", 1, perSecond()), limit("a", 2, perMinute())), "two limits named \"a\"");
        Limit[] many = IntStream.range(0, 17)
                .mapToObj(i -> limit("l" + i, 1, perSecond()))
                .toArray(Limit[]::new);
        refused(() -> Policy.of("p", many), "17 limits");
    }

    @Test
    void keys_have_parts_with_different_names() {
        refused(() -> Key.of("a", "x").and("a", "y"), "has a part a already");
        refused(() -> Key.of("x").and("a", "y"), "without a name");
        refused(() -> Key.of("a", "x".repeat(1_000)).and("b", "y".repeat(25)), "1025 characters");
        refused(() -> Key.of(""), "must not be empty");
        assertThat(Key.of("tenant", "acme").and("user", "ada").toString()).isEqualTo("Key[tenant=… user=…]");
    }

    @Test
    void options_say_what_they_take() {
        RateLimiterOptions options = RateLimiterOptions.DEFAULT;
        refused(() -> options.prefix("a{b"), "without blanks and braces");
        refused(() -> options.secret(new byte[15]), "15 bytes", "at least 16");
        refused(() -> options.maxKeys(999), "maxKeys 999");
        refused(() -> options.nodes(0), "nodes 0");
        assertThat(options.secret(new byte[16]).toString()).doesNotContain("secret");
    }

    @Test
    void equal_policies_are_equal() {
        Policy one = Policy.of("p", limit("a", 1, perSecond()).burst(3).by("x"));
        Policy same = Policy.of("p", limit("a", 1, perSecond()).burst(3).by("x"));

        assertThat(one).isEqualTo(same).hasSameHashCodeAs(same);
        assertThat(one).isNotEqualTo(Policy.of("p", limit("a", 1, perSecond()).burst(3)));
        assertThat(one).isNotEqualTo(one.onOutage(Outage.OPEN));
    }
}
