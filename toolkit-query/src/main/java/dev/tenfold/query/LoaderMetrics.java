package dev.tenfold.query;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Publishes {@link LoaderStats} to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new LoaderMetrics(authors, posts).bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code loader}: {@code toolkit.query.loader.loads} and {@code .keys} (counters), {@code
 * .batches} (counter, by {@code trigger}: quiet, full, timer, peers, direct), {@code .failures}, {@code .unknown} (counters)
 * and {@code .time} (timer of batch function calls). Keys never show. Name the loaders: an unnamed one is tagged with
 * the line of code where it was made. Reading is lock-free, and binding twice is harmless.
 */
public final class LoaderMetrics implements MeterBinder {
    private final List<Loader<?, ?>> loaders;

    /**
     * Metrics of these loaders.
     *
     * @param loaders held strongly, as the meters need them
     */
    public LoaderMetrics(Loader<?, ?>... loaders) {
        this.loaders = List.of(loaders);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (Loader<?, ?> loader : loaders) {
            Tags tags = Tags.of("loader", loader.name());
            count(registry, "toolkit.query.loader.loads", "Keys asked for", tags, loader, LoaderStats::loads);
            count(
                    registry,
                    "toolkit.query.loader.keys",
                    "Keys given to the batch function",
                    tags,
                    loader,
                    LoaderStats::keys);
            count(
                    registry,
                    "toolkit.query.loader.failures",
                    "Batch calls that threw",
                    tags,
                    loader,
                    LoaderStats::failures);
            count(
                    registry,
                    "toolkit.query.loader.unknown",
                    "Entries nobody asked for",
                    tags,
                    loader,
                    LoaderStats::unknownKeys);
            for (Trigger trigger : Trigger.values()) {
                count(
                        registry,
                        "toolkit.query.loader.batches",
                        "Calls of the batch function",
                        tags.and("trigger", trigger.name().toLowerCase(Locale.ROOT)),
                        loader,
                        stats -> stats.batches().getOrDefault(trigger, 0L));
            }
            FunctionTimer.builder(
                            "toolkit.query.loader.time",
                            loader,
                            l -> l.stats().totalBatches(),
                            l -> l.stats().time().toNanos(),
                            TimeUnit.NANOSECONDS)
                    .description("Time in the batch function")
                    .tags(tags)
                    .register(registry);
        }
    }

    private interface Figure {
        long of(LoaderStats stats);
    }

    private static void count(
            MeterRegistry registry, String name, String description, Tags tags, Loader<?, ?> loader, Figure figure) {
        FunctionCounter.builder(name, loader, l -> figure.of(l.stats()))
                .description(description)
                .tags(tags)
                .register(registry);
    }
}
