-- Names the live sessions of a subject, the one that expires last first.
--
-- KEYS[1] the live sessions of the subject (see session-create.lua)   ARGV[1] how many at most
-- Reply: what time it is (µs), and their names in KEYS[1]

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
return { now, redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. string.format('%.0f', now), 'LIMIT', 0, ARGV[1]) }
