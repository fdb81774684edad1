package dev.tenfold.auth;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenfold.redis.RedisLink;
import dev.tenfold.redis.RedisScript;
import dev.tenfold.redis.RedisScript.Reply;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Sessions on Redis with a clock of the test's in place of the server's. Keys expire by the server's, hence later, if the
 * test's begins with the time of day and is put forward.
 */
final class ClockedRedisSessions extends RedisSessions {
    private static final Map<RedisScript<?>, RedisScript<?>> CLOCKED = Map.of(
            CREATE, clocked("session-create.lua", Reply.LIST),
            FIND, clocked("session-find.lua", Reply.LIST),
            ROTATE, clocked("session-rotate.lua", Reply.INTEGER),
            SET, clocked("session-set.lua", Reply.INTEGER),
            END, clocked("session-end.lua", Reply.INTEGER),
            END_ALL, clocked("session-end-all.lua", Reply.LIST),
            LIST, clocked("session-list.lua", Reply.LIST));

    private final SessionsOptions options;

    ClockedRedisSessions(RedisLink link, SessionsOptions options) {
        super(link, options);
        this.options = options;
    }

    private static <T> RedisScript<T> clocked(String name, Reply<T> reply) {
        try (InputStream in = RedisSessions.class.getResourceAsStream(name)) {
            String text = new String(Objects.requireNonNull(in).readAllBytes(), UTF_8)
                    .replace("local time = redis.call('TIME')\n", "")
                    .replace("local now = time[1] * 1000000 + time[2]", "local now = time");
            assertThat(text).doesNotContain("'TIME'").contains("local now = time\n");
            return RedisScript.of("local time = tonumber(table.remove(ARGV))\n" + text, reply);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    @SuppressWarnings("unchecked") // the map has a script of the same type
    <T> CompletableFuture<T> eval(RedisScript<T> script, byte[][] keys, byte[]... args) {
        byte[][] clocked = Arrays.copyOf(args, args.length + 1);
        long now = ChronoUnit.MICROS.between(Instant.EPOCH, options.clock.instant());
        clocked[args.length] = Long.toString(now).getBytes(US_ASCII);
        return super.eval((RedisScript<T>) Objects.requireNonNull(CLOCKED.get(script)), keys, clocked);
    }
}
