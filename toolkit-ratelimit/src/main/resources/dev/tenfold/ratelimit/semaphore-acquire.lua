-- Takes a permit, if fewer than so many are held.
--
-- KEYS[1] permits that are held, scored by when they expire
-- ARGV[1] how many may be held, this one included   ARGV[2] milliseconds that it lasts   ARGV[3] the permit
-- ARGV[4] milliseconds that no permit can last: what does has been granted before the clock went back a lot
-- Reply: how many are held, this one included; or minus how many are held, if there is no room
-- A refusal writes nothing but what has expired. The same arithmetic of time is in semaphore-renew.lua.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local expiry = now + ARGV[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))

local held = redis.call('ZCARD', KEYS[1])
if held >= tonumber(ARGV[1]) then
  return -held
end

local last = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '0')
if last > now + ARGV[4] then
  -- Believed: whoever lives renews in time, and the dead must not stay for as long as the clock went back.
  for _, permit in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', expiry), '+inf')) do
    redis.call('ZADD', KEYS[1], string.format('%.0f', expiry), permit)
  end
elseif last > expiry then
  -- The clock went back a little, and may soon be put forward again: nobody expires before those from before.
  expiry = last
end
redis.call('ZADD', KEYS[1], string.format('%.0f', expiry), ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return held + 1
