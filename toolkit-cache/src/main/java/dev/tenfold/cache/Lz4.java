package dev.tenfold.cache;

import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.jspecify.annotations.Nullable;

/**
 * LZ4 blocks, by {@code at.yawk.lz4:lz4-java}, an optional dependency.
 *
 * <p>The library's pure Java form: its native one writes files into the temporary directory and, as {@code Unsafe} does,
 * draws warnings from newer JDKs.
 */
final class Lz4 {
    static final boolean PRESENT = PlainCodecs.isPresent("net.jpountz.lz4.LZ4Factory");

    /** A byte of a block adds 255 bytes to what it stands for, at most. */
    private static final int MOST_EXPANSION = 255;

    private Lz4() {}

    /** The room to give to {@link #compress}. */
    static int mostBytes(int length) {
        return Library.COMPRESSOR.maxCompressedLength(length);
    }

    /** Compresses into {@code out} from {@code at} on, and returns the length there. */
    static int compress(byte[] bytes, int offset, int length, byte[] out, int at) {
        return Library.COMPRESSOR.compress(bytes, offset, length, out, at, out.length - at);
    }

    /** What was compressed, or null if these bytes are no block of that length; allocates nothing for absurd lengths. */
    static byte @Nullable [] decompress(byte[] block, int offset, int blockLength, int length) {
        boolean absurd = length < 0 || length > (long) MOST_EXPANSION * blockLength;
        return absurd ? null : Library.decompress(block, offset, blockLength, length);
    }

    /** Apart, so that it is loaded only if the library is there. */
    private static final class Library {
        static final LZ4Compressor COMPRESSOR = LZ4Factory.safeInstance().fastCompressor();
        static final LZ4SafeDecompressor DECOMPRESSOR =
                LZ4Factory.safeInstance().safeDecompressor();

        static byte @Nullable [] decompress(byte[] block, int offset, int blockLength, int length) {
            byte[] bytes = new byte[length];
            try {
                boolean whole = DECOMPRESSOR.decompress(block, offset, blockLength, bytes, 0, length) == length;
                return whole ? bytes : null;
            } catch (LZ4Exception | IndexOutOfBoundsException e) {
                return null; // no block of LZ4
            }
        }
    }
}
