/**
 * Tells weeks ahead which resource will be full, and which layer comes next.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.readiness.Readiness}: samples gauges, keeps daily figures, and reports
 *   <li>{@link dev.tenfold.readiness.ReadinessSchema}: the table that they are kept in
 *   <li>{@link dev.tenfold.readiness.Report}: what is known, as an object and as text
 *   <li>{@link dev.tenfold.readiness.Headroom}: one resource, how full it is and will be
 *   <li>{@link dev.tenfold.readiness.NextLayer}: a layer that is worth building, and why
 *   <li>{@link dev.tenfold.readiness.ReadinessMetrics}: gauges for Micrometer, an optional dependency
 *   <li>{@link dev.tenfold.readiness.Forecast}: from daily figures to an outlook
 *   <li>{@link dev.tenfold.readiness.Outlook}: when a resource will be full, or why that cannot be told
 *   <li>{@link dev.tenfold.readiness.Trend}: what a forecast saw in the figures, for a chart
 * </ol>
 *
 * <p>One sample, followed through the private types: {@code Resource} reads the gauge and adds up its hour, {@code DailyTable}
 * merges the hour into its {@code Day}, {@link dev.tenfold.readiness.Forecast} looks ahead from the days. {@code Workload}
 * keeps the mix of statements, {@code Growth} which of them slow down, {@code Layers} says what that calls for.
 */
@NullMarked
package dev.tenfold.readiness;

import org.jspecify.annotations.NullMarked;
