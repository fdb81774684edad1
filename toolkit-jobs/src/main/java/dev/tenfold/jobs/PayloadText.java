package dev.tenfold.jobs;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Payloads for people to read. */
final class PayloadText {
    private PayloadText() {}

    /** The bytes as UTF-8, if that is text. */
    static String of(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            boolean isBinary = text.chars().anyMatch(c -> Character.isISOControl(c) && !Character.isWhitespace(c));
            return isBinary ? size(bytes) : text;
        } catch (CharacterCodingException noText) {
            return size(bytes);
        }
    }

    /** What the codec can tell of them; why not, if it cannot. */
    static String of(byte[] bytes, PayloadCodec codec) {
        try {
            return codec.text(bytes);
        } catch (Exception e) {
            return "<" + bytes.length + " bytes: " + e.getMessage() + ">";
        }
    }

    private static String size(byte[] bytes) {
        return "<" + bytes.length + " bytes>";
    }
}
