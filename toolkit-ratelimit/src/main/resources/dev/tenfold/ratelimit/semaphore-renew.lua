-- The heartbeat of a node: what it holds lasts on, also if that has expired or been lost, and the nodes are counted.
--
-- KEYS[1] permits that are held, scored by when they expire   KEYS[2] nodes, likewise
-- ARGV[1] milliseconds that they last   ARGV[2] milliseconds that none can last   ARGV[3] the node
-- ARGV[4…] permits that it holds
-- Reply: how many nodes there are; or minus that, if this one has come or was forgotten
-- The same arithmetic of time is in semaphore-acquire.lua.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local expiry = now + ARGV[1]

if #ARGV > 3 then
  local last = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '0')
  if last > now + ARGV[2] then
    for _, permit in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', expiry), '+inf')) do
      redis.call('ZADD', KEYS[1], string.format('%.0f', expiry), permit)
    end
  end
  local permits = expiry
  if last > expiry and last <= now + ARGV[2] then
    permits = last
  end
  for i = 4, #ARGV do
    redis.call('ZADD', KEYS[1], string.format('%.0f', permits), ARGV[i])
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZREMRANGEBYSCORE', KEYS[2], string.format('%.0f', now + ARGV[2]), '+inf')
local added = redis.call('ZADD', KEYS[2], string.format('%.0f', expiry), ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return (1 - 2 * added) * redis.call('ZCARD', KEYS[2])
