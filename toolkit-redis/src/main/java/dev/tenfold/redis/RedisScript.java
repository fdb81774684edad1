package dev.tenfold.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.lettuce.core.ScriptOutputType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/**
 * A Lua script, its SHA-1 and the type of its reply. Make it once, as a constant; {@link RedisLink#eval} sends the digest,
 * and the text only to a server that does not know it.
 *
 * <pre>{@code
 * static final RedisScript<Long> ACQUIRE = RedisScript.load(Limiter.class, "acquire.lua", RedisScript.Reply.INTEGER);
 * }</pre>
 *
 * <p>Immutable, safe for use by many threads.
 *
 * @param <T> the type of the reply
 */
public final class RedisScript<T> {
    private final String name;
    private final byte[] text;
    private final String sha1;
    private final Reply<T> reply;

    private RedisScript(String name, byte[] text, Reply<T> reply) {
        this.name = name;
        this.text = text;
        this.sha1 = sha1(text);
        this.reply = reply;
    }

    /**
     * Reads a script from a resource beside a class.
     *
     * @param <T> the type of the reply
     * @param anchor a class of the package and module that the resource is in
     * @param resource its name relative to that class, for example {@code acquire.lua}; UTF-8
     * @param reply what the script returns
     * @return the script
     * @throws IllegalArgumentException if there is no such resource, or it is empty
     * @throws UncheckedIOException if it cannot be read
     */
    public static <T> RedisScript<T> load(Class<?> anchor, String resource, Reply<T> reply) {
        try (InputStream in = anchor.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalArgumentException("no resource " + resource + " beside " + anchor.getName()
                        + "; put it into the same package under src/main/resources");
            }
            return of(resource, in.readAllBytes(), reply);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + resource + " beside " + anchor.getName(), e);
        }
    }

    /**
     * Makes a script of a text.
     *
     * @param <T> the type of the reply
     * @param lua the text
     * @param reply what the script returns
     * @return the script
     * @throws IllegalArgumentException if the text is blank
     */
    public static <T> RedisScript<T> of(String lua, Reply<T> reply) {
        return of("a script", lua.getBytes(UTF_8), reply);
    }

    private static <T> RedisScript<T> of(String name, byte[] text, Reply<T> reply) {
        if (new String(text, UTF_8).isBlank()) {
            throw new IllegalArgumentException(name + " is empty; give a script that returns something");
        }
        return new RedisScript<>(name, text, Objects.requireNonNull(reply, "reply"));
    }

    /**
     * The digest that EVALSHA takes.
     *
     * @return 40 lower-case hexadecimal digits
     */
    public String sha1() {
        return sha1;
    }

    byte[] text() {
        return text;
    }

    ScriptOutputType outputType() {
        return reply.type;
    }

    /** The script's name and digest. */
    @Override
    public String toString() {
        return name + " (" + sha1 + ")";
    }

    private static String sha1(byte[] text) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(text));
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every Java runtime has SHA-1", e);
        }
    }

    /**
     * The type of a script's reply.
     *
     * @param <T> what it becomes in Java
     */
    @SuppressWarnings("UnusedTypeParameter") // it is what the compiler carries to the result of eval
    public static final class Reply<T> {
        /** A number, as integers are in Lua; what follows the point was cut off by the server. Null for {@code nil}. */
        public static final Reply<Long> INTEGER = new Reply<>(ScriptOutputType.INTEGER);

        /** A string. Null for {@code nil} and {@code false}. */
        public static final Reply<byte[]> BYTES = new Reply<>(ScriptOutputType.VALUE);

        /** A table: {@code Long}, {@code byte[]}, null for {@code false}, and lists of these. It ends at the first {@code nil}. */
        public static final Reply<List<Object>> LIST = new Reply<>(ScriptOutputType.MULTI);

        private final ScriptOutputType type;

        private Reply(ScriptOutputType type) {
            this.type = type;
        }

        @Override
        public String toString() {
            return type.name();
        }
    }
}
