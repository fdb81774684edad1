package dev.tenfold.cache;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;

/**
 * Names the moment of an invalidation, so that another node can be asked for a value from after it:
 * {@link TieredCache#get(Object, Function, Stamp)}. Immutable, thread-safe.
 *
 * <p>Send it along as text, in a cookie or a message: {@link #toString} and {@link #parse}.
 */
public final class Stamp {
    private static final int BYTES = 2 + 3 * Long.BYTES;

    private final List<Part> parts;
    private final boolean delivered;

    /** The number of the invalidation in one shard's journal. */
    record Part(int shard, Shard.Epoch epoch, long number) {}

    Stamp(List<Part> parts, boolean delivered) {
        this.parts = List.copyOf(parts);
        this.delivered = delivered;
    }

    /**
     * Whether Redis has acknowledged the invalidation. If not, this node has applied it, and delivers it once Redis is back.
     *
     * @return true always without a remote tier
     */
    public boolean isDelivered() {
        return delivered;
    }

    /** Whether a node that has applied what this shard has may use its local entries. */
    boolean isCoveredBy(Shard shard) {
        for (Part part : parts) {
            if (part.shard == shard.index && (!part.epoch.equals(shard.epoch()) || part.number > shard.applied())) {
                return false;
            }
        }
        return delivered;
    }

    /**
     * The stamp of a text.
     *
     * @param text what {@link #toString} returned, here or elsewhere
     * @return the stamp
     * @throws IllegalArgumentException if it is no such text
     */
    public static Stamp parse(String text) {
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("not a stamp: its text has characters that no stamp has", e);
        }
        if (bytes.length % BYTES != 1 || bytes[0] < 0 || bytes[0] > 1) {
            throw new IllegalArgumentException("not a stamp: its text was cut, or is something else");
        }
        ByteBuffer in = ByteBuffer.wrap(bytes, 1, bytes.length - 1);
        List<Part> parts = new ArrayList<>();
        while (in.hasRemaining()) {
            parts.add(new Part(in.getShort(), new Shard.Epoch(in.getLong(), in.getLong()), in.getLong()));
        }
        return new Stamp(parts, bytes[0] == 1);
    }

    /** Letters, digits, minus and underscore: 36 characters for one key. */
    @Override
    public String toString() {
        ByteBuffer out = ByteBuffer.allocate(1 + parts.size() * BYTES).put((byte) (delivered ? 1 : 0));
        for (Part part : parts) {
            out.putShort((short) part.shard)
                    .putLong(part.epoch.high())
                    .putLong(part.epoch.low())
                    .putLong(part.number);
        }
        return Base64.getUrlEncoder().withoutPadding().encodeToString(out.array());
    }
}
