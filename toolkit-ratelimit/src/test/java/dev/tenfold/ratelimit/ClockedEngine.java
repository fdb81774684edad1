package dev.tenfold.ratelimit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;

/** The engine on Redis with a clock of the test's in place of the server's. Keys expire by the server's, hence much later. */
final class ClockedEngine extends RedisEngine {
    private static final RedisScript<List<Object>> BUCKET = clocked("bucket.lua");
    private static final RedisScript<List<Object>> LIMITS = clocked("limits.lua");

    private final LongSupplier redisMicros;

    ClockedEngine(RedisLink link, RateLimiterOptions options, LongSupplier redisMicros) {
        super(link, options, BUCKET, LIMITS);
        this.redisMicros = redisMicros;
    }

    /** An engine whose scripts have their clock put forward by what the server has under this key, in microseconds. */
    static RedisEngine offsetBy(String key, RedisLink link, RateLimiterOptions options) {
        return new RedisEngine(link, options, offset("bucket.lua", key), offset("limits.lua", key));
    }

    private static RedisScript<List<Object>> offset(String name, String key) {
        String offset = " + tonumber(redis.call('GET', '" + key + "') or '0')\n";
        String text = original(name).replace("* 1000000 + time[2]\n", "* 1000000 + time[2]" + offset);
        assertThat(text).contains(offset);
        return RedisScript.of(text, RedisScript.Reply.LIST);
    }

    private static RedisScript<List<Object>> clocked(String name) {
        String text = original(name)
                .replace("local time = redis.call('TIME')\n", "")
                .replace("local now = time[1] * 1000000 + time[2]", "local now = tonumber(table.remove(ARGV))")
                .replace("'PX', ttl)", "'PX', '3600000')");
        assertThat(text).doesNotContain("'TIME'").contains("table.remove(ARGV)").contains("'3600000'");
        return RedisScript.of(text, RedisScript.Reply.LIST);
    }

    private static String original(String name) {
        try (InputStream in = RedisEngine.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(in).readAllBytes(), UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    CompletableFuture<List<Object>> run(boolean isBucket, byte[][] keys, byte[][] args) {
        byte[][] clocked = Arrays.copyOf(args, args.length + 1);
        clocked[args.length] = Long.toString(redisMicros.getAsLong()).getBytes(US_ASCII);
        return super.run(isBucket, keys, clocked);
    }
}
