-- Begins a session, if its subject may have one more.
--
-- KEYS[1] the session, a hash   KEYS[2] the live sessions of its subject, scored by when they expire (µs)
-- ARGV[1] the session's name in KEYS[2]   ARGV[2] idle µs   ARGV[3] absolute µs
-- ARGV[4] how many sessions the subject may have; 0 for any number   ARGV[5] REFUSE or END_OLDEST   ARGV[6] the subject
-- ARGV[7…] attributes: a point and the name, the value
-- Reply: 1, when it was created (µs), when it expires (µs), how many others were ended; or 0 and how many there are. A refusal writes
-- nothing
--
-- In the hash: s the subject, c when it was created, l when it was last seen, e when it expires (µs), and the attributes. It
-- has the score e in KEYS[2]; all scripts change the two together. What END_OLDEST ends is named here from what KEYS[2] has:
-- it is in the same slot, as it has the same hash tag.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local expiry = now + math.min(tonumber(ARGV[2]), tonumber(ARGV[3]))
local limit = tonumber(ARGV[4])

local live = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%.0f', now), '+inf')
if limit > 0 and live >= limit and ARGV[5] == 'REFUSE' then
  return { 0, live }
end

-- A full memory forbids it as the first write, and then nothing has happened; it does not forbid what follows.
redis.call('HSET', KEYS[1], 's', ARGV[6], 'c', string.format('%.0f', now), 'l', string.format('%.0f', now),
  'e', string.format('%.0f', expiry), unpack(ARGV, 7))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(expiry / 1000)))

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
local ended = 0
if limit > 0 and live >= limit then
  local session = string.sub(KEYS[1], 1, -1 - #ARGV[1])
  local oldest = redis.call('ZPOPMIN', KEYS[2], live - limit + 1)
  for i = 1, #oldest, 2 do
    redis.call('DEL', session .. oldest[i])
    ended = ended + 1
  end
end

redis.call('ZADD', KEYS[2], string.format('%.0f', expiry), ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', math.ceil(last / 1000)))
return { 1, now, expiry, ended }
