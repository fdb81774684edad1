-- Takes the right to fill a slot, if it is empty or still holds what the caller has found to be worthless.
--
-- KEYS[1] slot   KEYS[2] schemas   ARGV[1] the lease: L and 16 random bytes   ARGV[2] milliseconds it lasts
-- ARGV[3] first bytes of what is worthless, or ''   ARGV[4] schema of the caller
-- No slot exists before its schema is known: this is the only way to a new one.
-- Reply: false if the lease is the caller's, else what the slot holds

local held = redis.call('GET', KEYS[1])
if held and (ARGV[3] == '' or string.sub(held, 1, #ARGV[3]) ~= ARGV[3]) then
  return held
end
redis.call('SADD', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
