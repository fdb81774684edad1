-- Drops or expires keys in every schema, or announces a tag or a clear, and tells all nodes, in one step.
--
-- KEYS[1] epoch   KEYS[2] sequence   KEYS[3] journal   KEYS[4] schemas   KEYS[5] the last clear
-- KEYS[6]         what else is set to the new number: a tag's key (op T); absent otherwise
-- ARGV[1] epoch to start with, should there be none   ARGV[2] channel   ARGV[3] shard, two characters
-- ARGV[4] message body; its first byte is the op: I drop, X expire, F fenced, T tag, C clear
-- ARGV[5] journal length   ARGV[6] milliseconds that a tag's key lives   ARGV[7] prefix of slots
-- ARGV[8] 16 random bytes: the new id of expired values   ARGV[9] schema of the caller   ARGV[10…] keys (ops I and X)
-- Reply: {epoch, number}
--
-- Slots are named in here, from the set of schemas in use; all share the hash tag of KEYS.

local op = string.sub(ARGV[4], 1, 1)

local epoch = redis.call('GET', KEYS[1])
if not epoch or redis.call('EXISTS', KEYS[2]) == 0 then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[3], KEYS[5])
  redis.call('SET', KEYS[1], epoch)
  redis.call('SET', KEYS[2], '0')
end

if #ARGV >= 10 then
  redis.call('SADD', KEYS[4], ARGV[9])
  local schemas = redis.call('SMEMBERS', KEYS[4])
  for _, schema in ipairs(schemas) do
    for i = 10, #ARGV do
      local slot = ARGV[7] .. schema .. ':' .. ARGV[i]
      local first = redis.call('GETRANGE', slot, 0, 0)
      if op == 'X' and first == '\244' then
        redis.call('SETRANGE', slot, 2, ARGV[8])
        redis.call('SETRANGE', slot, 18, '\0\0\0\0\0\0\0\0')
      elseif first ~= 'F' and first ~= '' then
        redis.call('DEL', slot)
      end
    end
  end
end

local n = redis.call('INCR', KEYS[2])
local number = string.format('%.0f', n)
if op == 'T' then
  redis.call('SET', KEYS[6], number, 'PX', ARGV[6])
elseif op == 'C' then
  redis.call('SET', KEYS[5], number)
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], number .. '-0', 'b', ARGV[4])
redis.call('PUBLISH', ARGV[2], epoch .. string.format('%020.0f', n) .. ARGV[3] .. ARGV[4])
return {epoch, n}
