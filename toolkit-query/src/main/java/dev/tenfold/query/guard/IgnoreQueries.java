package dev.tenfold.query.guard;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Says that what a {@link QueryGuard} finds below a method, or any method of a class, is meant to be so:
 *
 * <pre>{@code
 * @IgnoreQueries(reason = "five rows at most, once a night")
 * void report() {…}
 * }</pre>
 *
 * <p>It counts wherever the method is among the application's frames of the stack, so also for what it calls. It does not
 * reach other threads: there, annotate the method that runs on them. Nested and anonymous classes take it from the class
 * around them, lambdas from their method. It is read from the classes themselves, not from interfaces or overridden methods.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE})
public @interface IgnoreQueries {
    /**
     * Why it is meant to be so; for whoever reads the code.
     *
     * @return a sentence
     */
    String reason();

    /**
     * What is ignored.
     *
     * @return kinds; none, which is the default, means all
     */
    FindingKind[] kinds() default {};
}
