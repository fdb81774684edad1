package dev.tenfold.query.replica;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * Publishes where reads go to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new DatabaseMetrics(db, "orders").bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code database}. By {@code replica}: {@code toolkit.replica.reads} (counter), {@code
 * toolkit.replica.up} (gauge, 0 or 1), {@code toolkit.replica.lag} (gauge in seconds; NaN if it is not known or too much) and {@code
 * toolkit.replica.inflight} (gauge). By {@code reason}, as in {@link DatabaseStats}: {@code toolkit.replica.fallbacks}
 * (counter of reads on the primary). And {@code toolkit.replica.refused} (counter). Reading does no I/O.
 */
public final class DatabaseMetrics implements MeterBinder {
    private static final String PREFIX = "toolkit.replica.";

    private final Database database;
    private final Tags tags;

    /**
     * Metrics of a database.
     *
     * @param database held strongly, as the meters need it
     * @param name the tag that tells it from others
     * @throws IllegalArgumentException if that is blank
     */
    public DatabaseMetrics(Database database, String name) {
        this.database = Objects.requireNonNull(database, "database");
        if (name.isBlank()) {
            throw new IllegalArgumentException("name must not be blank: it is the tag that tells databases apart");
        }
        this.tags = Tags.of("database", name);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        DatabaseStats now = database.stats();
        for (int i = 0; i < now.replicas().size(); i++) {
            int index = i;
            Tags of = tags.and("replica", now.replicas().get(i).name());
            count(
                    registry,
                    "reads",
                    "Reads on a replica",
                    of,
                    it -> it.replicas().get(index).reads());
            gauge(
                    registry,
                    "up",
                    "Whether a replica gets reads",
                    of,
                    it -> it.replicas().get(index).isUp() ? 1 : 0);
            gauge(
                    registry,
                    "inflight",
                    "Reads that run on a replica",
                    of,
                    it -> it.replicas().get(index).inFlight());
            gauge(
                    registry,
                    "lag",
                    "Seconds that a replica is behind at most",
                    of,
                    it -> it.replicas()
                            .get(index)
                            .lag()
                            .map(lag -> lag.toNanos() / 1e9)
                            .orElse(Double.NaN));
        }
        for (String reason : now.readsOnPrimary().keySet()) {
            count(
                    registry,
                    "fallbacks",
                    "Reads on the primary",
                    tags.and("reason", reason),
                    it -> it.readsOnPrimary().getOrDefault(reason, 0L));
        }
        count(registry, "refused", "Reads beyond the fallback limit", tags, DatabaseStats::refused);
    }

    private void count(
            MeterRegistry registry, String name, String text, Tags with, ToDoubleFunction<DatabaseStats> figure) {
        FunctionCounter.builder(PREFIX + name, database, it -> figure.applyAsDouble(it.stats()))
                .description(text)
                .tags(with)
                .register(registry);
    }

    private void gauge(
            MeterRegistry registry, String name, String text, Tags with, ToDoubleFunction<DatabaseStats> figure) {
        Gauge.builder(PREFIX + name, database, it -> figure.applyAsDouble(it.stats()))
                .description(text)
                .tags(with)
                .strongReference(true)
                .register(registry);
    }
}
