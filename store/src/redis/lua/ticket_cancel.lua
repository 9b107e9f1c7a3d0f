-- Withdraws a waiting ticket. KEYS: ticket, what the keys of pools begin with. ARGV: seconds to keep
-- it.
local ticket = redis.call('HMGET', KEYS[1], 'state', 'pool')
if ticket[1] ~= 'waiting' then
  return 0
end
if ticket[2] then
  redis.call('ZREM', KEYS[2] .. ticket[2], KEYS[1])
end
redis.call('HSET', KEYS[1], 'state', 'cancelled')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
