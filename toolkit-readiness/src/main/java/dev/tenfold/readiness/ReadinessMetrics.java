package dev.tenfold.readiness;

import dev.tenfold.readiness.Outlook.Verdict;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Publishes headroom to Micrometer, which is an optional dependency:
 *
 * <pre>{@code
 * new ReadinessMetrics(readiness).bindTo(registry);
 * }</pre>
 *
 * <p>Gauges, by {@code resource}: {@code toolkit.headroom} (the free part of the limit, 1 is all, at the peak of the last seven
 * days or now; NaN before the first sample) and {@code toolkit.headroom.days} (days until the resource is expected to be full,
 * 0 if it is; absent without enough data, and where no date is in sight: alert on its value, not on its absence).
 *
 * <p>Days are computed when an hour ends, on the thread that samples; reading a gauge does no I/O.
 */
public final class ReadinessMetrics implements MeterBinder {
    private final Readiness readiness;

    /**
     * Metrics of what one instance samples.
     *
     * @param readiness held strongly, as the meters need it
     */
    public ReadinessMetrics(Readiness readiness) {
        this.readiness = Objects.requireNonNull(readiness, "readiness");
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (String resource : readiness.resources()) {
            Gauge.builder("toolkit.headroom", readiness, it -> it.free(resource))
                    .description("The free part of a resource's limit, at its peak")
                    .tag("resource", resource)
                    .strongReference(true)
                    .register(registry);
        }
        MultiGauge days = MultiGauge.builder("toolkit.headroom.days")
                .description("Days until a resource is expected to be full")
                .baseUnit("days")
                .register(registry);
        readiness.onReport(report -> days.register(rows(report), true));
    }

    private static List<MultiGauge.Row<?>> rows(Report report) {
        List<MultiGauge.Row<?>> rows = new ArrayList<>();
        for (Headroom each : report.resources()) {
            Outlook outlook = each.outlook();
            Tags tags = Tags.of("resource", each.resource());
            if (outlook.verdict() == Verdict.FULL) {
                rows.add(MultiGauge.Row.of(tags, 0));
            } else if (outlook.verdict() == Verdict.DATED && outlook.expected() != null) {
                rows.add(MultiGauge.Row.of(tags, ChronoUnit.DAYS.between(report.day(), outlook.expected())));
            }
        }
        return rows;
    }
}
