-- Ends a session.
--
-- KEYS[1] the session   KEYS[2] the live sessions of its subject (see session-create.lua)
-- ARGV[1] its name in KEYS[2]
-- Reply: 1; 0 if there is no session

local expiry = redis.call('HGET', KEYS[1], 'e')
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('DEL', KEYS[1])
if redis.call('ZREM', KEYS[2], ARGV[1]) == 1 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
  local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  if last then
    redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', math.ceil(last / 1000)))
  end
end
if expiry and now < tonumber(expiry) then
  return 1
end
return 0
