-- Records when a waiting ticket's player last asked, and puts it back into its pool if it had left.
-- KEYS: ticket, what the keys of tickets begin with, the list of pools. ARGV: now, milliseconds to keep ticket and
-- lists, when those are over, and the time since which the others of the pool must have been seen to stay in it.
local ticket, base, pools = KEYS[1], KEYS[2], KEYS[3]
local now, kept_ms, kept_until = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('HMGET', ticket, 'state', 'pool', 'lists', 'fixed')
if found[1] ~= 'waiting' then
  return 0
end
redis.call('HSET', ticket, 'seen', now)
if found[4] then
  return 1
end
redis.call('PEXPIRE', ticket, kept_ms)
if found[2] then
  local waiting = base .. 'in:' .. found[2]
  redis.call('ZADD', waiting, now, ticket)
  redis.call('ZREMRANGEBYSCORE', waiting, '-inf', '(' .. ARGV[4])
  redis.call('PEXPIRE', waiting, kept_ms)
  redis.call('ZADD', pools, now, found[2])
  redis.call('ZREMRANGEBYSCORE', pools, '-inf', '(' .. ARGV[4])
  redis.call('PEXPIRE', pools, kept_ms)
end
for list in string.gmatch(found[3] or '', '%S+') do
  redis.call('ZADD', base .. list, kept_until, ticket)
  redis.call('ZREMRANGEBYSCORE', base .. list, '-inf', '(' .. now)
  if redis.call('PTTL', base .. list) < tonumber(kept_ms) then
    redis.call('PEXPIRE', base .. list, kept_ms)
  end
end
return 1
