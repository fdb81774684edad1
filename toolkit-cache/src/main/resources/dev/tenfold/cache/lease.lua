-- Takes the right to fill slots that are empty or still hold what the caller has found to be worthless.
--
-- KEYS[1] schemas   KEYS[2…] slots   ARGV[1] milliseconds that a lease lasts   ARGV[2] schema of the caller
-- ARGV[3…] for each slot: the lease, L and 16 random bytes; then first bytes of what is worthless, or ''
-- No slot exists before its schema is known: this is the only way to a new one.
-- Reply: for each slot false if the lease is the caller's, else what the slot holds

local reply = {}
local known = false
for i = 2, #KEYS do
  local lease = ARGV[2 * i - 1]
  local worthless = ARGV[2 * i]
  local held = redis.call('GET', KEYS[i])
  if held and (worthless == '' or string.sub(held, 1, #worthless) ~= worthless) then
    reply[i - 1] = held
  else
    if not known then
      redis.call('SADD', KEYS[1], ARGV[2])
      known = true
    end
    redis.call('SET', KEYS[i], lease, 'PX', ARGV[1])
    reply[i - 1] = false
  end
end
return reply
