package dev.tenfold.query.guard;

import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.platform.commons.support.AnnotationSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts a {@link Tally} around each test method that {@link ExpectQueries} or {@link WatchQueries} is meant for. */
final class QueryExtension implements InvocationInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger(QueryExtension.class);
    private static final ExtensionContext.Namespace STORE = ExtensionContext.Namespace.create(QueryExtension.class);

    /** What was watched in this run; JUnit closes it when all tests have run. */
    private static final class Watched implements AutoCloseable {
        /** Those that could be read. */
        private final Set<Baseline> baselines = ConcurrentHashMap.newKeySet();

        private final LongAdder tests = new LongAdder();
        private volatile boolean sawStatement;

        @Override
        public void close() {
            if (!sawStatement && tests.sum() > 0) {
                LOG.warn(
                        "no statement was seen in any of {} tests with @WatchQueries: is their data source the one that"
                                + " QueryGuard.watch returned?",
                        tests);
            }
            for (Baseline baseline : baselines) {
                List<String> unseen = baseline.unseen();
                if (unseen.isEmpty()) continue;
                LOG.info(
                        "{} findings of {} did not show up; if all tests have run, remove their lines:\n{}",
                        unseen.size(),
                        baseline,
                        String.join("\n", unseen));
            }
        }
    }

    @Override
    public void interceptTestMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        run(invocation, context, name(context));
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        run(invocation, context, name(context) + " (" + context.getDisplayName() + ")");
    }

    @Override
    public void interceptDynamicTest(
            Invocation<@Nullable Void> invocation, DynamicTestInvocationContext test, ExtensionContext context)
            throws Throwable {
        run(invocation, context, name(context) + " (" + context.getDisplayName() + ")");
    }

    /** As {@code "FeedTest.page()"}; a dynamic test has the name of the method that makes it. */
    private static String name(ExtensionContext test) {
        ExtensionContext here = test;
        while (here.getTestMethod().isEmpty() && here.getParent().isPresent()) {
            here = here.getParent().get();
        }
        return here.getRequiredTestClass().getSimpleName() + "."
                + here.getRequiredTestMethod().getName() + "()";
    }

    private static void run(Invocation<@Nullable Void> invocation, ExtensionContext context, String name)
            throws Throwable {
        ExpectQueries expected = nearest(context, ExpectQueries.class);
        WatchQueries watched = nearest(context, WatchQueries.class);
        if (expected == null && watched == null) {
            invocation.proceed();
            return;
        }
        // All that can be refused is refused before the test.
        QueryAssertions.Limit limit = expected == null ? null : limit(expected, name(context));
        Set<FindingKind> kinds = watched == null ? Set.of() : kinds(watched, name(context));
        Watched run = watched == null ? null : watched(context);
        Baseline baseline = watched == null || run == null ? null : baseline(watched, run);
        Tally tally = Tally.ofTest(name, limit != null && limit.countsAllThreads());
        try (tally) {
            invocation.proceed();
        } finally {
            if (run != null) {
                run.tests.increment();
                if (tally.hasSeenAny()) run.sawStatement = true;
            }
        }
        if (expected != null && expected.max() > 0) {
            QueryAssertions.refuseNoStatement(tally, "@ExpectQueries(max = 0)");
        }
        if (limit != null) limit.check(tally);
        if (watched != null) judge(tally, kinds, baseline);
    }

    private static void judge(Tally tally, Set<FindingKind> kinds, @Nullable Baseline baseline) {
        QueryAssertions.refuseUnwatched();
        QueryAssertions.refuseFindings(tally, kinds, baseline);
        String strangers = tally.strangers();
        if (strangers != null)
            LOG.info("{}: {}; what they did was not judged", tally.scope().name(), strangers);
    }

    private static QueryAssertions.Limit limit(ExpectQueries expected, String test) {
        int max = expected.max();
        int exactly = expected.exactly();
        // -1 is what is not said.
        if (max < -1) throw wrong(ExpectQueries.class, test, ": max = " + max + " must be 0 or more");
        if (exactly < -1) throw wrong(ExpectQueries.class, test, ": exactly = " + exactly + " must be 0 or more");
        if (max == -1 && exactly == -1) throw wrong(ExpectQueries.class, test, " has to say max or exactly");
        if (max != -1 && exactly != -1) throw wrong(ExpectQueries.class, test, " says both max and exactly");
        QueryAssertions.Limit limit = max == -1 ? QueryAssertions.exactly(exactly) : QueryAssertions.max(max);
        if (expected.selects()) limit = limit.selects();
        if (expected.onAllThreads()) limit = limit.onAllThreads();
        if (expected.ignoringOtherThreads()) limit = limit.ignoringOtherThreads();
        return limit;
    }

    private static Set<FindingKind> kinds(WatchQueries watched, String test) {
        Set<FindingKind> kinds = EnumSet.noneOf(FindingKind.class);
        kinds.addAll(List.of(watched.kinds()));
        if (kinds.isEmpty()) {
            throw wrong(
                    WatchQueries.class,
                    test,
                    ": kinds is empty, so no finding would fail it: name one or more, or leave it out for the usual ones");
        }
        return kinds;
    }

    private static IllegalArgumentException wrong(Class<?> annotation, String test, String what) {
        return new IllegalArgumentException("@" + annotation.getSimpleName() + " on " + test + what);
    }

    private static Watched watched(ExtensionContext context) {
        return context.getRoot()
                .getStore(STORE)
                .getOrComputeIfAbsent(Watched.class, type -> new Watched(), Watched.class);
    }

    /** One that can be read: at the end nobody has to be told again that it cannot. */
    private static @Nullable Baseline baseline(WatchQueries watched, Watched run) {
        if (watched.baseline().isEmpty()) return null;
        Baseline baseline = Baseline.at(watched.baseline());
        baseline.check();
        run.baselines.add(baseline);
        return baseline;
    }

    /** That of the method, else of its class, else of the class around that one. */
    private static <A extends Annotation> @Nullable A nearest(ExtensionContext test, Class<A> type) {
        for (Optional<ExtensionContext> here = Optional.of(test);
                here.isPresent();
                here = here.get().getParent()) {
            Optional<A> found = AnnotationSupport.findAnnotation(here.get().getElement(), type);
            if (found.isPresent()) return found.get();
        }
        return null;
    }
}
