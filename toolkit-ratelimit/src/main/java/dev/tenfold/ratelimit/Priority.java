package dev.tenfold.ratelimit;

/**
 * What is shed last and what is shed first. A priority is refused once the share of the limit that it may use is taken, by
 * whomever: what is above the share stays free for higher ones. The tiers are those of Stripe's load shedders; the shares are
 * set by {@link ConcurrencyOptions#share}.
 */
public enum Priority {
    /** Must go on as long as anything does: payments, logins. The whole limit, always. */
    CRITICAL(100),

    /** What a user waits for and cannot repeat: writes. Default 90 %. */
    HIGH(90),

    /** What a user waits for: reads. Default 75 %. */
    NORMAL(75),

    /** What can be done later or not at all: batches, prefetching, test traffic. Default 50 %. */
    SHEDDABLE(50);

    final int defaultPercent;

    Priority(int defaultPercent) {
        this.defaultPercent = defaultPercent;
    }
}
