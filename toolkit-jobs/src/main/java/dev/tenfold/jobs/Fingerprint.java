package dev.tenfold.jobs;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Tells errors alike from others: SHA-256 of the exceptions' classes, from the outermost to the root, and of the method of the
 * top-most frame of each; no messages, which have ids and times in them, and no line numbers, which a deployment moves.
 */
final class Fingerprint {
    private static final int LONGEST_MESSAGE = 2_000;
    private static final int LONGEST_STACK = 8_000;
    private static final int LONGEST_TYPE = 300;
    private static final int DEEPEST = 20;

    private Fingerprint() {}

    static JobError describe(int attempt, Throwable thrown) {
        StringWriter stack = new StringWriter();
        thrown.printStackTrace(new PrintWriter(stack)); // into the job's row, not onto the console
        return new JobError(
                attempt,
                Instant.EPOCH,
                of(thrown),
                cut(thrown.getClass().getName(), LONGEST_TYPE),
                cut(thrown.getMessage(), LONGEST_MESSAGE),
                cut(stack.toString(), LONGEST_STACK));
    }

    static String of(Throwable thrown) {
        MessageDigest digest = sha256();
        Throwable each = thrown;
        for (int depth = 0; each != null && depth < DEEPEST; depth++) {
            add(digest, each.getClass().getName());
            StackTraceElement[] frames = each.getStackTrace();
            if (frames.length > 0) {
                add(digest, frames[0].getClassName() + '.' + frames[0].getMethodName());
            }
            each = each.getCause();
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    private static void add(MessageDigest digest, String text) {
        digest.update(text.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) '\n');
    }

    /** No NUL either, which PostgreSQL's text cannot hold. */
    private static String cut(@Nullable String text, int longest) {
        String known = text == null ? "" : text.replace("\0", "");
        return known.length() <= longest ? known : known.substring(0, longest);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("every Java has SHA-256", e);
        }
    }
}
