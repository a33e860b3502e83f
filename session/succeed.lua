-- Names a session's successor in the customer's index, unless it is to be ended.
-- KEYS[1]  the index
-- ARGV     the session, its successor, time to live of the index (milliseconds)
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('SADD', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
