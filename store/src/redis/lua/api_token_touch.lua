-- Records when an API token was used. KEYS: API token, the tokens of its owner. ARGV: time, seconds to keep both.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local used = redis.call('HGET', KEYS[1], 'used')
if not used or tonumber(used) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'used', ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
