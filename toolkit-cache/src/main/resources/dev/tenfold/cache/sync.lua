-- The heartbeat: where the journal stands, the server's clock, and what a node has missed.
--
-- KEYS[1] epoch   KEYS[2] sequence   KEYS[3] journal   KEYS[4] schemas   KEYS[5] the last clear
-- ARGV[1] epoch to start with, should there be none   ARGV[2] number of the last message applied
-- ARGV[3] messages to reply with at most   ARGV[4] schema of the caller
-- ARGV[5] an epoch to end: the caller knows of invalidations in it that are lost here, so its entries are worthless
-- Reply: {epoch, number, last clear, server clock in milliseconds, journal from ARGV[2] on: {{id, {'b', body}}, …}}

local epoch = redis.call('GET', KEYS[1])
local n = redis.call('GET', KEYS[2])
if not epoch or not n then
  epoch = ARGV[1]
  n = '0'
  redis.call('DEL', KEYS[3], KEYS[5])
  redis.call('SET', KEYS[1], epoch)
  redis.call('SET', KEYS[2], n)
elseif epoch == ARGV[5] then
  epoch = ARGV[1]
  redis.call('SET', KEYS[1], epoch)
end
redis.call('SADD', KEYS[4], ARGV[4])
local clock = redis.call('TIME')
local missed = {}
if n ~= ARGV[2] or n ~= '0' then
  missed = redis.call('XRANGE', KEYS[3], ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
end
return {
  epoch,
  tonumber(n),
  tonumber(redis.call('GET', KEYS[5]) or '0'),
  tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000),
  missed,
}
