-- Judges one session against the caller's clock, counts one operation of it and
-- notes that it was seen.
-- KEYS[1]  the session
-- KEYS[2]  its operations
-- KEYS[3]  what is there where its reads must not lag; left out where none do
-- ARGV     now, idle limit, absolute limit (microseconds), time to live
--          (milliseconds), address; how many operations (0 for no limit), in how
--          long (microseconds), their time to live (milliseconds)
-- Returns {the session, operations left or -1, microseconds until another is
-- allowed, 1 where its reads must not lag or else 0}, or false where there is no
-- session.
--
-- Instants are compared as numbers but handed on as the text they came as:
-- Lua would write a number of sixteen digits with fourteen.
local record = redis.call('GET', KEYS[1])
if not record then
  return false
end
local customer, created, seen, stepped, address, rest = string.match(record, '^(%d+) (%d+) (%d+) (%d+) (%S*) (.*)$')
if not customer then
  return redis.error_reply('ERR the session cannot be read')
end
local now = tonumber(ARGV[1])
if now >= tonumber(seen) + tonumber(ARGV[2]) or now >= tonumber(created) + tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
  return false
end
local left, retry = 0, 0
if tonumber(ARGV[6]) > 0 then
  left, retry = count(KEYS[2], ARGV[1], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8])
  if left < 0 then
    return {record, left, retry, 0}
  end
end
-- Instances' clocks differ a little: last seen never goes back.
if now > tonumber(seen) then
  seen = ARGV[1]
end
if ARGV[5] ~= '' then
  address = ARGV[5]
end
record = table.concat({customer, created, seen, stepped, address, rest}, ' ')
redis.call('SET', KEYS[1], record, 'PX', ARGV[4])
local current = 0
if KEYS[3] then
  current = redis.call('EXISTS', KEYS[3])
end
return {record, left, retry, current}
