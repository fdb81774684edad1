package dev.tenfold.redis;

/**
 * Whether a {@link RedisLink} can be used now.
 *
 * <pre>
 *          connection lost, or failures in a row
 *        ┌──────────────────────────────────────┐
 *        │                                      ▼
 *       UP                                    DOWN
 *        ▲                                      │
 *        └──────────────────────────────────────┘
 *            the probe's PING was answered          both ── close() ──▶ CLOSED
 * </pre>
 */
public enum RedisLinkState {
    /** Commands are sent. */
    UP,

    /** The breaker is open: commands are refused at once, while the link probes in the background. */
    DOWN,

    /** {@link RedisLink#close()} was called. Final. */
    CLOSED
}
