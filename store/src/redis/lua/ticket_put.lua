-- Stores a new ticket, waiting. KEYS: ticket, waiting. ARGV: body, seen, place among the waiting or
-- '' for a challenge.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'seen', ARGV[2], 'state', 'waiting')
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'place', ARGV[3])
  redis.call('ZADD', KEYS[2], 0, ARGV[3])
end
return 1
