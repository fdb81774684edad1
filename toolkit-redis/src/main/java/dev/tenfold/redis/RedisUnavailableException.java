package dev.tenfold.redis;

import io.lettuce.core.RedisException;
import org.jspecify.annotations.Nullable;

/**
 * Redis gave no usable answer: go on without it. What the server refused because of the command itself (a wrong type, a
 * script's error) is another {@link RedisException}, and means a bug in the caller.
 *
 * <p>The link never sends a command again by itself. Before you do, ask {@link #mayHaveRun()}.
 */
public final class RedisUnavailableException extends RedisException {
    private static final long serialVersionUID = 1L;

    /** Why. */
    private final Reason reason;

    /** Whether it was sent. */
    private final boolean mayHaveRun;

    RedisUnavailableException(Reason reason, boolean mayHaveRun, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
        this.mayHaveRun = mayHaveRun;
    }

    /**
     * What kept the answer away.
     *
     * @return never null
     */
    public Reason reason() {
        return reason;
    }

    /**
     * Whether the server may have executed the command all the same.
     *
     * @return false if it certainly did not, as it never left or the server refused it; true if nobody knows
     */
    public boolean mayHaveRun() {
        return mayHaveRun;
    }

    /** The same, thrown at the one who waits: the stack is the caller's, the cause is the original. */
    RedisUnavailableException rethrown() {
        return new RedisUnavailableException(reason, mayHaveRun, String.valueOf(getMessage()), this).withStack();
    }

    /** The same, thrown from a method of the link. */
    RedisUnavailableException withStack() {
        super.fillInStackTrace();
        return this;
    }

    /**
     * Does nothing: what fails a future is made on a thread of the link, whose stack tells nobody anything, and in an outage
     * there are many. What {@link RedisLink#await} throws has the stack of the caller.
     */
    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }

    /** What keeps an answer away. */
    public enum Reason {
        /** The link is {@link RedisLinkState#DOWN}: the command was not sent. */
        DOWN,

        /** No reply within {@link RedisOptions#commandTimeout}. */
        TIMEOUT,

        /** The connection broke, or could not be made, while the command was on its way. */
        DISCONNECTED,

        /** The server says that it cannot serve now: LOADING, READONLY, CLUSTERDOWN and the like. */
        REFUSED,

        /** The link was closed. */
        CLOSED
    }
}
