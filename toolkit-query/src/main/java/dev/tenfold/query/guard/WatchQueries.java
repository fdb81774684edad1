package dev.tenfold.query.guard;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Fails a JUnit 5 test if its statements give a finding that is not in a baseline, as {@link QueryAssertions#assertNoFindings}
 * does.
 *
 * <pre>{@code
 * @WatchQueries(baseline = "src/test/resources/queries.baseline")
 * class PostServiceTest { … }
 * }</pre>
 *
 * <p>Watched is what the test method executes; not what {@code @BeforeEach}, {@code @AfterEach} and other extensions do
 * around it, where rows are best made. On a class it holds for each of its tests, those in {@code @Nested} classes too; on a
 * method it replaces that of the class. Each repetition, parameter set and dynamic test is judged for itself.
 *
 * <p>Statements of pools' threads are not judged with the test's, unless their tasks were given by {@link QueryScope#wrap
 * wrap}; that there were any is logged. A test that fails by itself fails as it is. At the end of the run, lines of the
 * baseline that were not seen are logged. A test without statements passes, if there is a guard at all; if no guard has seen a statement in any test of
 * the run, a warning is logged, as the data source may be one that is not watched. A baseline that cannot be read fails
 * each of its tests before it runs. Needs JUnit 5.13 or later.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
@ExtendWith(QueryExtension.class)
public @interface WatchQueries {
    /**
     * The file with the findings that may be; see {@link Baseline}.
     *
     * @return a path relative to the module's folder; by default there is none, and every finding fails
     */
    String baseline() default "";

    /**
     * What fails the test: one or more. Kinds that depend on time or on chance make tests fail now and then.
     *
     * @return by default all that are the same each time
     */
    FindingKind[] kinds() default {
        FindingKind.N_PLUS_ONE,
        FindingKind.LOOP,
        FindingKind.REPEATED_READ,
        FindingKind.WRITE_LOOP,
        FindingKind.NESTED_BORROW
    };
}
