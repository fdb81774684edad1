package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tenfold.cache.Codec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Entries as bytes in Redis: a version, then each field in order, texts with their length. Nothing in it names a class, so
 * that whoever can write to Redis can make facts (see {@link SealedCodec}), and nothing worse.
 */
final class EntryCodec implements Codec<Entry> {
    private static final int VERSION = 1;
    private static final int DEEPEST = 16;
    static final int ID = 20;

    @Override
    public int id() {
        return ID;
    }

    @Override
    public byte[] encode(Entry entry) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeByte(VERSION);
        out.write(entry.key.bytes());
        out.writeLong(entry.lookedUpMillis);
        TokenFacts facts = entry.facts;
        out.writeLong(facts.issuedAt);
        out.writeLong(facts.notBefore);
        out.writeLong(facts.expiresAt);
        text(out, facts.issuer());
        text(out, facts.subject());
        text(out, facts.clientId());
        text(out, facts.sessionId());
        text(out, facts.tokenId());
        value(out, List.copyOf(facts.audience()));
        value(out, List.copyOf(facts.scopes()));
        value(out, facts.confirmation());
        value(out, facts.claims());
        value(out, List.copyOf(facts.keys()));
        return bytes.toByteArray();
    }

    @Override
    public Entry decode(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        int version = in.readUnsignedByte();
        if (version != VERSION) throw new IOException("an entry of version " + version);
        TokenKey key = TokenKey.of(in.readNBytes(TokenKey.BYTES));
        long lookedUp = in.readLong();
        long issuedAt = in.readLong();
        long notBefore = in.readLong();
        long expiresAt = in.readLong();
        TokenFacts.Builder facts = TokenFacts.of(text(in), text(in))
                .issuedAt(instant(issuedAt))
                .notBefore(instant(notBefore))
                .expiresAt(instant(expiresAt))
                .clientId(text(in))
                .sessionId(text(in))
                .tokenId(text(in))
                .audience(texts(in))
                .scope(texts(in));
        map(value(in, 0)).forEach((method, thumbprint) -> facts.confirmation(method, (String) thumbprint));
        map(value(in, 0)).forEach(facts::claim);
        texts(in).forEach(facts::key);
        if (in.available() > 0) throw new IOException("more bytes than an entry has");
        return new Entry(key, facts.build(), lookedUp);
    }

    private static @Nullable Instant instant(long seconds) {
        return seconds == TokenFacts.NONE ? null : Instant.ofEpochSecond(seconds);
    }

    private static void text(DataOutputStream out, @Nullable String text) throws IOException {
        byte[] bytes = text == null ? new byte[0] : text.getBytes(UTF_8);
        out.writeInt(text == null ? -1 : bytes.length);
        out.write(bytes);
    }

    private static @Nullable String text(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < -1 || length > in.available()) throw new IOException("a text of " + length + " bytes");
        return length == -1 ? null : new String(in.readNBytes(length), UTF_8);
    }

    private static void value(DataOutputStream out, Object value) throws IOException {
        if (value instanceof String text) {
            out.writeByte('s');
            text(out, text);
        } else if (value instanceof Long number) {
            out.writeByte('l');
            out.writeLong(number);
        } else if (value instanceof Double number) {
            out.writeByte('d');
            out.writeDouble(number);
        } else if (value instanceof Boolean is) {
            out.writeByte(is ? 't' : 'f');
        } else if (value instanceof Collection<?> all) {
            out.writeByte('[');
            out.writeInt(all.size());
            for (Object one : all) value(out, one);
        } else if (value instanceof Map<?, ?> all) {
            out.writeByte('{');
            out.writeInt(all.size());
            for (Map.Entry<?, ?> one : all.entrySet()) {
                text(out, (String) one.getKey());
                value(out, one.getValue());
            }
        } else {
            throw new IOException("a claim of " + value.getClass());
        }
    }

    private static Object value(DataInputStream in, int depth) throws IOException {
        if (depth > DEEPEST) throw new IOException("claims more than " + DEEPEST + " deep");
        int type = in.readUnsignedByte();
        return switch (type) {
            case 's' -> required(text(in));
            case 'l' -> in.readLong();
            case 'd' -> in.readDouble();
            case 't' -> true;
            case 'f' -> false;
            case '[' -> {
                List<Object> list = new ArrayList<>();
                for (int left = size(in); left > 0; left--) list.add(value(in, depth + 1));
                yield list;
            }
            case '{' -> {
                Map<String, Object> map = new LinkedHashMap<>();
                for (int left = size(in); left > 0; left--) map.put(required(text(in)), value(in, depth + 1));
                yield map;
            }
            default -> throw new IOException("a value of type " + type);
        };
    }

    /** Each element takes a byte at least. */
    private static int size(DataInputStream in) throws IOException {
        int size = in.readInt();
        if (size < 0 || size > in.available()) throw new IOException("a list of " + size);
        return size;
    }

    private static String required(@Nullable String text) throws IOException {
        if (text == null) throw new IOException("no text where one must be");
        return text;
    }

    private static List<String> texts(DataInputStream in) throws IOException {
        List<String> texts = new ArrayList<>();
        if (!(value(in, 0) instanceof List<?> all)) throw new IOException("no list where one must be");
        for (Object one : all) {
            if (!(one instanceof String text)) throw new IOException("no text where one must be");
            texts.add(text);
        }
        return texts;
    }

    private static Map<String, Object> map(Object value) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        if (!(value instanceof Map<?, ?> all)) throw new IOException("no map where one must be");
        all.forEach((name, one) -> map.put((String) name, one));
        return map;
    }
}
