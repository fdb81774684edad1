package dev.tenfold.query.replica;

import java.nio.ByteBuffer;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * A place in a cluster's log. After a failover the log goes on under another timeline, and the same numbers mean other
 * changes: positions of different clusters or timelines are never compared.
 */
record Token(long cluster, int timeline, long lsn) {
    private static final byte VERSION = 1;
    private static final int BYTES = 1 + Long.BYTES + Integer.BYTES + Long.BYTES;

    boolean isOnLineOf(Token other) {
        return cluster == other.cluster && timeline == other.timeline;
    }

    /** Whether who has replayed up to here has all that was written up to there. */
    boolean covers(Token other) {
        return isOnLineOf(other) && Long.compareUnsigned(lsn, other.lsn) >= 0;
    }

    /** PostgreSQL writes it as two hexadecimal numbers, {@code 16/B374D848}. */
    static long lsn(String text) {
        int slash = text.indexOf('/');
        return Long.parseLong(text, 0, slash, 16) << 32 | Long.parseLong(text, slash + 1, text.length(), 16);
    }

    String text() {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES)
                .put(VERSION)
                .putLong(cluster)
                .putInt(timeline)
                .putLong(lsn);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.array());
    }

    /** Null if it is none that {@link #text} made. */
    static @Nullable Token parse(String text) {
        if (text.length() != (BYTES * 8 + 5) / 6) return null;
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getUrlDecoder().decode(text));
            return bytes.get() == VERSION ? new Token(bytes.getLong(), bytes.getInt(), bytes.getLong()) : null;
        } catch (IllegalArgumentException noBase64) {
            return null;
        }
    }
}
