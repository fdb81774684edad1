package dev.tenfold.jobs;

import java.time.Instant;
import java.util.Objects;

/**
 * What went wrong with one attempt.
 *
 * @param attempt which one, from 1
 * @param at when, by the database's clock
 * @param fingerprint 32 hexadecimal digits, the same for errors alike: of the exception's classes and where in your code it
 *     was thrown, not of its message
 * @param type the exception's class
 * @param message its message, cut to 2,000 characters
 * @param stack its stack trace, cut to 8,000 characters
 */
public record JobError(int attempt, Instant at, String fingerprint, String type, String message, String stack) {
    /** A description of an exception; {@code at} is replaced by the database's clock when it is stored. */
    static JobError of(int attempt, Throwable thrown) {
        return Fingerprint.describe(attempt, Objects.requireNonNull(thrown));
    }
}
