package dev.tenfold.query.keyset;

import dev.tenfold.query.keyset.Column.Nulls;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@link Keyset} and {@link JooqKeyset} have in common: a sort, who signs its cursors, and which page is wanted.
 *
 * @param <K> the keyset's own type
 */
abstract sealed class KeysetOptions<K extends KeysetOptions<K>> permits Keyset, JooqKeyset {
    static final Settings DEFAULTS = new Settings(null, "", null, false, 20, 1_000);

    record Settings(
            @Nullable Cursors cursors,
            String name,
            @Nullable Position from,
            boolean backwards,
            int limit,
            int maxLimit) {}

    final List<Column> columns;
    final Settings settings;

    KeysetOptions(List<Column> columns, Settings settings) {
        this.columns = columns;
        this.settings = settings;
    }

    abstract K with(Settings changed);

    /** Refuses a forged key, of values that this sort cannot have. */
    abstract void check(List<@Nullable Object> key);

    /**
     * Signs cursors, so that nobody but the holder of a secret can make one. They are signed, not encrypted: who has a cursor can read
     * the values of the columns of the sort in it.
     *
     * <p>To replace a secret, first add the new one as an older one everywhere, then put it first, and take the old one away when
     * its cursors have been used up.
     *
     * @param secret signs, and is accepted; at least 16 random bytes, the same on all nodes
     * @param older accepted too
     * @return a changed keyset
     * @throws IllegalArgumentException if one has less than 16 bytes
     */
    public K signedWith(byte[] secret, byte[]... older) {
        return with(new Settings(
                Cursors.signed(secret, older),
                settings.name,
                settings.from,
                settings.backwards,
                settings.limit,
                settings.maxLimit));
    }

    /**
     * Makes cursors without a secret: with a checksum, which finds accidents and no forger. Who forges one can ask for rows from any
     * place of the statement's rows, and can make the database refuse the statement for the type of a value. He cannot change the
     * statement, as values are bound. So this is for tools, and where clients are trusted.
     *
     * @return a changed keyset
     */
    public K unsigned() {
        return with(new Settings(
                Cursors.unsigned(),
                settings.name,
                settings.from,
                settings.backwards,
                settings.limit,
                settings.maxLimit));
    }

    /**
     * Binds cursors to more than the sort: those of another name are refused. Give what a cursor must not be carried between, as the
     * kind of rows, the tenant, or the filter.
     *
     * @param name any text; default empty. To be set before the cursor is given
     * @return a changed keyset
     */
    public K named(String name) {
        return with(new Settings(
                settings.cursors,
                Objects.requireNonNull(name, "name"),
                settings.from,
                settings.backwards,
                settings.limit,
                settings.maxLimit));
    }

    /**
     * The page after a cursor. No I/O. Replaces a cursor given before.
     *
     * @param cursor of {@link Page#next}, or any other cursor of the same sort; null or empty is the first page, as is the default
     * @return a changed keyset
     * @throws InvalidCursorException if the cursor was cut, changed, or is of another sort, name or secret
     * @throws IllegalStateException if nothing was said of signing
     */
    public K after(@Nullable String cursor) {
        return with(new Settings(cursors(), settings.name, position(cursor), false, settings.limit, settings.maxLimit));
    }

    /**
     * The page before a cursor. No I/O. Replaces a cursor given before. The items come in the order of the sort.
     *
     * @param cursor of {@link Page#previous}, or any other cursor of the same sort; null or empty is the last page
     * @return a changed keyset
     * @throws InvalidCursorException if the cursor was cut, changed, or is of another sort, name or secret
     * @throws IllegalStateException if nothing was said of signing
     */
    public K before(@Nullable String cursor) {
        return with(new Settings(cursors(), settings.name, position(cursor), true, settings.limit, settings.maxLimit));
    }

    /**
     * How many items a page has at most.
     *
     * @param items from 1 to {@link #maxLimit}; default 20
     * @return a changed keyset
     * @throws IllegalArgumentException if it is outside of these
     */
    public K limit(int items) {
        if (items < 1 || items > settings.maxLimit) {
            throw new IllegalArgumentException("limit " + items + " must be from 1 to " + settings.maxLimit
                    + "; maxLimit(…) says how many a page may have");
        }
        return with(new Settings(
                settings.cursors, settings.name, settings.from, settings.backwards, items, settings.maxLimit));
    }

