package dev.tenfold.query.keyset;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A place in a sort: the key of a row, which need not exist any more.
 *
 * @param key a value a column
 * @param inclusive whether the row at the place itself belongs to what is beyond it; so it is for the way back from an empty page
 */
record Position(List<@Nullable Object> key, boolean inclusive) {}
