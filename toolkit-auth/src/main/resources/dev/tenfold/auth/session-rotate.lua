-- Gives a session another id. Of several that do so at once, one succeeds. It counts as a touch.
--
-- KEYS[1] the session   KEYS[2] the live sessions of its subject (see session-create.lua)   KEYS[3] the session from now on
-- ARGV[1] its name in KEYS[2]   ARGV[2] its name from now on   ARGV[3] idle µs   ARGV[4] absolute µs
-- Reply: 1; 0 if there is no session

local times = redis.call('HMGET', KEYS[1], 'c', 'e')
if not times[2] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(times[2]) then
  return 0
end

redis.call('ZREM', KEYS[2], ARGV[1])
local expiry = math.min(now + ARGV[3], times[1] + ARGV[4])
if expiry <= now then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('RENAME', KEYS[1], KEYS[3])
redis.call('PEXPIREAT', KEYS[3], string.format('%.0f', math.ceil(expiry / 1000)))
redis.call('HSET', KEYS[3], 'l', string.format('%.0f', now), 'e', string.format('%.0f', expiry))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[2], string.format('%.0f', expiry), ARGV[2])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', math.ceil(last / 1000)))
return 1
