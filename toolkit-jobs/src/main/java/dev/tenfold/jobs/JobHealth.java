package dev.tenfold.jobs;

import java.util.Comparator;
import java.util.List;

/**
 * Whether the queues do their work, and if not, what keeps them from it and what to do.
 *
 * @param findings the gravest first; empty if all is well; unmodifiable
 */
public record JobHealth(List<Finding> findings) {
    /** How grave it is. */
    public enum Level {
        /** Nothing to do; it explains what one might wonder about. */
        INFO,
        /** It works, but worse than it should, or not for long. */
        WARNING,
        /** Jobs do not run. */
        ERROR
    }

    /**
     * Something that is not as it should be.
     *
     * @param level how grave
     * @param check what was looked at, a short name that stays the same: {@code database}, {@code schema}, {@code workers},
     *     {@code unhandled-kind}, {@code ready-age}, {@code paused}, {@code dead-rows}, {@code autovacuum}, {@code
     *     old-transaction}, {@code prepared-transaction}
     * @param what what was found, with names and figures
     * @param remedy what to do about it
     */
    public record Finding(Level level, String check, String what, String remedy) {
        @Override
        public String toString() {
            return level + " " + check + ": " + what + "; " + remedy;
        }
    }

    static JobHealth of(List<Finding> findings) {
        return new JobHealth(findings.stream()
                .sorted(Comparator.comparing(Finding::level).reversed())
                .toList());
    }

    /**
     * Whether jobs run.
     *
     * @return false if there is an error among the findings; a warning is no reason to restart anything
     */
    public boolean isHealthy() {
        return findings.stream().noneMatch(finding -> finding.level() == Level.ERROR);
    }
}
