package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.function.LongSupplier;

/**
 * How a {@link RateLimiter} names, bounds and shares what it counts. Immutable: each method returns changed options.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.redis(link, o -> o.prefix("shop:").secret(secret).nodes(4));
 * }</pre>
 */
public final class RateLimiterOptions {
    /** The longest time for which a refusal is answered without asking Redis again: {@value} ms. */
    public static final int LONGEST_DENIAL_MILLIS = 1_000;

    static final RateLimiterOptions DEFAULT = new RateLimiterOptions(
            "tenfold:",
            "tenfold-ratelimit".getBytes(US_ASCII),
            100_000,
            1,
            true,
            System::nanoTime,
            RateLimitListener.NONE);

    final String prefix;
    final byte[] secret;
    final int maxKeys;
    final int nodes;
    final boolean denialCache;
    final LongSupplier nanoClock;
    final RateLimitListener listener;

    private RateLimiterOptions(
            String prefix,
            byte[] secret,
            int maxKeys,
            int nodes,
            boolean denialCache,
            LongSupplier nanoClock,
            RateLimitListener listener) {
        this.prefix = prefix;
        this.secret = secret;
        this.maxKeys = maxKeys;
        this.nodes = nodes;
        this.denialCache = denialCache;
        this.nanoClock = nanoClock;
        this.listener = listener;
    }

    /**
     * What the names of all keys on Redis begin with. Limiters with the same prefix and secret share what they count.
     *
     * @param prefix up to 64 printable ASCII characters without braces; default {@code tenfold:}
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public RateLimiterOptions prefix(String prefix) {
        if (prefix.length() > 64 || prefix.chars().anyMatch(c -> c <= ' ' || c > '~' || c == '{' || c == '}')) {
            throw new IllegalArgumentException(
                    "prefix \"" + prefix + "\" must be up to 64 printable ASCII characters, without blanks and braces");
        }
        return new RateLimiterOptions(prefix, secret, maxKeys, nodes, denialCache, nanoClock, listener);
    }

    /**
     * The secret of the digest that stands for a key on Redis. Without one of your own, who can read Redis can find out by
     * trying which users have been counted. All nodes need the same; a new one starts all limits anew.
     *
     * @param secret at least 16 bytes; copied
     * @return changed options
     * @throws IllegalArgumentException if it is shorter
     */
    public RateLimiterOptions secret(byte[] secret) {
        if (secret.length < 16) {
            throw new IllegalArgumentException(
                    "the secret has " + secret.length + " bytes; give at least 16, from a random generator");
        }
        return new RateLimiterOptions(prefix, secret.clone(), maxKeys, nodes, denialCache, nanoClock, listener);
    }

    /**
     * Keys that this node keeps in memory: all that a {@link RateLimiter#local() local} limiter counts. When so many are in
     * use, further keys share a few buckets until others are full again and leave: nothing in use is ever thrown out, so
     * that no flood of keys refills a bucket. About 200 bytes a key. With Redis, those that are coalesced, leased or known
     * to be refused; the least used are forgotten.
     *
     * @param keys 1,000 to 10,000,000; default 100,000
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public RateLimiterOptions maxKeys(int keys) {
        if (keys < 1_000 || keys > 10_000_000) {
            throw new IllegalArgumentException("maxKeys " + keys + " must be from 1,000 to 10,000,000");
        }
        return new RateLimiterOptions(prefix, secret, keys, nodes, denialCache, nanoClock, listener);
    }

    /**
     * By how many a limit is divided at least in an outage under {@link Outage#LOCAL}. The nodes that are there are counted
     * while Redis answers; this is for those that start during an outage, and know of no others.
     *
     * @param atLeast 1 to 10,000; default 1; give the number of nodes that you usually run
     * @return changed options
     * @throws IllegalArgumentException for anything else
     */
    public RateLimiterOptions nodes(int atLeast) {
        if (atLeast < 1 || atLeast > 10_000) {
            throw new IllegalArgumentException("nodes " + atLeast + " must be from 1 to 10,000");
        }
        return new RateLimiterOptions(prefix, secret, maxKeys, atLeast, denialCache, nanoClock, listener);
    }

    /**
     * Whether refusals are remembered: who has been refused is refused again without asking Redis until a token can be
     * there, {@value #LONGEST_DENIAL_MILLIS} ms at most. A {@link RateLimiter#refund refund} or {@link RateLimiter#reset
     * reset} by another node is noticed only after that.
     *
     * @param remembered default true
     * @return changed options
     */
    public RateLimiterOptions denialCache(boolean remembered) {
        return new RateLimiterOptions(prefix, secret, maxKeys, nodes, remembered, nanoClock, listener);
    }

    /**
     * The clock of limits in this node's memory, of leases and of remembered refusals. On Redis, its own clock counts.
     *
     * @param nanoClock like {@link System#nanoTime}, the default; must not go back
     * @return changed options
     */
    public RateLimiterOptions nanoClock(LongSupplier nanoClock) {
        return new RateLimiterOptions(prefix, secret, maxKeys, nodes, denialCache, nanoClock, listener);
    }

    /**
     * Hears of refusals, for logs and audits.
     *
     * @param listener called on the threads that call the limiter
     * @return changed options
     */
    public RateLimiterOptions listener(RateLimitListener listener) {
        return new RateLimiterOptions(prefix, secret, maxKeys, nodes, denialCache, nanoClock, listener);
    }

    /** For messages; the secret does not show. */
    @Override
    public String toString() {
        return "prefix " + prefix + ", maxKeys " + maxKeys + ", nodes " + nodes;
    }

    byte[] prefixBytes() {
        return prefix.getBytes(UTF_8);
    }
}
