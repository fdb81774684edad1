package dev.tenfold.benchmarks;

import java.util.List;
import java.util.stream.Stream;

/**
 * Labelled traces: what people do to a database, and whether it is an N+1.
 *
 * <p>The rule, which was written before anything ran. A trace is an N+1 if in it a SELECT is executed once per element of a
 * collection, with a different key each, from one place in the code, where one query for all elements would do. In detail:
 *
 * <ul>
 *   <li>A collection has three elements or more. It may be rows of an earlier query, a request's list, a tree or a chain
 *       (which one recursive query would walk).
 *   <li>A key is a value that belongs to the element and says which rows are its own, whatever the operator: an id, several
 *       columns, a day, a period. Two elements may share one, as two books their author, if three different ones are left. A
 *       position in a scan is none: a cursor, an offset, the bounds of a chunk.
 *   <li>One place is one call path from where the elements are gone through. Calls on different lines are different places;
 *       threads that run the same task are one.
 *   <li>A statement for several elements at once is a batch, however small, and not an N+1.
 *   <li>One query would do if it could give the same answers in the same unit of work. It could not where each element is a
 *       unit of work of its own (a request, a job in its own transaction), lies in a schema or table of its own, or is only
 *       tried until one fits; nor where the SELECT is there for what it does (a sequence, an advisory lock).
 *   <li>The same key again is a repeated read, and writes are writes: neither is an N+1.
 * </ul>
 */
final class DetectCorpus {
    private DetectCorpus() {}

    static List<DetectTrace> traces() {
        return Stream.of(
                        DetectJdbc.traces(),
                        DetectJdbcFine.traces(),
                        DetectSpring.traces(),
                        DetectJooq.traces(),
                        DetectHibernate.traces(),
                        DetectMyBatis.traces())
                .flatMap(List::stream)
                .toList();
    }
}
