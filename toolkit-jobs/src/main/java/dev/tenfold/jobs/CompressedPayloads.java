package dev.tenfold.jobs;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Deflate around another codec. Three forms, by the first byte: 1 and zlib's format; 0 and the bytes as they are, if they begin
 * with 0 or 1 themselves; anything else is the bytes as they are.
 */
final class CompressedPayloads implements PayloadCodec {
    private static final byte AS_IT_IS = 0;
    private static final byte DEFLATED = 1;
    private static final int WORTH_IT = 512;
    private static final int MOST = 16 * 1_024 * 1_024;

    private final PayloadCodec inner;

    CompressedPayloads(PayloadCodec inner) {
        this.inner = Objects.requireNonNull(inner, "codec");
    }

    @Override
    public byte[] encode(Object payload) throws Exception {
        byte[] plain = inner.encode(payload);
        if (plain.length >= WORTH_IT) {
            if (plain.length > MOST) {
                throw new IOException("a payload of " + plain.length
                        + " bytes is too large to be read again; 16 MB is the" + " most");
            }
            byte[] deflated = deflate(plain);
            if (deflated.length < plain.length) {
                return deflated;
            }
        }
        boolean looksMarked = plain.length > 0 && (plain[0] == AS_IT_IS || plain[0] == DEFLATED);
        return looksMarked ? marked(AS_IT_IS, plain) : plain;
    }

    @Override
    public <T> T decode(byte[] bytes, Class<T> type) throws Exception {
        return inner.decode(plain(bytes), type);
    }

    @Override
    public String text(byte[] bytes) throws Exception {
        return inner.text(plain(bytes));
    }

    private static byte[] plain(byte[] bytes) throws IOException {
        if (bytes.length > 0 && bytes[0] == DEFLATED) {
            return inflate(bytes);
        }
        boolean isMarked = bytes.length > 0 && bytes[0] == AS_IT_IS;
        return isMarked ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes;
    }

    @Override
    public byte[] canonical(Object payload) throws Exception {
        return inner.canonical(payload);
    }

    private static byte[] marked(byte marker, byte[] plain) {
        byte[] bytes = new byte[plain.length + 1];
        bytes[0] = marker;
        System.arraycopy(plain, 0, bytes, 1, plain.length);
        return bytes;
    }

    private static byte[] deflate(byte[] plain) {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        try {
            deflater.setInput(plain);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream(plain.length / 2);
            out.write(DEFLATED);
            byte[] piece = new byte[Math.min(plain.length, 8_192)];
            while (!deflater.finished()) {
                out.write(piece, 0, deflater.deflate(piece));
            }
            return out.toByteArray();
        } finally {
            deflater.end();
        }
    }

    private static byte[] inflate(byte[] bytes) throws IOException {
        Inflater inflater = new Inflater();
        try {
            inflater.setInput(bytes, 1, bytes.length - 1);
            ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length * 4);
            byte[] piece = new byte[8_192];
            while (!inflater.finished()) {
                int length = inflater.inflate(piece);
                if (length == 0 && !inflater.finished()) {
                    throw new IOException("the compressed payload of " + bytes.length + " bytes is cut short");
                }
                if (out.size() + length > MOST) {
                    throw new IOException("the compressed payload of " + bytes.length
                            + " bytes has more than 16 MB in it;" + " nobody has enqueued that");
                }
                out.write(piece, 0, length);
            }
            return out.toByteArray();
        } catch (DataFormatException e) {
            throw new IOException("the compressed payload of " + bytes.length + " bytes is damaged", e);
        } finally {
            inflater.end();
        }
    }

    @Override
    public String toString() {
        return inner + ", compressed";
    }
}
