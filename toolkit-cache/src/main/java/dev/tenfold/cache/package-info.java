/**
 * A two-tier cache that never serves what was invalidated.
 *
 * <p>The public types, in the order to read them:
 *
 * <ol>
 *   <li>{@link dev.tenfold.cache.TieredCache}: reads and invalidates
 *   <li>{@link dev.tenfold.cache.CacheBuilder}: makes one; every setting and its default
 *   <li>{@link dev.tenfold.cache.LocalOptions}: how this node's memory is used
 *   <li>{@link dev.tenfold.cache.RemoteOptions}: how Redis is used
 *   <li>{@link dev.tenfold.cache.LoadFunction}: loads a value
 *   <li>{@link dev.tenfold.cache.LoadOptions}: what a loader may say of it
 *   <li>{@link dev.tenfold.cache.LoadingCache}: a cache with a loader of its own
 *   <li>{@link dev.tenfold.cache.Stamp}: names the moment of an invalidation
 *   <li>{@link dev.tenfold.cache.Outage}: what local entries are good for while Redis is away
 *   <li>{@link dev.tenfold.cache.CacheException}: how reads fail
 *   <li>{@link dev.tenfold.cache.Codec}: turns values into bytes for the remote tier, and back
 *   <li>{@link dev.tenfold.cache.JacksonCodec}: values as JSON, by Jackson 2, an optional dependency
 *   <li>{@link dev.tenfold.cache.Jackson3Codec}: values as JSON, by Jackson 3, an optional dependency
 *   <li>{@link dev.tenfold.cache.PostgresInvalidations}: forgets what others have changed in PostgreSQL, whose driver is an
 *       optional dependency
 *   <li>{@link dev.tenfold.cache.CacheStats}: what a cache did
 *   <li>{@link dev.tenfold.cache.CacheMetrics}: the same for Micrometer, an optional dependency
 * </ol>
 *
 * <p>One read, followed through the private types: {@code LocalTier} has the entry, or a {@code Flight} is shared by all who
 * ask, whose {@code Load} looks into the {@code RemoteTier} and calls the loader; {@code Journal} hears of other nodes'
 * invalidations, and knows when it does not. One remote entry: {@code KeyEncoder} makes the key's bytes, a codec the
 * value's, {@code Envelope} puts times, tags and checksums around them.
 */
@NullMarked
package dev.tenfold.cache;

import org.jspecify.annotations.NullMarked;
