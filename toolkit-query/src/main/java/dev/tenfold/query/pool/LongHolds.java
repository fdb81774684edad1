package dev.tenfold.query.pool;

import dev.tenfold.query.guard.BorrowedConnection;
import dev.tenfold.query.guard.QueryGuard;
import dev.tenfold.query.pool.PoolHealth.Finding;
import dev.tenfold.query.pool.PoolHealth.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Judges connections that are out for long: is it a slow statement, code that does something else, or a leak?
 *
 * <p>One that executes is no leak. One that does nothing belongs to its thread as long as the method that borrowed it is still on
 * that thread's stack. Once that has returned, and its callers too, nobody is left who would close it. In between, where a
 * helper borrowed for a caller that still runs, it may be either; the finding says so. A thread's stack is taken here, while
 * someone looks, and costs borrowers nothing.
 */
final class LongHolds {
    private final QueryGuard guard;
    private final Duration from;

    LongHolds(QueryGuard guard, Duration from) {
        this.guard = guard;
        this.from = from;
    }

    /** Several of a kind and a place are one finding. */
    private record Kind(Level level, String check, String place, String why, String remedy) {}

    /** Adds what it finds; returns how many seem to leak. */
    int look(List<BorrowedConnection> out, Collection<Finding> findings) {
        Map<Kind, List<BorrowedConnection>> byKind = new LinkedHashMap<>();
        for (BorrowedConnection one : out) {
            if (one.held().compareTo(from) < 0) continue;
            byKind.computeIfAbsent(judge(one), unused -> new ArrayList<>()).add(one);
        }
        int leaks = 0;
        for (Map.Entry<Kind, List<BorrowedConnection>> each : byKind.entrySet()) {
            Kind kind = each.getKey();
            if (kind.check.equals("leak")) leaks += each.getValue().size();
            findings.add(new Finding(kind.level, kind.check, what(kind, each.getValue()), kind.remedy));
        }
        return leaks;
    }

    private Kind judge(BorrowedConnection one) {
        boolean isLong = one.since().compareTo(from.dividedBy(2)) >= 0;
        return switch (one.state()) {
            case EXECUTING -> isLong ? slow(one) : busy(one);
            case UNKNOWN ->
                isLong
                        ? new Kind(
                                Level.WARNING,
                                "long-hold",
                                place(one),
                                "whether it works is not known, as rows are fetched while they are read, or the driver is used"
                                        + " directly",
                                "read large results in parts, each on a connection of its own, or give such work a pool of its own")
                        : busy(one);
            case IDLE -> isLong ? idle(one) : busy(one);
        };
    }

    private static Kind slow(BorrowedConnection one) {
        return new Kind(
                Level.WARNING,
                "slow-statement",
                place(one),
                "executes " + one.statement(),
                "no leak: it comes back when the statement ends; EXPLAIN it, or let IndexCheck look, set a statement time-out, and"
                        + " look for a lock that it waits for");
    }

    private static Kind busy(BorrowedConnection one) {
        return new Kind(
                Level.INFO,
                "long-hold",
                place(one),
                "executes one statement after the other",
                "no leak; give long work a pool of its own, so that requests do not wait for it");
    }

    private Kind idle(BorrowedConnection one) {
        if (one.handedOver()) {
            return new Kind(
                    Level.WARNING,
                    "leak",
                    place(one),
                    "executes nothing; another thread has taken it over, so that it cannot be told who should close it",
                    "close it where it is used last, with try-with-resources or in finally");
        }
        if (!one.thread().isAlive())
            return leak(one, "its thread " + one.thread().getName() + " has ended");
        StackTraceElement[] stack = one.thread().getStackTrace();
        if (one.borrowedIn().isEmpty()) {
            guard.keepPlaces();
            return new Kind(
                    Level.WARNING,
                    "leak",
                    place(one),
                    "executes nothing, and its thread is " + now(stack),
                    "if the code there does not hold it, it leaks; from now on places are kept: look again when it has happened once"
                            + " more");
        }
        if (isOn(stack, one.borrowedIn().get(0))) {
            return new Kind(
                    Level.WARNING,
                    "held-idle",
                    place(one),
                    "executes nothing, while the code that borrowed it is " + now(stack),
                    "no leak: call other services, wait and compute before the transaction or after it, and set time-outs for that");
        }
        if (one.borrowedIn().stream().noneMatch(frame -> isOn(stack, frame))) {
            return leak(one, "the code that borrowed it has returned, and its thread is " + now(stack));
        }
        return new Kind(
                Level.WARNING,
                "leak",
                place(one),
                "executes nothing; the method that borrowed it has returned, its caller still runs, and is "
                        + now(stack),
                "close it in the method that borrows it, with try-with-resources; or, if its caller has it, before it does this");
    }

    private static Kind leak(BorrowedConnection one, String why) {
        return new Kind(
                Level.ERROR,
                "leak",
                place(one),
                why,
                "it is lost to the pool until it is closed: close it there in any case, with try-with-resources or in finally");
    }

    private static boolean isOn(StackTraceElement[] stack, StackTraceElement frame) {
        return Stream.of(stack)
                .anyMatch(each -> each.getClassName().equals(frame.getClassName())
                        && each.getMethodName().equals(frame.getMethodName()));
    }

    private static String place(BorrowedConnection one) {
        return one.borrowedIn().isEmpty()
                ? "a place that was not kept, by " + one.thread().getName()
                : one.borrowedIn().get(0).toString();
    }

    /** What a thread does: its innermost frame, and the first that is not the JDK's. */
    private static String now(StackTraceElement[] stack) {
        if (stack.length == 0) return "at no known place";
        String innermost = stack[0].getClassName() + "." + stack[0].getMethodName();
        return Stream.of(stack)
                .filter(each ->
                        each.getModuleName() == null || !each.getModuleName().startsWith("java."))
                .findFirst()
                .map(own -> own.equals(stack[0]) ? "at " + own : "in " + innermost + ", called at " + own)
                .orElse("in " + innermost);
    }

    private String what(Kind kind, List<BorrowedConnection> all) {
        BorrowedConnection longest = all.get(0);
        for (BorrowedConnection each : all) {
            if (each.held().compareTo(longest.held()) > 0) longest = each;
        }
        String subject = all.size() == 1
                ? "a connection has been out for " + PoolSize.words(longest.held())
                : all.size() + " connections have been out for up to " + PoolSize.words(longest.held());
        String last = kind.check.equals("slow-statement") || longest.statement().isEmpty()
                ? ""
                : "; its last statement was " + longest.statement() + ", " + PoolSize.words(longest.since()) + " ago";
        return subject + ", borrowed in " + kind.place + ": " + kind.why + last;
    }
}
