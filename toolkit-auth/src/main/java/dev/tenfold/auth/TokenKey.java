package dev.tenfold.auth;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** What a token is kept under: 256 bits from which nobody gets the token back, and which nobody without the pepper can make. */
final class TokenKey {
    static final int BYTES = 32;
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private final long a;
    private final long b;
    private final long c;
    private final long d;

    private TokenKey(long a, long b, long c, long d) {
        this.a = a;
        this.b = b;
        this.c = c;
        this.d = d;
    }

    static TokenKey of(byte[] bytes) {
        if (bytes.length != BYTES)
            throw new IllegalArgumentException("a token's key has 32 bytes, not " + bytes.length);
        return of(bytes, 0);
    }

    static TokenKey of(byte[] bytes, int at) {
        return new TokenKey(
                (long) LONGS.get(bytes, at), (long) LONGS.get(bytes, at + 8), (long) LONGS.get(bytes, at + 16), (long)
                        LONGS.get(bytes, at + 24));
    }

    byte[] bytes() {
        byte[] bytes = new byte[BYTES];
        LONGS.set(bytes, 0, a);
        LONGS.set(bytes, 8, b);
        LONGS.set(bytes, 16, c);
        LONGS.set(bytes, 24, d);
        return bytes;
    }

    /** The first 32 bits: enough to find a token's lines in a log, and not enough to tell more. */
    String fingerprint() {
        return String.format("%08x", (int) (a >>> 32));
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TokenKey that && a == that.a && b == that.b && c == that.c && d == that.d;
    }

    @Override
    public int hashCode() {
        return (int) a;
    }

    @Override
    public String toString() {
        return fingerprint() + "…";
    }
}
