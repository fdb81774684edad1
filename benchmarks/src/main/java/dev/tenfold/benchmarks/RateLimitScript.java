package dev.tenfold.benchmarks;

import io.lettuce.core.RedisClient;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What many write by hand: a token bucket in a short script, by Redis's clock, and nothing around it. */
final class RateLimitScript implements RateLimitNode {
    static final String SETTINGS =
            "a bare EVALSHA by Lettuce's sync API, one connection: TIME, GET, SET PX of a token bucket"
                    + " as text; answers allowed and remaining";

    private static final String SCRIPT = """
            local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
            local time = redis.call('TIME')
            local now = time[1] * 1000000 + time[2]
            local tokens = burst
            local state = redis.call('GET', KEYS[1])
            if state then
              local colon = string.find(state, ':', 1, true)
              local passed = now - tonumber(string.sub(state, colon + 1))
              tokens = math.min(burst, tonumber(string.sub(state, 1, colon - 1)) + math.max(0, passed) * rate)
            end
            if tokens < 1 then
              return {0, 0}
            end
            tokens = tokens - 1
            redis.call('SET', KEYS[1], string.format('%.6f:%.0f', tokens, now), 'PX', math.ceil((burst - tokens) / rate / 1000) + 1)
            return {1, math.floor(tokens)}
            """;

    private final RedisClient client;
    private final StatefulRedisConnection<String, String> connection;
    private final RedisCommands<String, String> redis;
    private final String sha;
    private final String prefix;
    private final String burst;
    private final String perMicro;

    RateLimitScript(Place place) {
        client = RedisClient.create(place.uri());
        connection = client.connect();
        redis = connection.sync();
        sha = redis.scriptLoad(SCRIPT);
        prefix = place.name() + ":";
        burst = Long.toString(place.permits());
        perMicro = Double.toString(place.permits() * 1_000.0 / place.period().toNanos());
    }

    @Override
    public boolean admits(String key) {
        List<Long> reply = redis.evalsha(sha, ScriptOutputType.MULTI, new String[] {prefix + key}, burst, perMicro);
        return reply.get(0) == 1;
    }

    @Override
    public void close() {
        connection.close();
        client.shutdown(0, 2, TimeUnit.SECONDS);
    }
}
