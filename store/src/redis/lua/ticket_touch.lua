-- Notes when a waiting ticket's player last asked. KEYS: ticket. ARGV: now.
if redis.call('HGET', KEYS[1], 'state') ~= 'waiting' then
  return 0
end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
return 1
