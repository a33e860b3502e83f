-- Marks the names in a customer's index whose sessions are to be ended, so that
-- none of them can be rotated from now on.
-- KEYS[1]  the index
-- ARGV     the session to keep
-- Returns all marked names.
local marked = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if string.sub(name, 1, 1) ~= '-' and name ~= ARGV[1] then
    redis.call('SREM', KEYS[1], name)
    name = '-' .. name
    redis.call('SADD', KEYS[1], name)
  end
  if name ~= ARGV[1] then
    marked[#marked + 1] = name
  end
end
return marked
