package dev.tenfold.cache;

import dev.tenfold.redis.RedisLink;
import java.time.Duration;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Makes a {@link TieredCache}. Whoever sets nothing gets a correct one: without a remote tier it is a local cache with the
 * same promises.
 *
 * <pre>{@code
 * TieredCache<Long, User> users = TieredCache.<Long, User>builder("users")
 *         .local(l -> l.maximumSize(10_000).expireAfterWrite(ofSeconds(30)))
 *         .remote(redis, Codec.json(User.class), r -> r.expireAfterWrite(ofMinutes(10)))
 *         .staleOnError(ofHours(1))
 *         .build();
 * }</pre>
 *
 * <p>Not thread-safe.
 *
 * @param <K> the keys' type: strings, numbers, UUIDs, enums, records and lists of such, or any with {@link #keys}
 * @param <V> the values' type; values are shared by all who read them, so they should be immutable
 */
public final class CacheBuilder<K, V> {
    private static final Duration LOCAL_TTL_ALONE = Duration.ofMinutes(10);
    private static final Duration LOCAL_TTL_BEFORE_REMOTE = Duration.ofSeconds(30);

    final String name;
    LocalOptions<K, V> local = LocalOptions.defaults();

    @Nullable
    RedisLink link;

    @Nullable
    Codec<V> codec;

    RemoteOptions remote = RemoteOptions.DEFAULT;
    KeyEncoder<K> keys = KeyEncoder.typed();
    Duration maxStaleness = Duration.ofSeconds(5);
    Outage outage = Outage.SERVE;
    int loadsDuringOutage = 64;
    Duration staleOnError = Duration.ZERO;
    Duration retryAfterError = Duration.ofSeconds(1);

    @Nullable
    Duration softTimeout;

    @Nullable
    Duration hardTimeout;

    double refreshAhead = 1;
    Duration negativeTtl = Duration.ofSeconds(10);
    double jitter = 0.1;

    @Nullable
    UnaryOperator<V> copier;

    LongSupplier nanoClock = System::nanoTime;

    CacheBuilder(String name) {
        if (name.isEmpty() || name.contains("{") || name.contains("}")) {
            throw new IllegalArgumentException("a cache's name must have characters, and no braces: \"" + name + "\"");
        }
        this.name = name;
    }

    /**
     * Changes how this node's memory is used.
     *
     * @param options changes the defaults
     * @return this
     */
    public CacheBuilder<K, V> local(UnaryOperator<LocalOptions<K, V>> options) {
        local = Objects.requireNonNull(options.apply(local), "the changed local options");
        return this;
    }

    /**
     * Shares values with other nodes through Redis, and tells each other's invalidations.
     *
     * @param redis stays the caller's to close, after the cache
     * @param newCodec turns values into bytes
     * @return this
     */
    public CacheBuilder<K, V> remote(RedisLink redis, Codec<V> newCodec) {
        return remote(redis, newCodec, UnaryOperator.identity());
    }

    /**
     * As {@link #remote(RedisLink, Codec)}, with options.
     *
     * @param redis stays the caller's to close, after the cache
     * @param newCodec turns values into bytes
     * @param options changes the defaults
     * @return this
     */
    public CacheBuilder<K, V> remote(RedisLink redis, Codec<V> newCodec, UnaryOperator<RemoteOptions> options) {
        link = Objects.requireNonNull(redis, "redis");
        codec = Objects.requireNonNull(newCodec, "codec");
        remote = Objects.requireNonNull(options.apply(remote), "the changed remote options");
        return this;
    }

    /**
     * How keys become bytes, for types that the cache cannot encode by itself.
     *
     * @param encode different keys have different bytes, 64 KiB at most
     * @param decode undoes it
     * @return this
     */
    public CacheBuilder<K, V> keys(Function<? super K, byte[]> encode, Function<byte[], ? extends K> decode) {
        keys = KeyEncoder.custom(
                Objects.requireNonNull(encode, "encode"),
                Objects.requireNonNull(decode, "decode"),
                KeyEncoder.MOST_BYTES);
        return this;
    }

    /**
     * How long this node may serve local entries without proof that no other node has invalidated them. In the normal case
     * an invalidation arrives within a round trip; this is the bound when the network fails.
     *
     * @param bound 50 ms or more; default 5 s
     * @return this
     */
    public CacheBuilder<K, V> maxStaleness(Duration bound) {
        if (positive("maxStaleness", bound).toMillis() < 50) {
            throw new IllegalArgumentException("maxStaleness " + bound
                    + " is below 50 ms, less than a heartbeat takes on a busy network; raise it, or read without a local"
                    + " tier");
        }
        maxStaleness = bound;
        return this;
    }

    /**
     * What local entries are good for when Redis is away for longer than {@link #maxStaleness}.
     *
     * @param policy the default is {@link Outage#SERVE}
     * @return this
     */
    public CacheBuilder<K, V> onOutage(Outage policy) {
        outage = Objects.requireNonNull(policy, "policy");
        return this;
    }

    /**
     * How many loads run at once while Redis is away, so that the database is not asked for all that Redis answered before.
     *
     * @param loads 1 or more; default 64
     * @return this
     */
    public CacheBuilder<K, V> loadsDuringOutage(int loads) {
        if (loads < 1) {
            throw new IllegalArgumentException("loadsDuringOutage " + loads + " must be at least 1");
        }
        loadsDuringOutage = loads;
        return this;
    }

