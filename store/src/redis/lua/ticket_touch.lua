-- Records when a waiting ticket's player last asked, and puts it back into its pool if it had left.
-- KEYS: ticket, what the keys of pools begin with. ARGV: now, seconds to keep ticket and pool, and the time
-- since which the others of the pool must have been seen to stay in it.
local ticket = redis.call('HMGET', KEYS[1], 'state', 'pool')
if ticket[1] ~= 'waiting' then
  return 0
end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if ticket[2] then
  local pool = KEYS[2] .. ticket[2]
  redis.call('ZADD', pool, ARGV[1], KEYS[1])
  redis.call('ZREMRANGEBYSCORE', pool, '-inf', '(' .. ARGV[3])
  redis.call('EXPIRE', pool, ARGV[2])
end
return 1
