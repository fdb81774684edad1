package dev.tenfold.query.guard;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * Publishes what a {@link QueryGuard} counts to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new GuardMetrics(guard, "orders").bindTo(registry);
 * }</pre>
 *
 * <p>Meters, all with the tag {@code database}: {@code toolkit.query.statements} (counter of executions; a batch is one),
 * {@code toolkit.query.findings} (counter, by {@code kind}: n_plus_one, loop, repeated_read …: in how many scopes one was found),
 * {@code toolkit.query.texts} (counter of different texts: if it keeps rising, literals are written into statements), and
 * {@code toolkit.query.per_request} (summary of statements in a {@link QueryScope} that is not inside of another one).
 * Statements never show. Executions of a scope that is open are counted up to a second late.
 *
 * <p>Binding to one registry twice counts requests twice. Reading takes no lock that statements wait for.
 */
public final class GuardMetrics implements MeterBinder {
    private final QueryGuard guard;
    private final Tags tags;

    /**
     * Metrics of a guard.
     *
     * @param guard held strongly, as the meters need it
     * @param database the tag that tells it from other guards
     * @throws IllegalArgumentException if that is blank
     */
    public GuardMetrics(QueryGuard guard, String database) {
        this.guard = Objects.requireNonNull(guard, "guard");
        if (database.isBlank()) {
            throw new IllegalArgumentException("database must not be blank: it is the tag that tells guards apart");
        }
        this.tags = Tags.of("database", database);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        count(registry, "toolkit.query.statements", "Executions of statements", tags, QueryGuard::executions);
        count(
                registry,
                "toolkit.query.texts",
                "Different texts of statements",
                tags,
                it -> it.fingerprints().distinctTexts());
        Findings findings = guard.verdicts().findings();
        for (FindingKind kind : FindingKind.values()) {
            count(
                    registry,
                    "toolkit.query.findings",
                    "Scopes in which something was found",
                    tags.and("kind", kind.name().toLowerCase(Locale.ROOT)),
                    unused -> findings.of(kind).sum());
        }
        DistributionSummary perRequest = DistributionSummary.builder("toolkit.query.per_request")
                .description("Statements in one scope")
                .tags(tags)
                .register(registry);
        guard.onScopes(perRequest::record);
    }

    private void count(
            MeterRegistry registry, String name, String description, Tags with, ToDoubleFunction<QueryGuard> figure) {
        FunctionCounter.builder(name, guard, figure)
                .description(description)
                .tags(with)
                .register(registry);
    }
}
