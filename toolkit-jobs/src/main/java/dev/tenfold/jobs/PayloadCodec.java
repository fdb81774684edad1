package dev.tenfold.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Turns payloads into bytes, and back.
 *
 * <pre>{@code
 * JobQueue jobs = JobQueue.on(dataSource, o -> o.codec(encrypted(compressed(json()), PayloadKeys.of(2, key).reading(1, old))));
 * }</pre>
 *
 * <p>Implementations do no I/O, and are safe for use by many threads. There is none for Java serialization, on purpose: bytes
 * would choose the classes to run.
 */
public interface PayloadCodec {
    /**
     * The bytes of a payload. Runs on the thread that enqueues; if it throws, nothing is enqueued.
     *
     * @param payload never null
     * @return its bytes; not modified afterwards
     * @throws Exception if it has none in this format
     */
    byte[] encode(Object payload) throws Exception;

    /**
     * The payload of bytes that {@link #encode} returned once, here or in another process. Runs on the worker's threads; if it
     * throws, the attempt has failed.
     *
     * @param bytes not to be modified
     * @param type the class to make
     * @param <T> the payload's class
     * @return never null
     * @throws Exception if the bytes are not understood
     */
    <T> T decode(byte[] bytes, Class<T> type) throws Exception;

    /**
     * Bytes that are the same for payloads that are equal: what {@link EnqueueOptions#unique()} compares. A codec that encodes
     * the same payload differently each time, as an encrypting one must, overrides it.
     *
     * @param payload never null
     * @return by default what {@link #encode} returns
     * @throws Exception as that
     */
    default byte[] canonical(Object payload) throws Exception {
        return encode(payload);
    }

    /**
     * What people can read of bytes that {@link #encode} returned: for those who look at a dead letter. A codec around another
     * one takes off what it put on, and asks that one.
     *
     * @param bytes not to be modified
     * @return by default the bytes as UTF-8, if they are text, else how many there are
     * @throws Exception if the bytes are not understood
     */
    default String text(byte[] bytes) throws Exception {
        return PayloadText.of(bytes);
    }

    /**
     * Payloads as JSON, by Jackson 2. The default.
     *
     * <p>Dates and durations are ISO-8601, maps and properties in the order of their names. What is unknown is ignored, what is
     * missing becomes null or zero, so that old and new versions of a class read each other. The bytes never choose the class
     * (no default typing). {@code java.time} and {@code Optional} need {@code jackson-datatype-jsr310} and {@code -jdk8} on
     * the class path, as the message says if they are not.
     *
     * @return always the same
     * @throws IllegalStateException if Jackson 2 is not on the class path
     */
    static PayloadCodec json() {
        try {
            return JacksonPayloads.DEFAULT;
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException(
                    "payloads are stored as JSON by Jackson 2, which is not on the class path (" + e.getMessage()
                            + "): add com.fasterxml.jackson.core:jackson-databind, or give a codec of your own with"
                            + " JobQueue.on(dataSource, o -> o.codec(…))",
                    e);
        }
    }

    /**
     * Payloads as JSON, by a mapper of your own.
     *
     * @param mapper used as it is set now; later changes to it have no effect
     * @return a new codec
     * @throws IllegalArgumentException if it has default typing: the bytes would choose the classes to make
     */
    static PayloadCodec json(ObjectMapper mapper) {
        return new JacksonPayloads(mapper.copy());
    }

    /**
     * Makes payloads from 512 bytes on smaller, by Deflate at its fastest level. Reads what was written without it, if that
     * begins with neither byte 0 nor byte 1; JSON never does. Refuses to expand anything beyond 16 MB.
     *
     * @param codec makes the bytes; encrypt outside of this, since what is encrypted cannot be compressed
     * @return a new codec
     */
    static PayloadCodec compressed(PayloadCodec codec) {
        return new CompressedPayloads(codec);
    }

    /**
     * Encrypts payloads by AES-256-GCM, with a random nonce each; headers, kinds and unique keys (a digest of the payload, if
     * you do not name one) stay readable. It hides and protects each payload, but does not tie it to its row: who may
     * write to the table can put one payload in place of another of the same key.
     *
     * @param codec makes the bytes
     * @param keys which to write with, and which to read
     * @return a new codec
     */
    static PayloadCodec encrypted(PayloadCodec codec, PayloadKeys keys) {
        return new EncryptedPayloads(codec, keys);
    }
}
