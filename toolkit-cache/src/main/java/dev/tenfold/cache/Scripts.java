package dev.tenfold.cache;

import dev.tenfold.redis.RedisScript;
import dev.tenfold.redis.RedisScript.Reply;
import java.util.List;

/** All that is sent to Redis besides plain reads, in the order of an entry's life; each script's file says what it does. */
final class Scripts {
    static final RedisScript<List<Object>> LEASE = RedisScript.load(Scripts.class, "lease.lua", Reply.LIST);
    static final RedisScript<Long> MARK = RedisScript.load(Scripts.class, "mark.lua", Reply.INTEGER);
    static final RedisScript<List<Object>> FILL = RedisScript.load(Scripts.class, "fill.lua", Reply.LIST);
    static final RedisScript<List<Object>> INVALIDATE = RedisScript.load(Scripts.class, "invalidate.lua", Reply.LIST);
    static final RedisScript<List<Object>> FENCE = RedisScript.load(Scripts.class, "fence.lua", Reply.LIST);
    static final RedisScript<List<Object>> SYNC = RedisScript.load(Scripts.class, "sync.lua", Reply.LIST);

    private Scripts() {}
}
