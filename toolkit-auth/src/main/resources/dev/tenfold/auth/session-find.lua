-- Reads a session, and lets it live on if it was not seen for a while. What has ended is not brought back: nothing is written
-- but to a session that is there.
--
-- KEYS[1] the session   KEYS[2] the live sessions of its subject (see session-create.lua)
-- ARGV[1] its name in KEYS[2]   ARGV[2] idle µs   ARGV[3] absolute µs   ARGV[4] µs after which it is touched
-- Reply: 1 if it was touched, else 0, and the fields of the hash, each followed by its value; nothing if there is no session

local times = redis.call('HMGET', KEYS[1], 'c', 'l', 'e')
if not times[3] then
  return {}
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(times[3]) then
  return {}
end

local touched = 0
if now - times[2] >= tonumber(ARGV[4]) then
  local expiry = math.min(now + ARGV[2], times[1] + ARGV[3])
  if expiry <= now then
    -- The options allow less time than when it was created.
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    return {}
  end
  -- PEXPIREAT first, as a full memory does not forbid it, nor what follows the first write: a full Redis logs nobody out.
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(expiry / 1000)))
  redis.call('HSET', KEYS[1], 'l', string.format('%.0f', now), 'e', string.format('%.0f', expiry))
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
  redis.call('ZADD', KEYS[2], string.format('%.0f', expiry), ARGV[1])
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', math.ceil(last / 1000)))
  touched = 1
end
return { touched, redis.call('HGETALL', KEYS[1]) }
