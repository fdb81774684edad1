package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.redis.RedisLink;
import io.lettuce.core.KeyValue;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiFunction;
import java.util.function.ToIntFunction;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Step four of a read: the entries in Redis, and the protocol that keeps late values out of them.
 *
 * <pre>
 *              lease                     fill (still the same lease)
 *   empty ─────────────▶ L token ─────────────────────────────────────▶ value
 *     ▲                    │                                            │   │ fill (still the same value)
 *     └──── invalidate ────┴──────────────── invalidate ────────────────┘   └──▶ newer value
 *   any ── mutate begins ──▶ F writers ── last writer ends, or the guard runs out ──▶ empty
 * </pre>
 *
 * <p>A value is stored only over the lease that was taken, or the value that was seen, before its load. An invalidation
 * empties the slot, so whatever was loaded before it finds something else there, and is refused.
 *
 * <p>All methods take one round trip, unless they say otherwise, and fail as {@link RedisLink#call} does. Thread-safe.
 */
final class RemoteTier<V> {
    private static final int LEASE_BYTES = 17;
    private static final int MOST_BYTES_A_SCRIPT = 1 << 20;
    private static final SecureRandom SECURE = new SecureRandom();

    final RedisLink link;
    final RemoteOptions options;
    final Codec<V> codec;
    final int shards;
    final byte[] channel;
    final long origin = SECURE.nextLong();
    private final String name;
    private final byte[] schema;
    private final Names[] names;

    /** The names of one shard's keys. */
    private static final class Names {
        final byte[] slots;
        final byte[] ownSlots;
        final byte[] refreshes;
        final byte[] tags;
        final byte[] schemas;
        final byte[][] control;
        final byte[] chars;

        Names(String prefix, int schema, int index) {
            String tagged = prefix + "." + index + "}:";
            slots = (tagged + "e:").getBytes(UTF_8);
            ownSlots = (tagged + "e:" + schema + ":").getBytes(UTF_8);
            refreshes = (tagged + "r:" + schema + ":").getBytes(UTF_8);
            tags = (tagged + "t:").getBytes(UTF_8);
            schemas = (tagged + "schemas").getBytes(UTF_8);
            control = new byte[][] {
                (tagged + "epoch").getBytes(UTF_8),
                (tagged + "seq").getBytes(UTF_8),
                (tagged + "log").getBytes(UTF_8),
                schemas,
                (tagged + "clear").getBytes(UTF_8)
            };
            chars = Message.shardChars(index);
        }
    }

    /** What a slot holds. */
    sealed interface Held {
        /** Nothing. */
        enum Nothing implements Held {
            NOTHING
        }

        /** A value that can be read; whether it may be served is for the reader to judge. */
        record Value(Envelope envelope) implements Held {}

        /** Another node, or another thread of this one, is loading. */
        @SuppressWarnings("ArrayRecordComponent") // never compared
        record Lease(byte[] token) implements Held {}

        /** A writer is at it. */
        enum Fence implements Held {
            FENCE
        }

        /** Bytes that mean nothing here: damaged, or of another version. */
        @SuppressWarnings("ArrayRecordComponent") // never compared
        record Garbage(byte[] prefix) implements Held {}
    }

    RemoteTier(String name, RedisLink link, Codec<V> codec, RemoteOptions options) {
        this.name = name;
        this.link = link;
        this.codec = codec;
        this.options = options;
        this.shards = options.shards > 0 ? options.shards : link.isCluster() ? 16 : 1;
        this.schema = Integer.toString(codec.schema()).getBytes(UTF_8);
        String prefix = options.prefix + "{" + name;
        this.channel = (options.prefix + "{" + name + "}:channel").getBytes(UTF_8);
        this.names = new Names[shards];
        for (int i = 0; i < shards; i++) {
            names[i] = new Names(prefix, codec.schema(), i);
        }
    }

    int shardOf(byte[] key) {
        if (shards == 1) {
            return 0;
        }
        CRC32 crc = new CRC32();
        crc.update(key);
        return (int) (crc.getValue() % shards);
    }

    // ---- one entry --------------------------------------------------------------------------------------------------

    CompletableFuture<byte[]> get(int shard, byte[] key) {
        byte[] slot = slot(shard, key);
        return link.call(redis -> redis.get(slot));
    }

    /** One round trip for all, in a cluster one a node at the same time; in the keys' order. */
    CompletableFuture<List<byte[]>> getAll(List<byte[]> keys) {
        byte[][] slots = new byte[keys.size()][];
        for (int i = 0; i < slots.length; i++) {
            byte[] key = keys.get(i);
            slots[i] = slot(shardOf(key), key);
        }
        return link.call(redis -> redis.mget(slots)).thenApply(found -> {
            List<byte[]> values = new ArrayList<>(found.size());
            for (KeyValue<byte[], byte[]> each : found) {
                values.add(each.getValueOrElse(null));
            }
            return values;
        });
    }

    /**
     * A slot to be leased.
     *
     * @param token of {@link #newLease}
     * @param worthless what the slot may begin with all the same; empty if it must be empty
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Ask(int shard, byte[] key, byte[] token, byte[] worthless) {}

    /** Takes leases; each reply is null if it is ours, else what the slot holds. One round trip for all of a shard. */
    List<CompletableFuture<byte @Nullable []>> leaseAll(List<Ask> asks) {
        return inChunks(asks, Ask::shard, ask -> 0, (shard, some) -> {
            byte[][] slots = new byte[1 + some.size()][];
            byte[][] args = new byte[2 + 2 * some.size()][];
            slots[0] = names[shard].schemas;
            args[0] = decimal(options.lease.toMillis());
            args[1] = schema;
            for (int i = 0; i < some.size(); i++) {
                Ask ask = some.get(i);
                slots[1 + i] = slot(shard, ask.key());
                args[2 + 2 * i] = ask.token();
                args[3 + 2 * i] = ask.worthless();
            }
            return link.eval(Scripts.LEASE, slots, args);
        });
    }

    /** Takes the right to refresh a value that stays where it is meanwhile; null if somebody else has it. */
    CompletableFuture<@Nullable String> leaseRefresh(int shard, byte[] key, byte[] token) {
        byte[] refresh = concat(names[shard].refreshes, key);
        return link.call(redis ->
                redis.set(refresh, token, io.lettuce.core.SetArgs.Builder.nx().px(options.lease.toMillis())));
    }

    /** Asks the holder of a lease to wake this node; false if it is gone. */
    CompletableFuture<Long> mark(int shard, byte[] key, byte[] token) {
        return link.eval(Scripts.MARK, new byte[][] {slot(shard, key)}, token);
    }

    /**
     * A value to be stored, or a lease to be given back.
     *
     * @param expected what the slot must begin with
     * @param payload empty to give the lease back
     * @param millis how long Redis keeps it
     * @param refreshToken empty if there was no refresh
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Fill(int shard, byte[] key, byte[] expected, byte[] payload, long millis, byte[] refreshToken) {
        boolean givesBack() {
            return payload.length == 0;
        }
    }

    /** Fills slots; each reply is 1 if it was stored or given back, 0 if it came too late. */
    List<CompletableFuture<Long>> fillAll(List<Fill> fills) {
        return inChunks(fills, Fill::shard, fill -> fill.payload().length, (shard, some) -> {
            byte[][] slots = new byte[2 * some.size()][];
            byte[][] args = new byte[1 + 5 * some.size()][];
            args[0] = channel;
            for (int i = 0; i < some.size(); i++) {
                Fill fill = some.get(i);
                slots[2 * i] = slot(shard, fill.key());
                slots[2 * i + 1] = concat(names[shard].refreshes, fill.key());
                args[5 * i + 1] = fill.expected();
                args[5 * i + 2] = fill.payload();
                args[5 * i + 3] = decimal(Math.max(1, fill.millis()));
                args[5 * i + 4] = fill.refreshToken();
                args[5 * i + 5] = Message.wake(shard, fill.key());
            }
            return link.eval(Scripts.FILL, slots, args);
        });
    }

    /**
     * Sends what belongs to one shard together, as much as a script may take, and gives each item its own reply.
     *
     * @param <T> of items
     * @param <R> of replies
     */
    @SuppressWarnings("unchecked") // what the script's text says
    private static <T, R extends @Nullable Object> List<CompletableFuture<R>> inChunks(
            List<T> items,
            ToIntFunction<T> shardOf,
            ToIntFunction<T> bytesOf,
            BiFunction<Integer, List<T>, CompletableFuture<List<Object>>> send) {
        List<CompletableFuture<R>> replies = new ArrayList<>(items.size());
        items.forEach(item -> replies.add(new CompletableFuture<>()));
        Map<Integer, List<Integer>> byShard = new LinkedHashMap<>();
        for (int i = 0; i < items.size(); i++) {
            byShard.computeIfAbsent(shardOf.applyAsInt(items.get(i)), shard -> new ArrayList<>())
                    .add(i);
        }
        byShard.forEach((shard, places) -> {
            int from = 0;
            int bytes = 0;
            for (int to = 1; to <= places.size(); to++) {
                bytes += bytesOf.applyAsInt(items.get(places.get(to - 1)));
                if (to == places.size()
                        || to - from == TieredCache.MOST_KEYS_A_SCRIPT
                        || bytes >= MOST_BYTES_A_SCRIPT) {
                    List<Integer> some = places.subList(from, to);
                    from = to;
                    bytes = 0;
                    CompletableFuture<?> unused = send.apply(
                                    shard, some.stream().map(items::get).toList())
                            .whenComplete((reply, failed) -> {
                                for (int i = 0; i < some.size(); i++) {
                                    CompletableFuture<R> one = replies.get(some.get(i));
                                    if (failed != null) {
                                        one.completeExceptionally(failed);
                                    } else {
                                        one.complete((R) reply.get(i));
                                    }
                                }
                            });
                }
            }
        });
        return replies;
    }

    Held read(byte @Nullable [] bytes) {
        if (bytes == null || bytes.length == 0) {
            return Held.Nothing.NOTHING;
        }
        if (bytes[0] == 'L' && bytes.length >= LEASE_BYTES && bytes.length <= LEASE_BYTES + 1) {
            return new Held.Lease(Arrays.copyOf(bytes, LEASE_BYTES));
        }
        if (bytes[0] == 'F' && bytes.length % 16 == 1) {
            return Held.Fence.FENCE;
        }
        Envelope envelope = Envelope.read(bytes, codec.schema(), codec.id());
        return envelope == null ? new Held.Garbage(prefix(bytes)) : new Held.Value(envelope);
    }

    static byte[] prefix(byte[] bytes) {
        return Arrays.copyOf(bytes, Math.min(bytes.length, Envelope.PREFIX));
    }

    static byte[] prefix(long idHigh, long idLow) {
        return ByteBuffer.allocate(Envelope.PREFIX)
                .put(Envelope.MAGIC)
                .put(Envelope.FORMAT)
                .putLong(idHigh)
                .putLong(idLow)
                .array();
    }

    static byte[] newLease() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return ByteBuffer.allocate(LEASE_BYTES)
                .put((byte) 'L')
                .putLong(random.nextLong())
                .putLong(random.nextLong())
                .array();
    }

    static byte[] newId() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return ByteBuffer.allocate(16)
                .putLong(random.nextLong())
                .putLong(random.nextLong())
                .array();
    }

    // ---- invalidations ----------------------------------------------------------------------------------------------

    /** Drops or expires keys of one shard. Costs one round trip, whatever their number; a few hundred at most. */
    CompletableFuture<List<Object>> invalidate(int shard, char op, List<byte[]> keys) {
        byte[][] args = invalidation(shard, op, keys, Duration.ZERO, 9 + keys.size());
        for (int i = 0; i < keys.size(); i++) {
            args[9 + i] = keys.get(i);
        }
        return link.eval(Scripts.INVALIDATE, names[shard].control, args);
    }

    /** @param remembered how long an entry can live that was stored before */
    CompletableFuture<List<Object>> invalidateTag(int shard, String tag, Duration remembered) {
        byte[] item = Message.tag(tag);
        byte[][] keys = Arrays.copyOf(names[shard].control, 6);
        keys[5] = concat(names[shard].tags, item);
        return link.eval(Scripts.INVALIDATE, keys, invalidation(shard, Message.TAG, List.of(item), remembered, 9));
    }

    CompletableFuture<List<Object>> clear(int shard) {
        return link.eval(
                Scripts.INVALIDATE,
                names[shard].control,
                invalidation(shard, Message.CLEAR, List.of(), Duration.ZERO, 9));
    }

    private byte[][] invalidation(int shard, char op, List<byte[]> items, Duration remembered, int size) {
        byte[][] args = new byte[size][];
        args[0] = newId();
        args[1] = channel;
        args[2] = names[shard].chars;
        args[3] = body(op, items);
        args[4] = decimal(options.journal);
        args[5] = decimal(Math.max(1, remembered.toMillis()));
        args[6] = names[shard].slots;
        args[7] = newId();
        args[8] = schema;
        return args;
    }

    CompletableFuture<List<Object>> fence(int shard, byte[] key, byte[] writer, boolean begin, Duration guard) {
        return link.eval(
                Scripts.FENCE,
                names[shard].control,
                newId(),
                channel,
                names[shard].chars,
                body(begin ? Message.FENCED : Message.DROP, List.of(key)),
                decimal(options.journal),
                (begin ? "begin" : "end").getBytes(UTF_8),
                names[shard].slots,
                key,
                writer,
                decimal(guard.toMillis()),
                schema);
    }

    private byte[] body(char op, List<byte[]> items) {
        return new Message(op, origin, ThreadLocalRandom.current().nextLong(), items).body();
    }

    /** The number of the last invalidation of each tag, 0 for those that none is known of. */
    CompletableFuture<List<Long>> tagNumbers(int shard, List<String> tags) {
        byte[][] keys = new byte[tags.size()][];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = concat(names[shard].tags, Message.tag(tags.get(i)));
        }
        return link.call(redis -> redis.mget(keys)).thenApply(found -> {
            List<Long> numbers = new ArrayList<>(found.size());
            for (KeyValue<byte[], byte[]> each : found) {
                numbers.add(each.hasValue() ? Long.parseLong(new String(each.getValue(), UTF_8)) : 0);
            }
            return numbers;
        });
    }

    CompletableFuture<List<Object>> sync(int shard, long applied, int most, Shard.Epoch abandoned) {
        return link.eval(
                Scripts.SYNC,
                names[shard].control,
                newId(),
                decimal(applied),
                decimal(most),
                schema,
                Message.bytes(abandoned));
    }

    private byte[] slot(int shard, byte[] key) {
        return concat(names[shard].ownSlots, key);
    }

    static byte[] concat(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    static byte[] decimal(long number) {
        return Long.toString(number).getBytes(UTF_8);
    }

    @Override
    public String toString() {
        return "cache " + name;
    }
}
