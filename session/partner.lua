-- Judges one token of a partner against the caller's clock, and counts one operation
-- of the partner.
-- KEYS[1]  the token
-- KEYS[2]  since when the partner's tokens count (those from before do not)
-- KEYS[3]  the partner's operations
-- ARGV     now (microseconds); how many operations (0 for no limit), in how long
--          (microseconds), their time to live (milliseconds)
-- Returns {the token, operations left or -1, microseconds until another is allowed},
-- or false where there is no token.
local record = redis.call('GET', KEYS[1])
if not record then
  return false
end
local created, ends = string.match(record, '^(%d+) (%d+) ')
if not created then
  return redis.error_reply('ERR the token of a partner cannot be read')
end
local ended = redis.call('GET', KEYS[2])
if tonumber(ARGV[1]) >= tonumber(ends) or ended and tonumber(created) <= tonumber(ended) then
  redis.call('DEL', KEYS[1])
  return false
end
local left, retry = 0, 0
if tonumber(ARGV[2]) > 0 then
  left, retry = count(KEYS[3], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4])
end
return {record, left, retry}
