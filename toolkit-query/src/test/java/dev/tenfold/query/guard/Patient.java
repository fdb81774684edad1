package dev.tenfold.query.guard;

import java.time.Duration;

/** Options for tests that are not about time: no machine is so slow that they find what they do not look for. */
final class Patient {
    private Patient() {}

    static GuardOptions guard(GuardOptions options) {
        return options.slowerThan(Duration.ofDays(1)).heldFor(Duration.ofDays(1));
    }
}
