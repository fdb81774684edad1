package dev.tenfold.query.guard;

import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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

    /** Which baselines were used; JUnit closes it when all tests have run. */
    private static final class Used implements AutoCloseable {
        private final Set<Baseline> baselines = ConcurrentHashMap.newKeySet();

        @Override
        public void close() {
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
        run(invocation, context);
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<@Nullable Void> invocation, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        run(invocation, context);
    }

    @Override
    public void interceptDynamicTest(
            Invocation<@Nullable Void> invocation, DynamicTestInvocationContext test, ExtensionContext context)
            throws Throwable {
        run(invocation, context);
    }

    private static void run(Invocation<@Nullable Void> invocation, ExtensionContext context) throws Throwable {
        ExpectQueries expected = nearest(context, ExpectQueries.class);
        WatchQueries watched = nearest(context, WatchQueries.class);
        if (expected == null && watched == null) {
            invocation.proceed();
            return;
        }
        // All that can be refused is refused before the test.
        QueryAssertions.Limit limit = expected == null ? null : limit(expected);
        Baseline baseline = watched == null ? null : baseline(watched, context);
        Tally tally = Tally.ofTest(context.getDisplayName(), limit != null && limit.countsAllThreads());
        try (tally) {
            invocation.proceed();
        }
        if (limit != null) limit.check(tally);
        if (watched != null) judge(tally, watched, baseline);
    }

    private static void judge(Tally tally, WatchQueries watched, @Nullable Baseline baseline) {
        QueryAssertions.refuseUnwatched();
        QueryAssertions.refuseFindings(tally, Set.of(watched.kinds()), baseline);
        String strangers = tally.strangers();
        if (strangers != null)
            LOG.info("{}: {}; what they did was not judged", tally.scope().name(), strangers);
    }

    private static QueryAssertions.Limit limit(ExpectQueries expected) {
        if ((expected.max() < 0) == (expected.exactly() < 0)) {
            throw new IllegalArgumentException(expected + " has to say either max or exactly, 0 or more");
        }
        QueryAssertions.Limit limit =
                expected.max() < 0 ? QueryAssertions.exactly(expected.exactly()) : QueryAssertions.max(expected.max());
        if (expected.selects()) limit = limit.selects();
        if (expected.onAllThreads()) limit = limit.onAllThreads();
        if (expected.ignoringOtherThreads()) limit = limit.ignoringOtherThreads();
        return limit;
    }

    private static @Nullable Baseline baseline(WatchQueries watched, ExtensionContext context) {
        if (watched.baseline().isEmpty()) return null;
        Baseline baseline = Baseline.at(watched.baseline());
        Used used = context.getRoot().getStore(STORE).getOrComputeIfAbsent(Used.class, type -> new Used(), Used.class);
        used.baselines.add(baseline);
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
