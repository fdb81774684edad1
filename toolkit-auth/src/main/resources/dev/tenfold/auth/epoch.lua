-- Voids all that was issued up to now. Never moves a time back.
--
-- KEYS[1] the time (ms) up to which things are void   ARGV[1] how long to remember it (ms)
-- Reply: the time

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local before = tonumber(redis.call('GET', KEYS[1]) or 0)
local epoch = string.format('%.0f', math.max(now, before))
redis.call('SET', KEYS[1], epoch, 'PX', ARGV[1])
return epoch
