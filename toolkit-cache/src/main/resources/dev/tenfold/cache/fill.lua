-- Stores a loaded value, if the slot still holds the caller's lease or the very value that the caller refreshed.
-- An invalidation in between has emptied the slot, a writer has fenced it: then the value is late, and refused.
--
-- KEYS[1] slot   KEYS[2] lease of refreshes
-- ARGV[1] first bytes of what the slot must hold   ARGV[2] value, or '' to give the lease back without one
-- ARGV[3] milliseconds to live   ARGV[4] lease of the refresh, or ''   ARGV[5] channel   ARGV[6] message for who waits
-- Reply: 1 stored or given back, 0 refused

if ARGV[4] ~= '' and redis.call('GET', KEYS[2]) == ARGV[4] then
  redis.call('DEL', KEYS[2])
end
local held = redis.call('GETRANGE', KEYS[1], 0, 17)
if held == '' or string.sub(held, 1, #ARGV[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
elseif string.sub(held, 1, 1) == 'L' then
  redis.call('DEL', KEYS[1])
end
if string.sub(held, 1, 1) == 'L' and string.sub(held, 18, 18) == 'w' then
  redis.call('PUBLISH', ARGV[5], ARGV[6])
end
return 1
