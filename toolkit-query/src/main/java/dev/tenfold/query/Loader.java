package dev.tenfold.query;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads values by key, many at a time, for code that asks for one at a time.
 *
 * <pre>{@code
 * static final Loader<Long, Author> AUTHORS = Loader.of(repo::byIds);
 *
 * var author = AUTHORS.across(page, Post::authorId);                                       // a plain loop: 1 query
 * for (Post p : page) out.add(view(p, author.of(p)));
 *
 * List<View> views = LoadScope.each(page, p -> view(p, AUTHORS.load(p.authorId())));       // 1 query a level
 * }</pre>
 *
 * <p>Make a loader once and keep it: it is immutable, safe for use by many threads, and holds no values. What was loaded
 * lives in a {@link LoadScope} or in the peers of {@link #across}; two loaders never share a batch, even if they were made
 * of the same function. Outside a scope {@link #load} asks for its one key at once.
 *
 * <p>Keys need {@code equals} and {@code hashCode} by value; null and arrays are refused. Records make good composite
 * keys. Keys asked for under different {@link LoadContext}s never share a batch.
 *
 * <p>A load fails with a {@link LoadException} that names the loader; failures are not cached. A key without a value fails
 * with {@link LoadException.Missing}, unless the loader is one-to-many (then its value is an empty list) or has
 * {@link #whenAbsent}; or use {@link #find}.
 *
 * @param <K> the keys' type
 * @param <V> the values' type
 */
public final class Loader<K, V> {
    static final int DEFAULT_MAX_BATCH = 1_000;

    private static final Logger LOG = LoggerFactory.getLogger(Loader.class);

    private final Source<K, V> source;
    private final String name;
    private final int maxBatch;
    private final boolean bisect;
    private final @Nullable Function<? super K, ? extends V> whenAbsent;
    private final LoaderStats.Recorder stats = new LoaderStats.Recorder();

    /** What is behind a loader: one call of the user's batch function. */
    interface Source<K, V> {
        Fetched<K, V> fetch(List<K> keys, RunningBatch running) throws Exception;
    }

    private Loader(
            Source<K, V> source,
            String name,
            int maxBatch,
            boolean bisect,
            @Nullable Function<? super K, ? extends V> whenAbsent) {
        this.source = source;
        this.name = name;
        this.maxBatch = maxBatch;
        this.bisect = bisect;
        this.whenAbsent = whenAbsent;
    }

    // ---- making one -------------------------------------------------------------------------------------------------

    /**
     * One value a key, from a function that returns them by key.
     *
     * @param byKeys returns a map; keys without an entry have no value, entries of other keys are dropped and counted
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a new loader
     */
    public static <K, V> Loader<K, V> of(BatchFunction<K, Map<K, V>> byKeys) {
        return from((keys, running) -> Fetched.of(notNull(byKeys.load(keys), "map", keys)));
    }

    /**
     * One value a key, from a function that returns them in any order.
     *
     * @param byKeys returns at most one value a key; two values of the same key are an error
     * @param keyOf the key that a value belongs to, usually its id
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a new loader
     */
    public static <K, V> Loader<K, V> of(
            BatchFunction<K, ? extends Collection<? extends V>> byKeys, Function<? super V, ? extends K> keyOf) {
        return from((keys, running) -> Fetched.of(index(notNull(byKeys.load(keys), "collection", keys), keyOf)));
    }

    /**
     * One value a key, from a function that returns a list in the order of the keys.
     *
     * @param byKeys returns exactly one element a key, null where there is no value; another size is an error
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a new loader
     */
    public static <K, V> Loader<K, V> ordered(BatchFunction<K, ? extends List<? extends @Nullable V>> byKeys) {
        return from((keys, running) -> {
            List<? extends @Nullable V> values = notNull(byKeys.load(keys), "list", keys);
            if (values.size() != keys.size()) {
                throw new IllegalStateException("the batch function returned " + values.size() + " values for "
                        + keys.size() + " keys; return one a key in their order, with null for a missing one,"
                        + " or use Loader.of with a map");
            }
            Map<K, V> byKey = new HashMap<>(capacity(keys.size()));
            for (int i = 0; i < values.size(); i++) {
                V value = values.get(i);
                if (value != null) {
                    byKey.put(keys.get(i), value);
                }
            }
            return Fetched.of(byKey);
        });
    }

    /**
     * One outcome a key, from a function in which single keys can fail while others succeed.
     *
     * @param byKeys returns a map; keys without an entry have no value
     * @param <K> the keys' type
     * @param <V> the values' type
     * @return a new loader
     */
    public static <K, V> Loader<K, V> results(BatchFunction<K, Map<K, Result<V>>> byKeys) {
        String name = nameFromCaller();
        return new Loader<>(
                (keys, running) -> {
                    Map<K, V> values = new HashMap<>(capacity(keys.size()));
                    Map<K, LoadException> errors = new HashMap<>();
                    notNull(byKeys.load(keys), "map", keys).forEach((key, result) -> {
                        if (result instanceof Result.Found<V> found) {
                            values.put(key, found.value());
                        } else if (result instanceof Result.Failed<V> failed) {
                            errors.put(
                                    key,
                                    new LoadException(
                                            name, "loading one key failed: " + failed.cause(), failed.cause()));
                        }
                    });
                    return new Fetched<>(values, errors, null);
                },
                name,
                DEFAULT_MAX_BATCH,
                false,
                null);
    }

    /**
     * Any number of values a key: the children of parents. A key without values has an empty list.
     *
     * @param byKeys returns the values of all keys together; those of one key keep their order
     * @param keyOf the key that a value belongs to, usually a foreign key
     * @param <K> the keys' type
     * @param <V> the type of the lists' elements
     * @return a new loader, whose lists cannot be modified
     */
    public static <K, V> Loader<K, List<V>> many(
            BatchFunction<K, ? extends Collection<? extends V>> byKeys, Function<? super V, ? extends K> keyOf) {
        return Loader.<K, List<V>>from((keys, running) ->
                        Fetched.of(group(notNull(byKeys.load(keys), "collection", keys), keyOf, keys.size())))
                .whenAbsent(key -> List.of());
    }

    /**
     * One row a key, by SQL over JDBC. The statement holds {@code = any(?)} once:
     *
     * <pre>{@code
     * Loader.jdbc(ds, "select id, name from author where id = any(?)", Author::map, Author::id)
     * Loader.jdbc(ds, "select … from stock where (shop_id, item_id) = any(?)", Stock::map, Stock::key)   // key: a record
     * }</pre>
     *
     * On PostgreSQL the keys go as one array, so that the statement's text is always the same ({@code unnest} of one
     * array a column for composite keys), and as {@code = ?} if there is just one. Elsewhere the statement gets an
     * {@code in} list, padded to a power of two by repeating the last key. A composite key is a record whose components
     * are the columns in order.
     *
     * <p>Inside a {@link LoadContext#transaction} the statement runs on that connection, else on one borrowed from
     * {@code dataSource} for one batch.
     *
     * @param dataSource borrowed from once a batch; usually a pool
     * @param sql a query with one {@code = any(?)}, and no other parameter
     * @param row reads a value from the current row
     * @param keyOf the key that a value belongs to
     * @param <K> the keys' type: one that the driver takes as a parameter, or a record of such
     * @param <V> the values' type
     * @return a new loader
     * @throws IllegalArgumentException if {@code sql} has not exactly one {@code = any(?)}
     */
    public static <K, V> Loader<K, V> jdbc(
            DataSource dataSource, String sql, RowMapper<? extends V> row, Function<? super V, ? extends K> keyOf) {
        JdbcBatch<K> batch = JdbcBatch.of(dataSource, sql, 0);
        return from((keys, running) -> Fetched.of(index(batch.<V>query(keys, row, running), keyOf)));
    }

    /**
     * Any number of rows a key, by SQL over JDBC; otherwise as {@link #jdbc}.
     *
     * @param dataSource borrowed from once a batch; usually a pool
     * @param sql a query with one {@code = any(?)}, and no other parameter
     * @param row reads a value from the current row
     * @param keyOf the key that a value belongs to
     * @param <K> the keys' type: one that the driver takes as a parameter, or a record of such
     * @param <V> the type of the lists' elements
     * @return a new loader
     * @throws IllegalArgumentException if {@code sql} has not exactly one {@code = any(?)}
     */
    public static <K, V> Loader<K, List<V>> jdbcMany(
            DataSource dataSource, String sql, RowMapper<? extends V> row, Function<? super V, ? extends K> keyOf) {
        JdbcBatch<K> batch = JdbcBatch.of(dataSource, sql, 0);
        return Loader.<K, List<V>>from(
                        (keys, running) -> Fetched.of(group(batch.<V>query(keys, row, running), keyOf, keys.size())))
                .whenAbsent(key -> List.of());
    }

    /**
     * The first rows of each key, in the statement's order; otherwise as {@link #jdbcMany}.
     *
     * <pre>{@code
     * Loader.jdbcTop(ds, "select … from post where author_id = any(?) order by created desc, id desc", 3, …)
     * }</pre>
     *
     * On PostgreSQL and MySQL the statement becomes a {@code lateral} join, so an index on the key and the order reads no
     * row in vain; elsewhere a {@code union all} of one limited query a key, at most 64 keys a statement.
     *
     * @param dataSource borrowed from once a batch; usually a pool
     * @param sql a query with one {@code = any(?)}, no other parameter, an {@code order by}, and no limit
     * @param perKey how many rows a key has at most, 1 or more
     * @param row reads a value from the current row
     * @param keyOf the key that a value belongs to
     * @param <K> the keys' type: one that the driver takes as a parameter, or a record of such
     * @param <V> the type of the lists' elements
     * @return a new loader
     * @throws IllegalArgumentException if {@code sql} has not exactly one {@code = any(?)}, or {@code perKey} is below 1
     */
    public static <K, V> Loader<K, List<V>> jdbcTop(
            DataSource dataSource,
            String sql,
            int perKey,
            RowMapper<? extends V> row,
            Function<? super V, ? extends K> keyOf) {
        if (perKey < 1) {
            throw new IllegalArgumentException("perKey " + perKey + " must be at least 1");
        }
        JdbcBatch<K> batch = JdbcBatch.of(dataSource, sql, perKey);
        return Loader.<K, List<V>>from(
                        (keys, running) -> Fetched.of(group(batch.<V>query(keys, row, running), keyOf, keys.size())))
                .whenAbsent(key -> List.of());
    }

    static <K, V> Loader<K, V> from(Source<K, V> source) {
        return new Loader<>(source, nameFromCaller(), DEFAULT_MAX_BATCH, false, null);
    }

    /** The line that made the loader, such as {@code "AuthorRepo.java:31"}. */
    private static String nameFromCaller() {
        Set<String> factories = Set.of("dev.tenfold.query.Loader", "dev.tenfold.query.JooqLoader");
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(frame -> !factories.contains(frame.getClassName()))
                        .findFirst()
                        .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
                        .orElse("loader"));
    }

    // ---- settings ---------------------------------------------------------------------------------------------------

    /**
     * This loader under another name, with stats of its own.
     *
     * @param newName for messages and metrics; by default the file and line where the loader was made
     * @return a new loader
     */
    public Loader<K, V> named(String newName) {
        return new Loader<>(source, newName, maxBatch, bisect, whenAbsent);
    }

    /**
     * This loader with another batch size.
     *
     * @param keys given to the batch function at most, 1 or more; default 1,000. Above that the PostgreSQL planner's
     *     guess for arrays is ever further off
     * @return a new loader
     */
    public Loader<K, V> maxBatch(int keys) {
        if (keys < 1) {
            throw new IllegalArgumentException("maxBatch " + keys + " must be at least 1");
        }
        return new Loader<>(source, name, keys, bisect, whenAbsent);
    }

    /**
     * This loader with a value for keys that have none, instead of {@link LoadException.Missing}.
     *
     * @param makeValue gets the key; must not return null
     * @return a new loader
     */
    public Loader<K, V> whenAbsent(Function<? super K, ? extends V> makeValue) {
        return new Loader<>(source, name, maxBatch, bisect, makeValue);
    }

    /**
     * This loader splitting a batch that failed in halves, so that a poison key fails alone. It costs about two calls of
     * the batch function per halving: some 20 for one bad key among 1,000. Off by default; has no effect inside a
     * {@link LoadContext#transaction}, which the first error ends on PostgreSQL.
     *
     * @return a new loader
     */
    public Loader<K, V> bisectFailures() {
        return new Loader<>(source, name, maxBatch, true, whenAbsent);
    }

    /**
     * The name in messages and metrics.
     *
     * @return given by {@link #named}, or where the loader was made
     */
    public String name() {
        return name;
    }

    int maxBatch() {
        return maxBatch;
    }

    /**
     * What this loader did since it was made.
     *
     * @return a snapshot; its numbers may be of slightly different moments
     */
    public LoaderStats stats() {
        return stats.snapshot(name);
    }

    // ---- loading ----------------------------------------------------------------------------------------------------

    /**
     * The value of {@code key}. In a {@link LoadScope} waits until the key's batch came back; outside one asks for it at
     * once, alone, on the calling thread.
     *
     * @param key not null, no array
     * @return the value
     * @throws LoadException if the batch function fails; its subclasses if there is no value, the scope's deadline passes,
     *     or the waiting member is interrupted
     * @throws IllegalArgumentException if {@code key} is null or an array
     */
    public V load(K key) {
        return valueOf(key, outcome(key));
    }

    /**
     * As {@link #load}, for a key that may have no value. Ignores {@link #whenAbsent}.
     *
     * @param key not null, no array
     * @return the value, or empty
     * @throws LoadException if the batch function fails, the scope's deadline passes, or the member is interrupted
     * @throws IllegalArgumentException if {@code key} is null or an array
     */
    public Optional<V> find(K key) {
        return optional(outcome(key));
    }

    /**
     * The values of many keys: in a {@link LoadScope} together with what others ask for, outside one at once, on the
     * calling thread.
     *
     * @param keys repeated ones are asked for once; none may be null or an array
     * @return by key, in the keys' order; keys without a value are left out, unless the loader is one-to-many or has
     *     {@link #whenAbsent}. Not modifiable
     * @throws LoadException if the batch function fails for one of them, and as {@link #load}
     * @throws IllegalArgumentException if a key is null or an array
     */
    public Map<K, V> loadAll(Collection<? extends K> keys) {
        Map<K, Object> outcomes = new LinkedHashMap<>(capacity(keys.size()));
        for (K key : keys) {
            outcomes.put(check(key), Slot.Marker.ABSENT);
        }
        fill(outcomes);
        if (whenAbsent == null) {
            outcomes.values().removeIf(outcome -> outcome == Slot.Marker.ABSENT);
        }
        outcomes.replaceAll(this::valueOf);
        @SuppressWarnings("unchecked") // only values are left
        Map<K, V> values = (Map<K, V>) outcomes;
        return Collections.unmodifiableMap(values);
    }

    /**
     * The value of {@code key} as a future. In a {@link LoadScope} it goes with the next batch; nothing has to be
     * dispatched by hand, and waiting for it, or for a future derived from it, lets the batch go. ({@link
     * CompletableFuture#allOf} is not derived: waiting for one costs the scope's {@link ScopeOptions#flushAfter}.) Outside
     * a scope the key is asked for at once, on the calling thread.
     *
     * @param key not null, no array
     * @return completes as {@link #load} would return or throw. Callbacks run on the thread that ran the batch
     * @throws IllegalArgumentException if {@code key} is null or an array
     */
    public CompletableFuture<V> loadAsync(K key) {
        Batcher batcher = Binding.current().batcher();
        if (batcher == null) {
            CompletableFuture<V> done = new CompletableFuture<>();
            complete(done, key, outcome(key));
            return done;
        }
        LoadFuture<V> future = new LoadFuture<>(batcher, name);
        enqueue(check(key), batcher, future);
        stats.loads(1);
        return future;
    }

    /** Completes the future with the key's outcome, once there is one. */
    private void enqueue(K key, Batcher batcher, LoadFuture<V> future) {
        Slot<K> slot = batcher.slot(this, LoadContext.current(), key);
        Completion.Dependent completer = new Completion.Dependent() {
            @Override
            boolean release(Object outcome, Wakes wakes) {
                wakes.flush(); // callbacks may take long, or wait themselves
                answer(key, batcher, future, outcome);
                return false;
            }

            @Override
            boolean isWaiting() {
                return !future.isDone();
            }
        };
        if (!slot.add(completer)) {
            Object outcome = slot.result();
            answer(key, batcher, future, outcome == null ? Slot.Marker.ABSENT : outcome);
        }
    }

    /** Asks again if the batch that it went with was abandoned, as long as there is time. */
    private void answer(K key, Batcher batcher, LoadFuture<V> future, Object outcome) {
        if (outcome != Slot.Marker.ABANDONED) {
            complete(future, key, outcome);
            return;
        }
        try {
            enqueue(key, batcher, future);
        } catch (LoadException.DeadlineExceeded e) {
            future.completeExceptionally(e);
        }
    }

    private void complete(CompletableFuture<V> future, K key, Object outcome) {
        V value;
        try {
            value = valueOf(key, outcome);
        } catch (RuntimeException e) {
            future.completeExceptionally(e);
            return;
        }
        future.complete(value);
    }

    /**
     * The values of the items' keys, for a plain loop: the first access loads all of them, in one batch per {@link
     * #maxBatch} keys.
     *
     * <pre>{@code
     * var author = authors.across(page, Post::authorId);
     * for (Post p : page) out.add(view(p, author.of(p)));       // 1 query
     * }</pre>
     *
     * @param items looked through once, now; only their keys are kept
     * @param keyOf the key of an item's value; null for an item that has none
     * @param <T> the items' type
     * @return the peers, for use until their values are out of date
     * @throws IllegalArgumentException if a key is an array
     */
    public <T> Peers<T, V> across(Iterable<? extends T> items, Function<? super T, ? extends @Nullable K> keyOf) {
        return new Peers<>(this, items, keyOf);
    }

    /**
     * Forgets what the scope that the thread is in has loaded for {@code key}, as after a write. Outside a scope nothing
     * is kept, and this does nothing.
     *
     * @param key the key
     */
    public void forget(K key) {
        Binding binding = Binding.current();
        if (binding.batcher() != null) {
            binding.batcher().pending(this, binding.context()).forget(key);
        }
    }

    /** Forgets all that the scope that the thread is in has loaded by this loader, as after a write of many rows. */
    public void forgetAll() {
        Binding binding = Binding.current();
        if (binding.batcher() != null) {
            binding.batcher().pending(this, binding.context()).forgetAll();
        }
    }

    // ---- inside -----------------------------------------------------------------------------------------------------

    private Object outcome(K key) {
        check(key);
        Binding binding = Binding.current();
        Batcher batcher = binding.batcher();
        if (batcher == null) {
            stats.loads(1);
            Fetched<K, V> fetched = fetch(List.of(key), binding.context(), Trigger.DIRECT, new RunningBatch());
            Object outcome = fetched.outcome(key);
            countUnknown(fetched, outcome == Slot.Marker.ABSENT || outcome instanceof Slot.Failure ? 0 : 1);
            return outcome;
        }
        while (true) {
            Slot<K> slot = batcher.slot(this, binding.context(), key);
            Object outcome = slot.result();
            if (outcome == null) {
                outcome = batcher.await(slot, this); // the batch counts the load
            } else {
                stats.loads(1);
            }
            if (outcome != Slot.Marker.ABANDONED) {
                return outcome;
            }
        }
    }

    /** Loads are counted where it is cheap: by the batch for all who waited for it, else one by one. */
    void countLoads(int loads) {
        stats.loads(loads);
    }

    /** Sets the outcome of each key of the map; the keys are checked. */
    void fill(Map<K, Object> outcomes) {
        Binding binding = Binding.current();
        Batcher batcher = binding.batcher();
        if (batcher == null) {
            stats.loads(outcomes.size());
            Fetched<K, V> fetched =
                    fetch(new ArrayList<>(outcomes.keySet()), binding.context(), Trigger.PEERS, new RunningBatch());
            int values = 0;
            for (Map.Entry<K, Object> entry : outcomes.entrySet()) {
                Object outcome = fetched.outcome(entry.getKey());
                entry.setValue(outcome);
                if (outcome != Slot.Marker.ABSENT && !(outcome instanceof Slot.Failure)) {
                    values++;
                }
            }
            countUnknown(fetched, values);
        } else {
            // All are queued before the first is waited for, so they go together.
            outcomes.keySet().forEach(key -> batcher.slot(this, binding.context(), key));
            outcomes.replaceAll((key, unset) -> outcome(key));
        }
    }

    @SuppressWarnings("unchecked") // outcomes are values of this loader, or marked otherwise
    V valueOf(K key, Object outcome) {
        if (outcome == Slot.Marker.ABSENT) {
            if (whenAbsent == null) {
                throw new LoadException.Missing(
                        name,
                        "loader '" + name + "': no value for key " + key
                                + "; use find(…) where that is normal, or set whenAbsent(…)");
            }
            V value = whenAbsent.apply(key);
            if (value == null) {
                throw new LoadException(name, "loader '" + name + "': whenAbsent returned null for " + key, null);
            }
            return value;
        }
        if (outcome instanceof Slot.Failure failure) {
            // A new one each time, so that the stack shows who waited.
            LoadException error = failure.error();
            throw new LoadException(name, String.valueOf(error.getMessage()), error.getCause());
        }
        return (V) outcome;
    }

    @SuppressWarnings("unchecked") // as above
    Optional<V> optional(Object outcome) {
        if (outcome == Slot.Marker.ABSENT) {
            return Optional.empty();
        }
        if (outcome instanceof Slot.Failure failure) {
            LoadException error = failure.error();
            throw new LoadException(name, String.valueOf(error.getMessage()), error.getCause());
        }
        return Optional.of((V) outcome);
    }

    K check(K key) {
        if (key == null) {
            throw new IllegalArgumentException("loader '" + name + "': a key is null; skip what has no key");
        }
        if (key.getClass().isArray()) {
            throw new IllegalArgumentException("loader '" + name + "': a key is a "
                    + key.getClass().getSimpleName() + "; arrays compare by identity, use a record or a List");
        }
        return key;
    }

    /** Calls the batch function for distinct keys, in parts of {@link #maxBatch}; never throws. */
    Fetched<K, V> fetch(List<K> keys, LoadContext context, Trigger trigger, RunningBatch running) {
        Binding before = Binding.current();
        Binding.set(new Binding(null, context, running));
        try {
            if (keys.size() <= maxBatch) {
                return fetchPart(Collections.unmodifiableList(keys), context, trigger, running);
            }
            Map<K, V> values = new HashMap<>(capacity(keys.size()));
            Map<K, LoadException> errors = new HashMap<>();
            for (int from = 0; from < keys.size(); from += maxBatch) {
                List<K> part = Collections.unmodifiableList(keys.subList(from, Math.min(keys.size(), from + maxBatch)));
                merge(fetchPart(part, context, trigger, running), part, values, errors);
            }
            return new Fetched<>(values, errors, null);
        } finally {
            Binding.set(before);
        }
    }

    private Fetched<K, V> fetchPart(List<K> keys, LoadContext context, Trigger trigger, RunningBatch running) {
        if (!running.begin()) {
            return Fetched.failed(failure(keys.size(), new IllegalStateException("cancelled: nobody waits any more")));
        }
        long start = System.nanoTime();
        try {
            Fetched<K, V> fetched = source.fetch(keys, running);
            stats.batch(trigger, keys.size(), System.nanoTime() - start);
            warnOfTimer(trigger);
            return fetched;
        } catch (Throwable thrown) { // whatever it is, no waiter may be left hanging; each gets it as the cause
            stats.batch(trigger, keys.size(), System.nanoTime() - start);
            stats.failure();
            if (bisect && keys.size() > 1 && context.transaction().isEmpty()) {
                return fetchHalves(keys, context, trigger, running);
            }
            return Fetched.failed(failure(keys.size(), thrown));
        } finally {
            running.end();
        }
    }

    private Fetched<K, V> fetchHalves(List<K> keys, LoadContext context, Trigger trigger, RunningBatch running) {
        Map<K, V> values = new HashMap<>(capacity(keys.size()));
        Map<K, LoadException> errors = new HashMap<>();
        int middle = keys.size() / 2;
        for (List<K> half : List.of(keys.subList(0, middle), keys.subList(middle, keys.size()))) {
            merge(fetchPart(half, context, trigger, running), half, values, errors);
        }
        return new Fetched<>(values, errors, null);
    }

    private static <K, V> void merge(Fetched<K, V> part, List<K> keys, Map<K, V> values, Map<K, LoadException> errors) {
        values.putAll(part.values());
        for (K key : keys) {
            LoadException error = part.values().get(key) == null ? part.error(key) : null;
            if (error != null) {
                errors.put(key, error);
            }
        }
    }

    LoadException failure(int keys, Throwable cause) {
        return new LoadException(
                name,
                "loader '" + name + "': loading " + keys + (keys == 1 ? " key" : " keys") + " failed: " + cause,
                cause);
    }

    /** What was returned beyond the keys that got a value. */
    void countUnknown(Fetched<K, V> fetched, int values) {
        if (values < fetched.values().size()) {
            stats.unknownKeys(fetched.values().size() - values);
        }
    }

    /** At every hundredth batch by timer, if they are too many. */
    private void warnOfTimer(Trigger trigger) {
        if (trigger == Trigger.TIMER) {
            LoaderStats now = stats();
            long timer = now.batches().getOrDefault(Trigger.TIMER, 0L);
            if (timer % 100 == 0 && now.share(Trigger.TIMER) > 0.05) {
                LOG.warn(
                        "loader '{}': {} of {} batches went by the fallback timer, so they were smaller than they could"
                                + " be; move what blocks (another service, a lock) out of the load scope",
                        name,
                        timer,
                        now.totalBatches());
            }
        }
    }

    private static <R> R notNull(@Nullable R returned, String type, List<?> keys) {
        if (returned == null) {
            throw new IllegalStateException("the batch function returned null for " + keys.size()
                    + " keys; return an empty " + type + " if there is nothing");
        }
        return returned;
    }

    private static <K, V> Map<K, V> index(Collection<? extends V> values, Function<? super V, ? extends K> keyOf) {
        Map<K, V> byKey = new HashMap<>(capacity(values.size()));
        for (V value : values) {
            K key = keyOf.apply(value);
            if (byKey.put(key, value) != null) {
                throw new IllegalStateException(
                        "two values for key " + key + "; a one-to-many loader is made by Loader.many or jdbcMany");
            }
        }
        return byKey;
    }

    private static <K, V> Map<K, List<V>> group(
            Collection<? extends V> values, Function<? super V, ? extends K> keyOf, int keys) {
        Map<K, List<V>> byKey = new HashMap<>(capacity(keys));
        for (V value : values) {
            byKey.computeIfAbsent(keyOf.apply(value), key -> new ArrayList<>()).add(value);
        }
        byKey.replaceAll((key, list) -> Collections.unmodifiableList(list));
        return byKey;
    }

    static int capacity(int size) {
        return (int) (size / 0.75f) + 1;
    }
}
