package dev.tenfold.redis;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Objects;
import java.util.function.ToLongFunction;

/**
 * Publishes {@link RedisLinkStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new RedisLinkMetrics(link, "cache").bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code link}: {@code toolkit.redis.commands} (counter, by {@code outcome}: ok, rejected,
 * timeout, failure, error), {@code toolkit.redis.script.loads}, {@code toolkit.redis.breaker.opened},
 * {@code toolkit.redis.messages} (counters), {@code toolkit.redis.connects} (counter, by {@code connection}: commands,
 * messages), and {@code toolkit.redis.up} (gauge: 1 while the link is up, else 0). Commands on their way count as ok. Reading
 * is lock-free, and binding twice is harmless.
 */
public final class RedisLinkMetrics implements MeterBinder {
    private final RedisLink link;
    private final String name;

    /**
     * Metrics of one link.
     *
     * @param link held strongly, as the meters need it
     * @param name the value of the tag {@code link}; distinct for each link of the application
     */
    public RedisLinkMetrics(RedisLink link, String name) {
        this.link = Objects.requireNonNull(link, "link");
        this.name = Objects.requireNonNull(name, "name");
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        Tags tags = Tags.of("link", name);
        commands(registry, tags, "ok", RedisLinkMetrics::ok);
        commands(registry, tags, "rejected", RedisLinkStats::rejected);
        commands(registry, tags, "timeout", RedisLinkStats::timeouts);
        commands(registry, tags, "failure", RedisLinkStats::failures);
        commands(registry, tags, "error", RedisLinkStats::errors);
        count(registry, "toolkit.redis.script.loads", "Scripts sent as text", tags, RedisLinkStats::scriptLoads);
        count(registry, "toolkit.redis.breaker.opened", "Times the link went down", tags, RedisLinkStats::opened);
        count(registry, "toolkit.redis.messages", "Messages handed to listeners", tags, RedisLinkStats::messages);
        connects(registry, tags, "commands", RedisLinkStats::connects);
        connects(registry, tags, "messages", RedisLinkStats::subscriberConnects);
        Gauge.builder("toolkit.redis.up", link, l -> l.isAvailable() ? 1 : 0)
                .description("1 while commands are sent, 0 while the link is down or closed")
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }

    private static long ok(RedisLinkStats stats) {
        return stats.commands() - stats.rejected() - stats.timeouts() - stats.failures() - stats.errors();
    }

    private void commands(MeterRegistry registry, Tags tags, String outcome, ToLongFunction<RedisLinkStats> figure) {
        count(registry, "toolkit.redis.commands", "Calls, by how they ended", tags.and("outcome", outcome), figure);
    }

    private void connects(MeterRegistry registry, Tags tags, String connection, ToLongFunction<RedisLinkStats> figure) {
        count(registry, "toolkit.redis.connects", "Connections made", tags.and("connection", connection), figure);
    }

    private void count(
            MeterRegistry registry,
            String meter,
            String description,
            Tags tags,
            ToLongFunction<RedisLinkStats> figure) {
        FunctionCounter.builder(meter, link, l -> figure.applyAsLong(l.stats()))
                .description(description)
                .tags(tags)
                .register(registry);
    }
}
