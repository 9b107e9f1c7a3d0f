-- Stores a new ticket, waiting. KEYS: ticket, what the keys of pools begin with. ARGV: body, seen,
-- seconds to keep it unless it is asked for, pool or '' for a challenge, and the time since which the others of the pool
-- must have been seen to stay in it.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'seen', ARGV[2], 'state', 'waiting')
redis.call('EXPIRE', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then
  local pool = KEYS[2] .. ARGV[4]
  redis.call('HSET', KEYS[1], 'pool', ARGV[4])
  redis.call('ZADD', pool, ARGV[2], KEYS[1])
  redis.call('ZREMRANGEBYSCORE', pool, '-inf', '(' .. ARGV[5])
  redis.call('EXPIRE', pool, ARGV[3])
end
return 1
