-- Sets or removes one attribute of a session that is there; leaves the others as they are.
--
-- KEYS[1] the session (see session-create.lua)
-- ARGV[1] a point and the attribute's name   ARGV[2] how many attributes there may be   ARGV[3] how many bytes all their names
-- and values may have   ARGV[4] the value; none to remove the attribute
-- Reply: 1; 0 if there is no session; -1 if there would be too many attributes, -2 if they would be too large

local expiry = redis.call('HGET', KEYS[1], 'e')
if not expiry then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(expiry) then
  return 0
end

if #ARGV == 3 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 1
end
local count = 1
local bytes = #ARGV[1] - 1 + #ARGV[4]
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) == '.' and fields[i] ~= ARGV[1] then
    count = count + 1
    bytes = bytes + #fields[i] - 1 + #fields[i + 1]
  end
end
if count > tonumber(ARGV[2]) then
  return -1
end
if bytes > tonumber(ARGV[3]) then
  return -2
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1
