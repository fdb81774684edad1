package dev.tenfold.query.pool;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * Whether a pool suffices, and if not, what is wrong and what to do.
 *
 * @param figures what was measured
 * @param findings the gravest first; empty if all is well; unmodifiable
 */
public record PoolHealth(Figures figures, List<Finding> findings) {
    /** How grave it is. */
    public enum Level {
        /** Nothing to do; it explains what one might wonder about. */
        INFO,
        /** It works, but worse than it should, or not for long. */
        WARNING,
        /** Requests fail, or connections are lost for good. */
        ERROR
    }

    /**
     * Something that is not as it should be.
     *
     * @param level how grave
     * @param check what was looked at, a short name that stays the same: {@code timeouts}, {@code wait}, {@code held-idle},
     *     {@code leak}, {@code slow-statement}, {@code long-hold}, {@code nested-borrow}, {@code virtual-threads}
     * @param what what was found, with names and figures
     * @param remedy what to do about it
     */
    public record Finding(Level level, String check, String what, String remedy) {
        @Override
        public String toString() {
            return level + " " + check + ": " + what + "; " + remedy;
        }
    }

    /**
     * What was measured, of now or over the watch's window. The measured ratios are NaN as long as nothing came back.
     *
     * @param over how long the window was
     * @param size how many connections there can be
     * @param busy how many are out now
     * @param waiting how many threads wait for one now
     * @param borrowsPerSecond how many were borrowed
     * @param refused how many times none was given, as when the time-out was over
     * @param meanWait mean time until one was there
     * @param meanHold mean time held, of those that came back
     * @param utilisation share of all connections that was out, on average over time; those that leak count
     * @param waitOverHold {@link #meanWait} ÷ {@link #meanHold}; above 0.1 the pool is short
     * @param expectedWaitOverHold what that should be of such a load, if nothing but the size makes it wait; infinite if it is more
     *     than the pool can serve
     * @param heldOverWorked how many times longer connections are held than they execute something; above 3, it is not for the
     *     pool's size. Measured at the driver: the network counts as work, and so does the time until the thread that waits for an
     *     answer has a processor. What the server works can be far less; {@link SizeOptions#measured} has it asked
     * @param load how much of the load that the pool can bear there is: 1 if a borrow waits a tenth of its hold, with nothing but
     *     the size to wait for. It grows as the load does, where waits stay low for long and then rise at once
     */
    public record Figures(
            Duration over,
            int size,
            int busy,
            int waiting,
            double borrowsPerSecond,
            long refused,
            Duration meanWait,
            Duration meanHold,
            double utilisation,
            double waitOverHold,
            double expectedWaitOverHold,
            double heldOverWorked,
            double load) {
        /**
         * How much more load there can be, as a part of all that there can be.
         *
         * @return from 1, nothing to do, to 0, {@link #load} at its limit or beyond
         */
        public double headroom() {
            return Math.max(0, 1 - load);
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "%d of %d busy, %d waiting; over %s: %s borrows a second, utilisation %.0f %%, wait %s of hold %s (expected %.2f,"
                            + " measured %.2f), held ÷ worked %.1f, headroom %.0f %%, %d refused",
                    busy,
                    size,
                    waiting,
                    PoolSize.words(over),
                    PoolSize.number(borrowsPerSecond),
                    utilisation * 100,
                    PoolSize.words(meanWait),
                    PoolSize.words(meanHold),
                    expectedWaitOverHold,
                    waitOverHold,
                    heldOverWorked,
                    headroom() * 100,
                    refused);
        }
    }

    /**
     * Whether requests get their connections.
     *
     * @return false if there is an error among the findings; a warning is no reason to restart anything
     */
    public boolean isHealthy() {
        return findings.stream().noneMatch(finding -> finding.level() == Level.ERROR);
    }

    /**
     * Says all of it in some lines, to be printed.
     *
     * @return lines without a line break at the end
     */
    public String text() {
        StringBuilder text = new StringBuilder(figures.toString());
        for (Finding finding : findings) {
            text.append("\n  ")
                    .append(finding.level())
                    .append(' ')
                    .append(finding.check())
                    .append(": ");
            text.append(finding.what()).append("\n    remedy: ").append(finding.remedy());
        }
        return text.toString();
    }
}