    /**
     * How long beyond its time a value may still be returned if its load fails (or, with {@link #softTimeout}, takes long).
     * Never an invalidated one; nor, with {@link Outage#BYPASS}, one that may be, as there is no proof for {@link #maxStaleness}.
     *
     * @param bound zero turns it off, which is the default; 31 days at most, together with the value's time
     * @return this
     */
    public CacheBuilder<K, V> staleOnError(Duration bound) {
        if (bound.isNegative() || bound.compareTo(TieredCache.LONGEST_LIFE) > 0) {
            throw new IllegalArgumentException("staleOnError " + bound + " must be 0 to 31 days");
        }
        staleOnError = bound;
        return this;
    }

    /**
     * How long readers wait for a load if there is a value past its time to return instead. The load goes on.
     *
     * @param timeout more than zero; by default they wait for the load. Needs {@link #staleOnError}
     * @return this
     */
    public CacheBuilder<K, V> softTimeout(Duration timeout) {
        softTimeout = positive("softTimeout", timeout);
        return this;
    }

    /**
     * How long readers wait for a load at all, before they get {@link CacheException.TimedOut}. The load goes on. For a load of
     * another node they wait half of it at most, as that node may be dead; then this one loads, and keeps the value nowhere.
     *
     * @param timeout more than zero; by default they wait for the load
     * @return this
     */
    public CacheBuilder<K, V> hardTimeout(Duration timeout) {
        hardTimeout = positive("hardTimeout", timeout);
        return this;
    }

    /**
     * At which part of a value's time a read starts to load the next one in the background. Values that take long to load
     * begin earlier, by chance and in proportion, so that nodes take turns ("XFetch", Vattani et al., VLDB 2015).
     *
     * @param part above 0, up to 1, which is the default and turns it off
     * @return this
     */
    public CacheBuilder<K, V> refreshAhead(double part) {
        if (!(part > 0 && part <= 1)) {
            throw new IllegalArgumentException("refreshAhead " + part + " must be above 0 and at most 1");
        }
        refreshAhead = part;
        return this;
    }

    /**
     * How long it is remembered that a key has no value (that the loader returned null).
     *
     * @param newTtl zero turns it off; default 10 s, and never longer than values live
     * @return this
     */
    public CacheBuilder<K, V> negativeTtl(Duration newTtl) {
        if (newTtl.isNegative()) {
            throw new IllegalArgumentException("negativeTtl " + newTtl + " must not be negative");
        }
        negativeTtl = newTtl;
        return this;
    }

    /**
     * Copies each value that is returned, for values that callers modify. Costs what the copy costs, on every read.
     *
     * @param newCopier returns an equal value that shares nothing that can change
     * @return this
     */
    public CacheBuilder<K, V> copyOnRead(UnaryOperator<V> newCopier) {
        copier = Objects.requireNonNull(newCopier, "copier");
        return this;
    }

    /**
     * What time is told by on this node, for tests that do not want to wait. Redis has its own.
     *
     * @param clock as {@link System#nanoTime}, which is the default
     * @return this
     */
    public CacheBuilder<K, V> nanoClock(LongSupplier clock) {
        nanoClock = Objects.requireNonNull(clock, "clock");
        return this;
    }

    /** For tests: times without chance. */
    CacheBuilder<K, V> withoutJitter() {
        jitter = 0;
        return this;
    }

    /**
     * The cache. With a remote tier this blocks for one round trip at most; it succeeds also while Redis is away.
     *
     * @return a new cache; close it
     * @throws IllegalArgumentException if settings contradict each other
     */
    public TieredCache<K, V> build() {
        if (softTimeout != null && staleOnError.isZero()) {
            throw new IllegalArgumentException("softTimeout " + softTimeout
                    + " returns a value past its time, and staleOnError is off; set staleOnError(…)");
        }
        if (softTimeout != null && hardTimeout != null && softTimeout.compareTo(hardTimeout) >= 0) {
            throw new IllegalArgumentException(
                    "softTimeout " + softTimeout + " must be below hardTimeout " + hardTimeout);
        }
        TieredCache<K, V> cache = new TieredCache<>(this);
        cache.start();
        return cache;
    }

    /**
     * The cache with a loader of its own.
     *
     * @param loader loads any key
     * @return a new cache; close it
     * @throws IllegalArgumentException if settings contradict each other
     */
    public LoadingCache<K, V> build(LoadFunction<K, V> loader) {
        return new LoadingCache<>(build(), Objects.requireNonNull(loader, "loader"));
    }

    Duration localTtl() {
        if (link == null) {
            return local.ttl == null ? LOCAL_TTL_ALONE : local.ttl;
        }
        Duration ttl = local.ttl == null ? LOCAL_TTL_BEFORE_REMOTE : local.ttl;
        return ttl.compareTo(remote.ttl) < 0 ? ttl : remote.ttl;
    }

    static Duration positive(String knob, Duration value) {
        if (value.isZero() || value.isNegative()) {
            throw new IllegalArgumentException(knob + " " + value + " must be more than zero");
        }
        if (value.toDays() > 36_500) {
            throw new IllegalArgumentException(knob + " " + value + " is more than a hundred years");
        }
        return value;
    }

    /** For what Redis keeps, which counts milliseconds. */
    static Duration atLeastMilli(String knob, Duration value) {
        if (positive(knob, value).toMillis() < 1) {
            throw new IllegalArgumentException(knob + " " + value + " must be at least 1 ms");
        }
        return value;
    }

    static void checkTag(String tag) {
        if (tag.isEmpty()) {
            throw new IllegalArgumentException("a tag is empty");
        }
        int bytes = Utf8.length(tag);
        if (bytes < 0) {
            throw new IllegalArgumentException("a tag has half a surrogate pair, which no other node could read");
        }
        if (bytes > Envelope.MOST_TAG_BYTES) {
            throw new IllegalArgumentException("a tag has more than 65,535 bytes: " + tag.substring(0, 40) + "…");
        }
    }
}
