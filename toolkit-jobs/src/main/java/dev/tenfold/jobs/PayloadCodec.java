package dev.tenfold.jobs;

/**
 * Turns payloads into bytes, and back.
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
}
