-- Says that a node is there, and counts those that are.
--
-- KEYS[1] the nodes, by the time (ms) until which they count   ARGV[1] the node   ARGV[2] for how long (ms); 0 to leave
-- Reply: how many nodes there are; or minus that, if this one has come or was forgotten

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lifetime = tonumber(ARGV[2])
local sign = 1
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if lifetime > 0 then
  if redis.call('ZADD', KEYS[1], now + lifetime, ARGV[1]) == 1 then
    sign = -1
  end
  -- A clock that went back far must not keep nodes alive that are long gone.
  redis.call('ZREMRANGEBYSCORE', KEYS[1], now + 2 * lifetime, '+inf')
  redis.call('PEXPIRE', KEYS[1], lifetime)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return sign * redis.call('ZCARD', KEYS[1])
