package dev.tenfold.query.guard;

import java.lang.StackWalker.StackFrame;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Where in the application a thread was. */
final class CallSite {
    /** The same for the same set of the application's frames, however often each is on the stack. */
    final long id;

    /** The kinds that an annotation or an option says to ignore here. */
    final Set<FindingKind> ignored;

    private final List<StackFrame> frames;

    CallSite(long id, List<StackFrame> frames, Set<FindingKind> ignored) {
        this.id = id;
        this.frames = frames;
        this.ignored = ignored;
    }

    /** The application's innermost frame; null if the stack has none at all. */
    @Nullable
    StackTraceElement innermost() {
        return frames.isEmpty() ? null : frames.get(0).toStackTraceElement();
    }

    /** The application's different frames, innermost first, at most eight. */
    List<StackTraceElement> callers() {
        return frames.stream().map(StackFrame::toStackTraceElement).toList();
    }
}
