-- Marks a lease, so that its holder's fill wakes who waits for it.
--
-- KEYS[1] slot   ARGV[1] the lease as it was found, 17 bytes
-- Reply: 1 marked, 0 the lease is gone

if redis.call('GETRANGE', KEYS[1], 0, 16) ~= ARGV[1] then
  return 0
end
if redis.call('STRLEN', KEYS[1]) == 17 then
  redis.call('APPEND', KEYS[1], 'w')
end
return 1
