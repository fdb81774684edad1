package dev.tenfold.query.keyset;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Some rows of a sort, and cursors for the pages beside them. There is no total: counting reads every row.
 *
 * <p>In the direction that was read, whether there is another page is known, as one row more was fetched. In the other
 * direction there was a page when the cursor was made; its rows may have been deleted since, so that page may be empty.
 *
 * @param items the rows in the order of the sort, whichever way they were read; not to be changed
 * @param next a cursor for {@link Keyset#after}; empty on the last page
 * @param previous a cursor for {@link Keyset#before}; empty on the first page
 * @param <T> the items' type
 */
public record Page<T>(List<T> items, Optional<String> next, Optional<String> previous) {
    /**
     * Whether rows follow.
     *
     * @return true if there is a cursor for them
     */
    public boolean hasNext() {
        return next.isPresent();
    }

    /**
     * Whether rows come before.
     *
     * @return true if there is a cursor for them
     */
    public boolean hasPrevious() {
        return previous.isPresent();
    }

    /**
     * The same page of other items.
     *
     * @param mapper makes an item of an item
     * @param <V> the new items' type
     * @return a page with the same cursors
     */
    public <V> Page<V> map(Function<? super T, ? extends V> mapper) {
        List<V> mapped = new ArrayList<>(items.size());
        for (T item : items) mapped.add(mapper.apply(item));
        return new Page<>(Collections.unmodifiableList(mapped), next, previous);
    }
}
