package dev.tenfold.redis;

import java.util.concurrent.atomic.LongAdder;

/**
 * What a {@link RedisLink} did since it was made.
 *
 * @param state what it is now
 * @param commands calls of {@link RedisLink#call} and {@link RedisLink#eval}, refused ones included
 * @param rejected calls refused because the link was down or closed; nothing was sent
 * @param timeouts calls without a reply within {@link RedisOptions#commandTimeout}
 * @param failures all other calls that ended in {@link RedisUnavailableException}
 * @param errors calls that ended in an error which is the caller's affair
 * @param scriptLoads scripts sent as text, because the server did not know their digest
 * @param opened times that the breaker opened
 * @param connects connections made for commands, the first one included; one for all nodes of a cluster
 * @param subscriberConnects connections made for messages, the first one included
 * @param messages messages handed to listeners, counted once for each
 */
public record RedisLinkStats(
        RedisLinkState state,
        long commands,
        long rejected,
        long timeouts,
        long failures,
        long errors,
        long scriptLoads,
        long opened,
        long connects,
        long subscriberConnects,
        long messages) {

    /** The live counts; safe for use by many threads. */
    static final class Recorder {
        final LongAdder commands = new LongAdder();
        final LongAdder rejected = new LongAdder();
        final LongAdder timeouts = new LongAdder();
        final LongAdder failures = new LongAdder();
        final LongAdder errors = new LongAdder();
        final LongAdder scriptLoads = new LongAdder();
        final LongAdder opened = new LongAdder();
        final LongAdder connects = new LongAdder();
        final LongAdder subscriberConnects = new LongAdder();
        final LongAdder messages = new LongAdder();

        void ended(Fault fault) {
            switch (fault.kind()) {
                case CALLER -> errors.increment();
                case TIMEOUT -> timeouts.increment();
                case REFUSED_ONCE, REFUSED, MISLED, LOST -> failures.increment();
            }
        }

        RedisLinkStats snapshot(RedisLinkState state) {
            return new RedisLinkStats(
                    state,
                    commands.sum(),
                    rejected.sum(),
                    timeouts.sum(),
                    failures.sum(),
                    errors.sum(),
                    scriptLoads.sum(),
                    opened.sum(),
                    connects.sum(),
                    subscriberConnects.sum(),
                    messages.sum());
        }
    }
}
