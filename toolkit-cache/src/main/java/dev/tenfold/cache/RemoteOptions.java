package dev.tenfold.cache;

import java.time.Duration;
import java.util.Objects;

/**
 * How the remote tier of a {@link TieredCache} behaves. Immutable: each method returns changed options. All nodes of a
 * cache must agree on {@link #prefix} and {@link #shards}.
 *
 * <pre>{@code
 * .remote(redis, Codec.json(User.class), r -> r.expireAfterWrite(ofMinutes(10)))
 * }</pre>
 */
public final class RemoteOptions {
    static final RemoteOptions DEFAULT =
            new RemoteOptions(Duration.ofMinutes(10), "tenfold:", 0, Duration.ofSeconds(10), 1 << 20, 1_024, 1_000);

    final Duration ttl;
    final String prefix;
    final int shards;
    final Duration lease;
    final int largest;
    final int compressAbove;
    final int journal;

    private RemoteOptions(
            Duration ttl, String prefix, int shards, Duration lease, int largest, int compressAbove, int journal) {
        this.ttl = ttl;
        this.prefix = prefix;
        this.shards = shards;
        this.lease = lease;
        this.largest = largest;
        this.compressAbove = compressAbove;
        this.journal = journal;
    }

    /**
     * How long a value is fresh in Redis. Random jitter takes up to a tenth off.
     *
     * @param newTtl more than zero; default 10 min
     * @return changed options
     */
    public RemoteOptions expireAfterWrite(Duration newTtl) {
        return new RemoteOptions(
                CacheBuilder.positive("remote expireAfterWrite", newTtl),
                prefix,
                shards,
                lease,
                largest,
                compressAbove,
                journal);
    }

    /**
     * What the names of all keys in Redis begin with.
     *
     * @param newPrefix without braces; default {@code tenfold:}
     * @return changed options
     */
    public RemoteOptions prefix(String newPrefix) {
        if (newPrefix.contains("{") || newPrefix.contains("}")) {
            throw new IllegalArgumentException(
                    "prefix " + newPrefix + " has a brace, which the cache's own hash tag needs");
        }
        return new RemoteOptions(
                ttl, Objects.requireNonNull(newPrefix, "prefix"), shards, lease, largest, compressAbove, journal);
    }

    /**
     * Over how many hash tags the keys are spread: what lets a Redis Cluster use all of its nodes. Each has a journal of its
     * own, and a heartbeat a second.
     *
     * @param count 1 to 1,024; default 1, in a cluster 16
     * @return changed options
     */
    public RemoteOptions shards(int count) {
        if (count < 1 || count > 1_024) {
            throw new IllegalArgumentException("shards " + count + " must be 1 to 1,024");
        }
        return new RemoteOptions(ttl, prefix, count, lease, largest, compressAbove, journal);
    }

    /**
     * How long one node may load a key on behalf of all. If it has not stored a value by then, as when it crashed, another
     * one loads; so does a node that has waited that long, or for half of {@link CacheBuilder#hardTimeout}, for itself alone.
     *
     * @param newLease longer than nearly all loads take; default 10 s
     * @return changed options
     */
    public RemoteOptions lease(Duration newLease) {
        return new RemoteOptions(
                ttl, prefix, shards, CacheBuilder.atLeastMilli("lease", newLease), largest, compressAbove, journal);
    }

    /**
     * Larger values are kept locally only, since one of them would hold up the connection that all share.
     *
     * @param bytes as encoded and compressed, 1 or more; default 1 MiB
     * @return changed options
     */
    public RemoteOptions largestValue(int bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("largestValue " + bytes + " must be at least 1 byte");
        }
        return new RemoteOptions(ttl, prefix, shards, lease, bytes, compressAbove, journal);
    }

    /**
     * Encoded values of more bytes are compressed by LZ4, if that optional library ({@code at.yawk.lz4:lz4-java}) is there
     * and saves a tenth.
     *
     * @param bytes zero or more; default 1,024
     * @return changed options
     */
    public RemoteOptions compressAbove(int bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("compressAbove " + bytes + " must not be negative");
        }
        return new RemoteOptions(ttl, prefix, shards, lease, largest, bytes, journal);
    }

    /**
     * How many invalidations a node may miss and still be told of each; one that missed more forgets all local entries.
     *
     * @param messages about so many are kept for each shard, 1 or more; default 1,000
     * @return changed options
     */
    public RemoteOptions journal(int messages) {
        if (messages < 1) {
            throw new IllegalArgumentException("journal " + messages + " must be at least 1");
        }
        return new RemoteOptions(ttl, prefix, shards, lease, largest, compressAbove, messages);
    }
}
