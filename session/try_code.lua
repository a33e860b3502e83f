-- Tries one code, once.
-- KEYS[1]  the code
-- ARGV     now (microseconds), what it is for, how many tries there are, and the
--          hashes of what was typed, one by each key that there is
-- Returns the record where it is right, 0 where it is wrong, false where there is none.
local record = redis.call('GET', KEYS[1])
if not record then
  return false
end
local customer, ends, tries, hash, purpose, data = string.match(record, '^(%d+) (%d+) (%d+) (%x+) (%S+) (.*)$')
if not customer then
  return redis.error_reply('ERR the code cannot be read')
end
if tonumber(ARGV[1]) >= tonumber(ends) then
  redis.call('DEL', KEYS[1])
  return false
end
if ARGV[2] ~= purpose then
  return false
end
for i = 4, #ARGV do
  if ARGV[i] == hash and customer ~= '0' then
    redis.call('DEL', KEYS[1])
    return record
  end
end
tries = tonumber(tries) + 1
if tries >= tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
else
  record = table.concat({customer, ends, string.format('%d', tries), hash, purpose, data}, ' ')
  redis.call('SET', KEYS[1], record, 'KEEPTTL')
end
return 0
