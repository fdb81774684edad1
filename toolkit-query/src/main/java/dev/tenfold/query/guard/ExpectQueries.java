package dev.tenfold.query.guard;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Asserts how many statements a JUnit 5 test executes, as {@link QueryAssertions#assertQueries} does.
 *
 * <pre>{@code
 * @Test
 * @ExpectQueries(max = 2)
 * void page_takes_two_queries() { … }
 * }</pre>
 *
 * <p>Counted is what the test method executes, and each repetition, parameter set and dynamic test for itself; not what
 * {@code @BeforeEach}, {@code @AfterEach} and other extensions do around it. On a class it holds for each of its tests, those
 * in {@code @Nested} classes too; on a method it replaces that of the class.
 *
 * <p>A test that fails by itself fails as it is. Needs JUnit 5.13 or later. One of {@link #max} and {@link #exactly} has to
 * be given, or the test fails before it runs.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
@ExtendWith(QueryExtension.class)
public @interface ExpectQueries {
    /**
     * At most so many statements. If it is above 0, the test also fails if no guard sees a statement on any thread, as its
     * data source may be one that is not watched; if it is 0, that cannot be told.
     *
     * @return 0 or more; −1 if {@link #exactly} is given
     */
    int max() default -1;

    /**
     * Neither more nor fewer statements.
     *
     * @return 0 or more; −1 if {@link #max} is given
     */
    int exactly() default -1;

    /**
     * Counts queries only.
     *
     * @return by default writes and all else count too
     */
    boolean selects() default false;

    /**
     * Counts what any thread of this JVM executes meanwhile; of use only for tests that run alone.
     *
     * @return by default the test's thread, and those started inside
     */
    boolean onAllThreads() default false;

    /**
     * Does not care for what runs on threads that are in no scope.
     *
     * @return by default a test fails if there was any
     */
    boolean ignoringOtherThreads() default false;
}
