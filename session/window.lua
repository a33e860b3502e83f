-- Counts one event where fewer than n happened within the last "per"
-- microseconds. The list at key holds the instants of those that count, the
-- latest first; an event that is refused is not added. Unlike buckets and fixed
-- windows it lets no stretch of time that long have more than n.
--
-- now comes as text: Lua would write a number of sixteen digits with fourteen.
-- Returns how many are left, -1 where it is refused; and after how many
-- microseconds to ask again.
local function count(key, now, n, per, ttl)
  local oldest = redis.call('LINDEX', key, -1)
  while oldest and tonumber(oldest) <= tonumber(now) - per do
    redis.call('RPOP', key)
    oldest = redis.call('LINDEX', key, -1)
  end
  local counted = redis.call('LLEN', key)
  if counted >= n then
    return -1, tonumber(oldest) + per - tonumber(now)
  end
  redis.call('LPUSH', key, now)
  redis.call('PEXPIRE', key, ttl)
  return n - counted - 1, 0
end
