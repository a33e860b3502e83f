-- Counts one guess at a secret before it is made. Guesses in a row are free at
-- first; then each has to wait twice as long as the one before; and in the end
-- none is allowed.
-- KEYS[1]  the count
-- ARGV     now (microseconds), how many are free, the first wait and the longest
--          (microseconds), how many there are at most, time to live (milliseconds)
-- Returns {free ones left or -1, microseconds until another is allowed, 0 for never}.
local record = redis.call('GET', KEYS[1])
local guesses, last = 0, 0
if record then
  guesses, last = string.match(record, '^(%d+) (%d+)$')
  if not guesses then
    return redis.error_reply('ERR the count of guesses cannot be read')
  end
  guesses, last = tonumber(guesses), tonumber(last)
end
local now, free, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
if guesses >= most then
  if guesses == most then -- one further: none of those that were made is under way
    redis.call('SET', KEYS[1], string.format('%d %.0f', most + 1, last), 'KEEPTTL')
  end
  return {-1, 0}
end
if guesses >= free then
  local wait = math.min(tonumber(ARGV[3]) * 2 ^ (guesses - free), tonumber(ARGV[4]))
  if now < last + wait then
    return {-1, last + wait - now}
  end
end
guesses = guesses + 1
record = string.format('%d %.0f', guesses, math.max(now, last))
if guesses < most then
  redis.call('SET', KEYS[1], record, 'PX', ARGV[6])
else
  redis.call('SET', KEYS[1], record) -- closed until it is forgiven
end
return {math.max(free - guesses, 0), 0}
