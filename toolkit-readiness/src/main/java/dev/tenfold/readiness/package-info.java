/**
 * Tells weeks ahead which resource will be full, and which layer comes next.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.readiness.Forecast}: from daily figures to an outlook
 *   <li>{@link dev.tenfold.readiness.Outlook}: when a resource will be full, or why that cannot be told
 *   <li>{@link dev.tenfold.readiness.Trend}: what a forecast saw in the figures, for a chart
 * </ol>
 */
@NullMarked
package dev.tenfold.readiness;

import org.jspecify.annotations.NullMarked;
