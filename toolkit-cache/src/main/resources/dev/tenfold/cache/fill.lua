-- Stores loaded values, each if its slot still holds the caller's lease or the very value that the caller refreshed.
-- An invalidation in between has emptied the slot, a writer has fenced it: then the value is late, and refused.
--
-- KEYS[1…] for each value: its slot, the lease of its refresh   ARGV[1] channel
-- ARGV[2…] for each value: first bytes of what the slot must hold; the value, or '' to give the lease back without one;
--          milliseconds to live; lease of the refresh, or ''; message for who waits
-- Reply: for each value 1 stored or given back, 0 refused

local reply = {}
for i = 1, #KEYS / 2 do
  local slot = KEYS[2 * i - 1]
  local refresh = KEYS[2 * i]
  local at = 5 * i - 3
  local expected = ARGV[at]
  local value = ARGV[at + 1]
  local token = ARGV[at + 3]
  if token ~= '' and redis.call('GET', refresh) == token then
    redis.call('DEL', refresh)
  end
  local held = redis.call('GETRANGE', slot, 0, 17)
  if held == '' or string.sub(held, 1, #expected) ~= expected then
    reply[i] = 0
  else
    local leased = string.sub(held, 1, 1) == 'L'
    if value ~= '' then
      redis.call('SET', slot, value, 'PX', ARGV[at + 2])
    elseif leased then
      redis.call('DEL', slot)
    end
    if leased and string.sub(held, 18, 18) == 'w' then
      redis.call('PUBLISH', ARGV[1], ARGV[at + 4])
    end
    reply[i] = 1
  end
end
return reply
