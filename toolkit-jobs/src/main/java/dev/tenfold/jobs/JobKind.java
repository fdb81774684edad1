package dev.tenfold.jobs;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The name under which jobs of a class are stored, so that the class can be renamed and moved while jobs of it wait.
 *
 * <pre>{@code
 * @JobKind("send-receipt")
 * record SendReceipt(long orderId) {}
 * }</pre>
 *
 * <p>Without it the name is the class's simple name in kebab case: {@code send-receipt}, too. See {@link Kind} for versions and
 * former names.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface JobKind {
    /**
     * The name: 1 to 200 characters, letters, digits, {@code . _ : / -}.
     *
     * @return the name
     */
    String value();
}
