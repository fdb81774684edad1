package dev.tenfold.redis;

import java.time.Duration;

/**
 * How a {@link RedisLink} waits, gives up and tries again. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * RedisLink link = RedisLink.connect("redis://cache:6379", o -> o.commandTimeout(ofMillis(100)).clientName("shop"));
 * }</pre>
 */
public final class RedisOptions {
    /** Messages that may wait for the listeners of a link's subscriptions: {@value}. */
    public static final int MAX_QUEUED_MESSAGES = 65_536;

    static final RedisOptions DEFAULT = new RedisOptions(
            Duration.ofMillis(250),
            Duration.ofSeconds(2),
            3,
            Duration.ofMillis(500),
            Duration.ofMillis(500),
            "tenfold");

    private static final Duration MAX_TIMEOUT = Duration.ofHours(1);

    final Duration commandTimeout;
    final Duration connectTimeout;
    final int failuresToOpen;
    final Duration probeInterval;
    final Duration retryInterval;
    final String clientName;

    private RedisOptions(
            Duration commandTimeout,
            Duration connectTimeout,
            int failuresToOpen,
            Duration probeInterval,
            Duration retryInterval,
            String clientName) {
        this.commandTimeout = commandTimeout;
        this.connectTimeout = connectTimeout;
        this.failuresToOpen = failuresToOpen;
        this.probeInterval = probeInterval;
        this.retryInterval = retryInterval;
        this.clientName = clientName;
    }

    /**
     * How long a command may take, from the call to the reply. It bounds every call, also those nobody waits for. A call may
     * end up to a tenth later, 25 ms at most.
     *
     * @param timeout 1 ms to 1 h; default 250 ms
     * @return changed options
     */
    public RedisOptions commandTimeout(Duration timeout) {
        return new RedisOptions(
                timeout("commandTimeout", timeout),
                connectTimeout,
                failuresToOpen,
                probeInterval,
                retryInterval,
                clientName);
    }

    /**
     * How long making a connection may take, handshake included. {@code connect} and {@code of} wait for the first attempt, a
     * second longer at most. The connections of a {@code RedisClient} that you hand in keep the timeouts of that client.
     *
     * @param timeout 1 ms to 1 h; default 2 s
     * @return changed options
     */
    public RedisOptions connectTimeout(Duration timeout) {
        return new RedisOptions(
                commandTimeout,
                timeout("connectTimeout", timeout),
                failuresToOpen,
                probeInterval,
                retryInterval,
                clientName);
    }

    /**
     * After how many failures in a row the breaker opens. Failures are timeouts, lost connections, and replies by which the
     * server says that it cannot serve; not replies that blame the command. The loss of the only connection opens it at once.
     *
     * @param failures at least 1; default 3
     * @return changed options
     */
    public RedisOptions failuresToOpen(int failures) {
        if (failures < 1) {
            throw new IllegalArgumentException("failuresToOpen " + failures + " must be at least 1");
        }
        return new RedisOptions(commandTimeout, connectTimeout, failures, probeInterval, retryInterval, clientName);
    }

    /**
     * How often the link looks after itself: while down it sends a PING, and gives the connection up if no answer comes
     * within {@link #commandTimeout}; while up it does so only if nothing was heard since the last time.
     *
     * @param interval 1 ms to 1 h; default 500 ms
     * @return changed options
     */
    public RedisOptions probeInterval(Duration interval) {
        return new RedisOptions(
                commandTimeout,
                connectTimeout,
                failuresToOpen,
                timeout("probeInterval", interval),
                retryInterval,
                clientName);
    }

    /**
     * The longest pause between two attempts to connect. The first attempt comes at once, the pauses double from 20 ms, and
     * half of each is random, so that the nodes of a service do not come all at the same time.
     *
     * @param interval 1 ms to 1 h; default 500 ms
     * @return changed options
     */
    public RedisOptions retryInterval(Duration interval) {
        return new RedisOptions(
                commandTimeout,
                connectTimeout,
                failuresToOpen,
                probeInterval,
                timeout("retryInterval", interval),
                clientName);
    }

    /**
     * What CLIENT LIST shows on the server. A name in the URI wins; the connections of a {@code RedisClient} that you hand in
     * keep its name.
     *
     * @param name without blanks; default {@code tenfold}
     * @return changed options
     */
    public RedisOptions clientName(String name) {
        if (name.isEmpty() || name.chars().anyMatch(c -> c <= ' ' || c > '~')) {
            throw new IllegalArgumentException(
                    "clientName \"" + name + "\" must be one or more printable ASCII characters without blanks");
        }
        return new RedisOptions(commandTimeout, connectTimeout, failuresToOpen, probeInterval, retryInterval, name);
    }

    private static Duration timeout(String knob, Duration value) {
        if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(MAX_TIMEOUT) > 0) {
            throw new IllegalArgumentException(knob + " " + value + " must be from 1 ms to 1 h");
        }
        return value;
    }
}
