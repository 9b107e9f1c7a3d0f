-- Keeps the first result of a match with its tournament, for as long as that is kept. KEYS: the tournament, its results.
-- ARGV: match, result.
local ttl = redis.call('PTTL', KEYS[1])
if ttl <= 0 then
  return 0
end
local known = redis.call('HGET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], known or ARGV[2])
redis.call('PEXPIRE', KEYS[2], ttl)
return 1
