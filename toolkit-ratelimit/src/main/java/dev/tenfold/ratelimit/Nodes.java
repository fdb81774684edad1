package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many nodes share the limits. Each says every {@value #BEAT_SECONDS} s that it is there, and counts for {@value
 * #LIFETIME_SECONDS} s after that. While Redis is away the last count stays: a node that comes then is missing in the others'
 * counts, and knows of no others itself.
 */
final class Nodes {
    private static final Logger LOG = LoggerFactory.getLogger(RateLimiter.class);
    private static final RedisScript<Long> NODES =
            RedisScript.load(Nodes.class, "nodes.lua", RedisScript.Reply.INTEGER);
    private static final int BEAT_SECONDS = 2;
    private static final int LIFETIME_SECONDS = 10;

    private final RedisLink link;
    private final byte[][] key;
    private final byte[] id = UUID.randomUUID().toString().getBytes(US_ASCII);
    private final int least;
    private final ScheduledExecutorService beat;
    private final NodeCount seen = new NodeCount(0, Duration.ofSeconds(LIFETIME_SECONDS));

    /** @param least counted, whatever Redis says */
    Nodes(RedisLink link, byte[] key, int least) {
        this.link = link;
        this.key = new byte[][] {key};
        this.least = least;
        beat = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "tenfold-ratelimit");
            thread.setDaemon(true);
            return thread;
        });
        var unused = beat.scheduleWithFixedDelay(this::beat, 0, BEAT_SECONDS, TimeUnit.SECONDS);
    }

    /** At least 1. */
    int count() {
        return Math.max(least, seen.get());
    }

    private void beat() {
        var unused = say(TimeUnit.SECONDS.toMillis(LIFETIME_SECONDS)).whenComplete((nodes, error) -> {
            if (error == null) {
                seen.answered(nodes);
            } else {
                LOG.debug("{}: the nodes could not be counted; {} are assumed", link, count(), error);
            }
        });
    }

    private CompletableFuture<Long> say(long lifetimeMillis) {
        return link.eval(NODES, key, id, Long.toString(lifetimeMillis).getBytes(US_ASCII));
    }

    /** Completes when Redis has answered, or will not. */
    CompletableFuture<?> close() {
        beat.shutdownNow();
        return say(0).exceptionally(lost -> 0L); // then it is not counted any more in a while
    }
}
