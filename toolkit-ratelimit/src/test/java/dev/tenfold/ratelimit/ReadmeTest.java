package dev.tenfold.ratelimit;

import static dev.tenfold.ratelimit.Limit.limit;
import static dev.tenfold.ratelimit.Limit.perHour;
import static dev.tenfold.ratelimit.Limit.perMinute;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.testkit.Await;
import dev.tenfold.testkit.CodeBlocks;
import dev.tenfold.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The Java blocks on rate limits, of the README and of the module's page, are regions of this class, and they run. */
class ReadmeTest {
    private record Response(int status, Duration retryAfter, Map<String, String> headers) {}

    // region: policy
    static final Policy API = Policy.of(
            "api",
            limit("user", 100, perMinute()).burst(20),
            limit("tenant", 5_000, perHour()).by("tenant"));
    // endregion

    private static Response answer(RateLimiter limiter, String tenant, String user) {
        // region: decide
        Decision d = limiter.acquire(API, Key.of("tenant", tenant).and("user", user)); // one round trip on Redis
        if (!d.allowed()) return tooManyRequests(d.retryAfter(), d.headers());
        // endregion
        return new Response(200, Duration.ZERO, d.headers());
    }

    private static Response tooManyRequests(Duration retryAfter, Map<String, String> headers) {
        return new Response(429, retryAfter, headers);
    }

    @Test
    void rate_limits() {
        // region: local
        RateLimiter limiter = RateLimiter.local(); // this node's memory: no server, nothing to install
        // endregion
        play(limiter);
        try (RedisLink link = RedisLink.connect(RedisServer.shared().uri(), o -> o.commandTimeout(Await.LIMIT))) {
            assertThat(link.awaitUp(ofSeconds(20))).isTrue();
            // region: redis
            RateLimiter shared = RateLimiter.redis(link); // the same calls, counted for all nodes together
            // endregion
            assertThat(shared.reset(API, Key.of("tenant", "acme").and("user", "ada")))
                    .isTrue();
            play(shared);
            shared.close();
        }
    }

    private static void play(RateLimiter limiter) {
        long began = System.nanoTime();
        long admitted = 0;
        Response refused = answer(limiter, "acme", "ada");
        for (; refused.status() == 200; admitted++) refused = answer(limiter, "acme", "ada");
        assertThat(refused.status()).isEqualTo(429);
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        assertThat(admitted)
                .isBetween(20L, 20 + took.dividedBy(Duration.ofMillis(600))); // the burst, and what was refilled
        assertThat(refused.retryAfter()).isLessThanOrEqualTo(Duration.ofMillis(600));
        assertThat(refused.headers())
                .containsEntry("RateLimit-Policy", "\"user\";q=100;w=60, \"tenant\";q=5000;w=3600")
                .containsEntry("Retry-After", "1");
    }

    @Test
    void work_at_once() {
        // region: concurrency
        ConcurrencyLimiter checkout =
                ConcurrencyLimiter.adaptive("checkout"); // finds the limit by the time that work takes

        try (Permit permit = checkout.acquire(Priority.NORMAL)) {
            if (!permit.granted()) return; // shed: 503 to this caller, who can come again
            charge();
        }
        // endregion
        assertThat(checkout.stats().granted()).isEqualTo(1);
        checkout.close();
    }

    private static void charge() {}

    @Test
    void the_blocks_of_this_module_are_regions_of_this_class() {
        assertThat(CodeBlocks.of(Path.of("../README.md"), Path.of("../docs/ratelimit.md")))
                .filteredOn(block -> block.module().equals("toolkit-ratelimit"))
                .hasSize(3)
                .allSatisfy(block -> assertThat(block.code())
                        .as("%s, %s", block.page(), block.regions())
                        .isEqualTo(CodeBlocks.regions(getClass(), block.regions())));
    }
}
