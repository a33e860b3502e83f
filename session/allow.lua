-- KEYS[1]  what is counted
-- ARGV     now (microseconds), how many, in how long (microseconds), time to live (milliseconds)
-- Returns {left or -1, microseconds until another is allowed}.
local left, retry = count(KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4])
return {left, retry}
