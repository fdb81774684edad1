-- Decides calls of one key under one token bucket, as if they came one after the other. What is refused changes nothing, so a
-- refusal is neither written nor replicated. (Two exceptions: when the clock has gone back far, or the limit has other numbers
-- than before, what that makes of the state has to be kept.)
--
-- KEYS[1]   the bucket
-- ARGV[1]   B, then tick (µs), rate, unit, cap as big-endian doubles (see TokenBucket)
-- ARGV[2…]  runs of equal calls in the order they came: cost (negative gives tokens back), how many
-- Then, for leases, 'ahead' and how many tokens to take ahead of use; or 'back', the unused tokens of a lease that are given
-- back, when it was granted, by this server's clock (µs), and for how long (µs)
-- Reply: debt, µs since; how often the clock had gone back far; for each run how many were admitted; with 'ahead', how many
--        tokens were taken, and the time (µs)
--
-- Whole numbers up to 2^52 are exact as doubles. A full bucket is as good as none, and just then the key expires. Several limits
-- are decided in limits.lua, by the same arithmetic.

local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local tick, rate, unit, cap = struct.unpack('>dddd', ARGV[1], 2)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local debt, at, jumps, changed = 0, now, 0, false

local stored = redis.call('GET', KEYS[1])
if stored then
  local old
  debt, at, old = struct.unpack('>ddd', stored)
  if old ~= unit then
    local part = debt % old
    debt = (debt - part) / old * unit + ceil(part * unit / old)
    changed = true
  end
  local elapsed = now - at
  if elapsed > 0 then
    local ticks = floor(elapsed / tick)
    at = at + ticks * tick
    debt = max(0, debt - ticks * rate)
  elseif elapsed < -5000000 then
    at = now
    jumps = 1
    changed = true
  end
end

local reply = { 0, 0, jumps }
local arg = 2
while arg <= #ARGV do
  local cost = tonumber(ARGV[arg])
  if cost then
    local fit = tonumber(ARGV[arg + 1])
    if cost > 0 then
      fit = max(0, min(fit, floor((cap - debt) / (cost * unit))))
    end
    if fit > 0 then
      debt = max(0, debt + fit * cost * unit)
      changed = true
    end
    reply[#reply + 1] = fit
  elseif ARGV[arg] == 'ahead' then
    -- A tenth of what is left at most: what other nodes may need must not be stranded here.
    local ahead = max(0, min(tonumber(ARGV[arg + 1]), floor((cap - debt) / unit / 10)))
    if ahead > 0 then
      debt = debt + ahead * unit
      changed = true
    end
    reply[#reply + 1] = ahead
    reply[#reply + 1] = now
  else
    -- Had the tokens stayed in the bucket, it might have been full meanwhile, and some would have flowed over.
    local age = now - tonumber(ARGV[arg + 2])
    local back = tonumber(ARGV[arg + 1]) * unit - ceil(age / tick) * rate
    if age >= 0 and age < tonumber(ARGV[arg + 3]) and back > 0 then
      debt = max(0, debt - back)
      changed = true
    end
    arg = arg + 2
  end
  arg = arg + 2
end

reply[1] = debt
reply[2] = now - at
if changed then
  if debt > 0 then
    local ttl = ceil((ceil(debt / rate) * tick + max(0, at - now)) / 1000) + 1
    redis.call('SET', KEYS[1], struct.pack('>ddd', debt, at, unit), 'PX', ttl)
  else
    redis.call('DEL', KEYS[1])
  end
end
return reply
