-- Ends the sessions of a subject, or all but one; a thousand at most, lest others wait for long.
--
-- KEYS[1] the live sessions of the subject (see session-create.lua)
-- ARGV[1] what the name of each of its sessions on Redis begins with; the same hash tag is in it, so they are in one slot
-- ARGV[2] the name in KEYS[1] of the session that stays; empty for none
-- Reply: how many were ended; 1 if there are more, else 0

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local ended = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, 1000)) do
  if name ~= ARGV[2] and ended < 1000 then
    redis.call('DEL', ARGV[1] .. name)
    redis.call('ZREM', KEYS[1], name)
    ended = ended + 1
  end
end

local more = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, 1)) do
  if name ~= ARGV[2] then
    more = 1
  end
end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(last / 1000)))
end
return { ended, more }
