-- Decides calls of one key under several limits, or a window, as if they came one after the other: each takes from all limits, or
-- from none. What is refused changes nothing, so a refusal is neither written nor replicated. (Two exceptions: when the clock
-- has gone back far, or the limit has other numbers than before, what that makes of the state has to be kept.)
--
-- KEYS[i]   state of limit i; in a cluster all share a hash tag
-- ARGV[1]   the limits, 33 bytes each: B (bucket) or W (window), then tick (µs), rate, unit, cap as big-endian doubles
-- ARGV[2…]  runs of equal calls in the order they came: cost (negative gives tokens back), how many
-- Reply: for each limit, of a bucket debt and µs since, of a window current, previous and µs since its start; how often the
--        clock had gone back far; for each run how many were admitted
--
-- The arithmetic is that of TokenBucket and SlidingWindow: whole numbers up to 2^52, exact as doubles. A state is as good as
-- none when the bucket is full or both windows are over, and just then it expires. One bucket alone is faster in bucket.lua.

local FARTHEST_REWIND = 5000000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limits = {}
local changed = false
local jumps = 0

for i = 1, #KEYS do
  local kind, tick, rate, unit, cap = struct.unpack('>c1dddd', ARGV[1], 33 * i - 32)
  local limit = { bucket = kind == 'B', tick = tick, rate = rate, unit = unit, cap = cap, at = now, debt = 0, current = 0,
    previous = 0 }
  limits[i] = limit
  local stored = redis.call('GET', KEYS[i])
  if stored and limit.bucket then
    local debt, at, old = struct.unpack('>ddd', stored)
    if old ~= unit then
      local part = debt % old
      debt = (debt - part) / old * unit + math.ceil(part * unit / old)
      changed = true
    end
    local elapsed = now - at
    if elapsed < -FARTHEST_REWIND then
      at = now
      jumps = jumps + 1
    elseif elapsed > 0 then
      local ticks = math.floor(elapsed / tick)
      at = at + ticks * tick
      debt = math.max(0, debt - ticks * rate)
    end
    limit.debt = debt
    limit.at = at
  elseif stored then
    local current, previous, start, old = struct.unpack('>dddd', stored)
    local length = unit * tick
    if old ~= unit then
      start = math.max(start, now - length + tick)
      changed = true
    end
    local elapsed = now - start
    if elapsed < -FARTHEST_REWIND then
      start = now
      jumps = jumps + 1
    elseif elapsed >= 2 * length then
      current, previous, start = 0, 0, now
    elseif elapsed >= length then
      current, previous, start = 0, current, start + length
    end
    if current == 0 and previous == 0 then
      start = now
    end
    limit.current = current
    limit.previous = previous
    limit.at = start
  end
  if not limit.bucket then
    limit.left = math.max(0, unit - math.floor(math.max(0, now - limit.at) / tick))
  end
end

changed = changed or jumps > 0
local fits = {}
for run = 2, #ARGV, 2 do
  local cost = tonumber(ARGV[run])
  local fit = tonumber(ARGV[run + 1])
  if cost > 0 then
    for _, limit in ipairs(limits) do
      local free
      if limit.bucket then
        free = limit.cap - limit.debt
      else
        free = (limit.cap - limit.current) * limit.unit - limit.previous * limit.left
      end
      fit = math.max(0, math.min(fit, math.floor(free / (cost * limit.unit))))
    end
  end
  if fit > 0 then
    changed = true
    for _, limit in ipairs(limits) do
      if limit.bucket then
        limit.debt = math.max(0, limit.debt + fit * cost * limit.unit)
      else
        local current = limit.current + fit * cost
        if current < 0 then
          limit.previous = math.max(0, limit.previous + current)
          current = 0
        end
        limit.current = current
      end
    end
  end
  fits[#fits + 1] = fit
end

local reply = {}
for i, limit in ipairs(limits) do
  if limit.bucket then
    reply[#reply + 1] = limit.debt
    reply[#reply + 1] = now - limit.at
  else
    reply[#reply + 1] = limit.current
    reply[#reply + 1] = limit.previous
    reply[#reply + 1] = now - limit.at
  end
  if changed then
    if not limit.bucket then
      local ttl = math.ceil((limit.at - now + 2 * limit.unit * limit.tick) / 1000) + 1
      redis.call('SET', KEYS[i], struct.pack('>dddd', limit.current, limit.previous, limit.at, limit.unit), 'PX', ttl)
    elseif limit.debt > 0 then
      local ttl = math.ceil((math.ceil(limit.debt / limit.rate) * limit.tick + math.max(0, limit.at - now)) / 1000) + 1
      redis.call('SET', KEYS[i], struct.pack('>ddd', limit.debt, limit.at, limit.unit), 'PX', ttl)
    else
      redis.call('DEL', KEYS[i])
    end
  end
end

reply[#reply + 1] = jumps
for _, fit in ipairs(fits) do
  reply[#reply + 1] = fit
end
return reply
