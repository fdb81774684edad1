-- Begins or ends one writer's fence on a key: while there is a fence, loads are not stored. Tells all nodes either way.
--
-- KEYS[1] epoch   KEYS[2] sequence   KEYS[3] journal   KEYS[4] schemas   KEYS[5] the last clear
-- ARGV[1] epoch to start with, should there be none   ARGV[2] channel   ARGV[3] shard, two characters
-- ARGV[4] message body   ARGV[5] journal length   ARGV[6] 'begin' or 'end'   ARGV[7] prefix of slots   ARGV[8] key
-- ARGV[9] the writer's id, 16 bytes   ARGV[10] milliseconds after which the fence falls by itself
-- ARGV[11] schema of the caller
-- Reply: {epoch, number}
--
-- A slot holds F and the ids of all writers: with one id, the second writer's end would unprotect the first.

local epoch = redis.call('GET', KEYS[1])
if not epoch or redis.call('EXISTS', KEYS[2]) == 0 then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[3], KEYS[5])
  redis.call('SET', KEYS[1], epoch)
  redis.call('SET', KEYS[2], '0')
end

redis.call('SADD', KEYS[4], ARGV[11])
local guard = tonumber(ARGV[10])
for _, schema in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  local slot = ARGV[7] .. schema .. ':' .. ARGV[8]
  local fenced = redis.call('GETRANGE', slot, 0, 0) == 'F'
  if ARGV[6] == 'begin' then
    local ids = 'F'
    if fenced then
      ids = redis.call('GET', slot)
      guard = math.max(guard, redis.call('PTTL', slot))
    end
    redis.call('SET', slot, ids .. ARGV[9], 'PX', guard)
  else
    local left = 'F'
    if fenced then
      local ids = redis.call('GET', slot)
      for at = 2, #ids, 16 do
        local id = string.sub(ids, at, at + 15)
        if id ~= ARGV[9] then
          left = left .. id
        end
      end
    end
    if left == 'F' then
      redis.call('DEL', slot)
    else
      redis.call('SET', slot, left, 'KEEPTTL')
    end
  end
end

local n = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], string.format('%.0f', n) .. '-0', 'b', ARGV[4])
redis.call('PUBLISH', ARGV[2], epoch .. string.format('%020.0f', n) .. ARGV[3] .. ARGV[4])
return {epoch, n}
