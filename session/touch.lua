-- Judges one session against the caller's clock and notes that it was seen.
-- KEYS[1]  the session
-- ARGV     now, idle limit, absolute limit (microseconds); time to live (milliseconds)
-- Returns {customer, created, seen, device}, or false where there is none.
--
-- Instants are compared as numbers but handed on as the text they came as:
-- Lua would write a number of sixteen digits with fourteen.
local record = redis.call('GET', KEYS[1])
if not record then
  return false
end
local customer, created, seen, device = string.match(record, '^(%d+) (%d+) (%d+) (.*)$')
if not customer then
  return redis.error_reply('ERR the session cannot be read')
end
local now = tonumber(ARGV[1])
if now >= tonumber(seen) + tonumber(ARGV[2]) or now >= tonumber(created) + tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
  return false
end
-- Instances' clocks differ a little: last seen never goes back.
if now > tonumber(seen) then
  seen = ARGV[1]
end
redis.call('SET', KEYS[1], customer .. ' ' .. created .. ' ' .. seen .. ' ' .. device, 'PX', ARGV[4])
return {customer, created, seen, device}
