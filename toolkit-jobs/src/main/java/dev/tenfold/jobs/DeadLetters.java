package dev.tenfold.jobs;

/** Jobs that were given up. */
public final class DeadLetters {
    private DeadLetters() {}
}
