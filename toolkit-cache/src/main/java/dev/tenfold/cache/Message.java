package dev.tenfold.cache;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What nodes tell each other: in the journal as a body, on the channel with the number in front.
 *
 * <pre>
 *   channel  16 epoch, 20 number (decimal), 2 shard (decimal radix 36), then the body
 *   body     1 op, 8 origin, 8 nonce, then each item: u32 length and bytes
 *   wake     16 zeros, 20 zeros, 2 shard, then W and one item: not numbered, and nothing is lost with it
 * </pre>
 *
 * @param origin the node that sent it
 * @param nonce random, tells two messages of the same number apart: after a failover history may have changed
 * @param items keys as bytes, or one tag
 */
record Message(char op, long origin, long nonce, List<byte[]> items) {
    static final char DROP = 'I';
    static final char EXPIRE = 'X';
    static final char FENCED = 'F';
    static final char TAG = 'T';
    static final char CLEAR = 'C';
    static final char WAKE = 'W';

    static final int EPOCH_BYTES = 16;
    private static final int NUMBER_CHARS = 20;
    private static final int SHARD_CHARS = 2;
    private static final int HEAD = EPOCH_BYTES + NUMBER_CHARS + SHARD_CHARS;

    /** A message of the channel. */
    record Numbered(Shard.Epoch epoch, long number, int shard, Message message) {}

    byte[] body() {
        int length = 1 + 2 * Long.BYTES;
        for (byte[] item : items) {
            length += Integer.BYTES + item.length;
        }
        ByteBuffer out =
                ByteBuffer.allocate(length).put((byte) op).putLong(origin).putLong(nonce);
        items.forEach(item -> out.putInt(item.length).put(item));
        return out.array();
    }

    static byte[] wake(int shard, byte[] key) {
        byte[] body = new Message(WAKE, 0, 0, List.of(key)).body();
        return ByteBuffer.allocate(HEAD + body.length)
                .put(new byte[EPOCH_BYTES])
                .put("0".repeat(NUMBER_CHARS).getBytes(ISO_8859_1))
                .put(shardChars(shard))
                .put(body)
                .array();
    }

    static byte[] shardChars(int shard) {
        String digits = Integer.toString(shard, 36);
        return (digits.length() == 1 ? "0" + digits : digits).getBytes(ISO_8859_1);
    }

    static byte[] tag(String tag) {
        return tag.getBytes(UTF_8);
    }

    String tag() {
        return new String(items.get(0), UTF_8);
    }

    static Shard.Epoch epoch(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        return new Shard.Epoch(in.getLong(), in.getLong());
    }

    static byte[] bytes(Shard.Epoch epoch) {
        return ByteBuffer.allocate(EPOCH_BYTES)
                .putLong(epoch.high())
                .putLong(epoch.low())
                .array();
    }

    /** Null for what is no message of this format, as from a later version: the gap that it leaves is found. */
    static @Nullable Numbered readChannel(byte[] bytes) {
        if (bytes.length < HEAD) {
            return null;
        }
        Message message = read(bytes, HEAD);
        if (message == null) {
            return null;
        }
        try {
            long number = Long.parseLong(new String(bytes, EPOCH_BYTES, NUMBER_CHARS, ISO_8859_1));
            int shard = Integer.parseInt(new String(bytes, EPOCH_BYTES + NUMBER_CHARS, SHARD_CHARS, ISO_8859_1), 36);
            return new Numbered(epoch(bytes), number, shard, message);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    static @Nullable Message readBody(byte[] bytes) {
        return read(bytes, 0);
    }

    private static @Nullable Message read(byte[] bytes, int from) {
        ByteBuffer in = ByteBuffer.wrap(bytes, from, bytes.length - from);
        try {
            char op = (char) in.get();
            long origin = in.getLong();
            long nonce = in.getLong();
            List<byte[]> items = new ArrayList<>(1);
            while (in.hasRemaining()) {
                int length = in.getInt();
                if (length < 0 || length > in.remaining()) {
                    return null;
                }
                byte[] item = new byte[length];
                in.get(item);
                items.add(item);
            }
            if (op == TAG && items.size() != 1) {
                return null;
            }
            return new Message(op, origin, nonce, items);
        } catch (BufferUnderflowException cut) {
            return null;
        }
    }
}