    /**
     * The largest {@link #limit} that is accepted, as it often comes from a client. Set it before.
     *
     * @param items at least 1; default 1,000
     * @return a changed keyset, whose limit is at most this
     * @throws IllegalArgumentException if it is less than 1, or the most that an int holds
     */
    public K maxLimit(int items) {
        if (items < 1 || items == Integer.MAX_VALUE) {
            throw new IllegalArgumentException("maxLimit " + items + " must be from 1 to " + (Integer.MAX_VALUE - 1));
        }
        return with(new Settings(
                settings.cursors,
                settings.name,
                settings.from,
                settings.backwards,
                Math.min(settings.limit, items),
                items));
    }

    private Cursors cursors() {
        if (settings.cursors == null) {
            throw new IllegalStateException("it is not said who signs the cursors of \"" + sort()
                    + "\"; call signedWith(secret), or unsigned() where clients are trusted, before anything else");
        }
        return settings.cursors;
    }

    private @Nullable Position position(@Nullable String cursor) {
        if (cursor == null || cursor.isEmpty()) return null;
        Position position = cursors().read(boundTo(), columns.size(), cursor);
        for (int i = 0; i < columns.size(); i++) {
            if (position.key().get(i) == null && columns.get(i).nulls() == Nulls.NONE) {
                throw new InvalidCursorException(
                        "the cursor has no value for column " + columns.get(i).name());
            }
        }
        check(position.key());
        return position;
    }

    String sort() {
        return columns.stream().map(Column::toString).collect(Collectors.joining(", "));
    }

    /** What the cursors' hash is of. */
    private String boundTo() {
        return settings.name.isEmpty() ? sort() : sort() + " of " + settings.name;
    }

    final List<Column> directed() {
        return Column.inDirection(columns, settings.backwards);
    }

    /** Refuses before any statement. */
    final void requireSigner() {
        Cursors unused = cursors();
    }

    /**
     * Makes a page of what was read.
     *
     * @param found in the direction that was read, at most {@code limit} of them
     * @param keys theirs; cursors are made of two of them, but a null is looked for in all
     * @param more whether there is another row beyond them
     */
    final <T> Page<T> page(List<T> found, List<List<@Nullable Object>> keys, boolean more) {
        Position from = settings.from;
        if (found.isEmpty()) {
            Optional<String> back = from == null
                    ? Optional.empty()
                    : Optional.of(cursors().write(boundTo(), new Position(from.key(), !from.inclusive())));
            return settings.backwards
                    ? new Page<>(List.of(), back, Optional.empty())
                    : new Page<>(List.of(), Optional.empty(), back);
        }
        requireProgress(keys.get(0));
        Optional<String> ahead = more ? cursor(keys.get(keys.size() - 1)) : Optional.empty();
        Optional<String> back = from == null ? Optional.empty() : cursor(keys.get(0));
        if (!settings.backwards) return new Page<>(Collections.unmodifiableList(found), ahead, back);
        List<T> turned = new ArrayList<>(found);
        Collections.reverse(turned);
        return new Page<>(Collections.unmodifiableList(turned), back, ahead);
    }

    /** The row that a page begins beyond is not in it, unless its values lost something on their way. Better no page than the same for ever. */
    private void requireProgress(List<@Nullable Object> first) {
        Position from = settings.from;
        if (from != null && !from.inclusive() && first.equals(from.key())) {
            throw new IllegalStateException("the page begins with the row that it is to begin beyond, so a column of \""
                    + sort() + "\" is read with less digits than it is stored with; sort by a cast of it");
        }
    }

    private Optional<String> cursor(List<@Nullable Object> key) {
        return Optional.of(cursors().write(boundTo(), new Position(key, false)));
    }

    /** A null where none was declared would be lost from other pages without a word. */
    final @Nullable Object keyValue(int column, @Nullable Object value) {
        Column declared = columns.get(column);
        if (value == null && declared.nulls() == Nulls.NONE) {
            throw new IllegalStateException("column " + declared.name() + " is null in a row, and the sort \"" + sort()
                    + "\" says that it never is; say where its nulls go: nulls first, or nulls last");
        }
        if (value != null && !KeyValues.carries(value.getClass())) {
            throw new IllegalStateException(KeyValues.unsupported(declared.name(), value.getClass()));
        }
        return value;
    }
}
