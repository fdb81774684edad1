package dev.tenfold.redis;

import dev.tenfold.redis.RedisUnavailableException.Reason;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.cluster.PartitionSelectorException;
import io.lettuce.core.cluster.UnknownPartitionException;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads what went wrong: whose affair it is, whether it says that the server cannot be used, and whether the command may
 * have run.
 *
 * @param error what the caller is told
 * @param kind what the link makes of it
 */
record Fault(Throwable error, Kind kind) {
    enum Kind {
        /** The caller's affair: a wrong type, a script's error, a bug. Says nothing about the server but that it answers. */
        CALLER,

        /** The server answers, and refuses this command for a reason of its own, such as a full memory. */
        REFUSED_ONCE,

        /** The server answers that it can serve nothing now, such as LOADING. */
        REFUSED,

        /** The server answers that this connection leads to the wrong place, such as READONLY: make another. */
        MISLED,

        /** No reply came, and none will. */
        LOST,

        /** No reply came in time. */
        TIMEOUT
    }

    private static final Set<String> UNABLE = Set.of("LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY");
    private static final Set<String> MISLED = Set.of("READONLY", "NOAUTH");
    private static final Set<String> UNWILLING = Set.of("OOM", "MISCONF", "NOREPLICAS", "TRYAGAIN");
    private static final Set<String> REDIRECTS = Set.of("MOVED", "ASK");

    private static final Set<String> NEVER_WRITTEN = Set.of("Currently not connected", "Connection is closed");

    /** Before version 7, what a server refuses inside a script is an ERR that quotes it. */
    private static final Pattern QUOTED = Pattern.compile("^ERR Error running script .*?: -([A-Z]+) ");

    /** Reads a failure of a command. */
    static Fault of(Throwable failure, boolean cluster) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof RedisUnavailableException known) {
            return new Fault(known, known.reason() == Reason.TIMEOUT ? Kind.TIMEOUT : Kind.LOST);
        }
        if (cause instanceof RedisCommandExecutionException) return ofReply(cause, cluster);
        if (cause instanceof RedisCommandTimeoutException) {
            return new Fault(unavailable(Reason.TIMEOUT, true, "no reply in time", cause), Kind.TIMEOUT);
        }
        if (cause instanceof RedisException || cause instanceof CancellationException || cause instanceof IOException) {
            return new Fault(unavailable(Reason.DISCONNECTED, mayHaveRun(cause), "no connection", cause), Kind.LOST);
        }
        return new Fault(cause, Kind.CALLER);
    }

    private static Fault ofReply(Throwable reply, boolean cluster) {
        String message = String.valueOf(reply.getMessage());
        String code = code(message);
        if (REDIRECTS.contains(code) && !cluster) {
            return new Fault(
                    new RedisException(
                            "this server is a node of a cluster, and the key is elsewhere; use RedisLink.connectCluster",
                            reply),
                    Kind.CALLER);
        }
        if (MISLED.contains(code)) return refused(Kind.MISLED, reply);
        if (UNABLE.contains(code) || REDIRECTS.contains(code)) return refused(Kind.REFUSED, reply);
        if (UNWILLING.contains(code)) return refused(Kind.REFUSED_ONCE, reply);
        return new Fault(reply, Kind.CALLER);
    }

    private static Fault refused(Kind kind, Throwable reply) {
        // A script may have written before its first command that was refused, for want of memory for example.
        boolean mayHaveRun = kind == Kind.REFUSED_ONCE && text(reply).contains("script");
        return new Fault(unavailable(Reason.REFUSED, mayHaveRun, "the server refuses", reply), kind);
    }

    private static String code(String message) {
        Matcher quoted = QUOTED.matcher(message);
        if (quoted.find()) return quoted.group(1);
        int blank = message.indexOf(' ');
        return blank < 0 ? message : message.substring(0, blank);
    }

    /** False only where Lettuce says that it never wrote the command. */
    private static boolean mayHaveRun(Throwable cause) {
        return !(cause instanceof RedisConnectionException
                || cause instanceof PartitionSelectorException
                || cause instanceof UnknownPartitionException
                || NEVER_WRITTEN.stream().anyMatch(text(cause)::startsWith));
    }

    private static RedisUnavailableException unavailable(
            Reason reason, boolean mayHaveRun, String what, Throwable cause) {
        return new RedisUnavailableException(reason, mayHaveRun, what + ": " + text(cause), cause);
    }

    private static String text(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }

    /** Whether it is one of the failures in a row that open the breaker. */
    boolean countsAgainstServer() {
        return kind != Kind.CALLER && kind != Kind.REFUSED_ONCE;
    }

    /** Whether the server answered, so that the connection works. */
    boolean isReply() {
        return kind != Kind.LOST && kind != Kind.TIMEOUT;
    }
}
