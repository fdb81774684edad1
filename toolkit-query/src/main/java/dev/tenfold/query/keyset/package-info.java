/**
 * Pages by key instead of by offset: the thousandth page costs what the first one does.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.query.keyset.Keyset}: a sort whose pages are read over plain JDBC
 *   <li>{@link dev.tenfold.query.keyset.Page}: the rows, and cursors for the pages beside it
 *   <li>{@link dev.tenfold.query.keyset.InvalidCursorException}: a cursor that is not one of ours
 *   <li>{@link dev.tenfold.query.keyset.JooqKeyset}: the same over jOOQ, an optional dependency
 * </ol>
 *
 * <p>One page, followed through the private types: {@code KeysetOptions} holds what both have in common, {@code Cursors} checks
 * and signs, {@code KeyValues} turns key values into bytes and back, {@code Seek} writes the condition of the rows beyond
 * a {@code Position}, {@code Dialect} knows what databases differ in.
 */
@NullMarked
package dev.tenfold.query.keyset;

import org.jspecify.annotations.NullMarked;
