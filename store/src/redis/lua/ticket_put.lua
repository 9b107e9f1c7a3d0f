-- Stores a new ticket, waiting. KEYS: ticket, what the keys of tickets begin with, the list of pools. ARGV: body, seen,
-- milliseconds to keep it unless it is asked for, when that is, '1' if asking does not prolong it, pool or '' for a
-- challenge, the other lists that it is in, the time since which the others of the pool must have been seen to stay in
-- it.
local ticket, base, pools = KEYS[1], KEYS[2], KEYS[3]
local seen, kept_ms, kept_until, pool = ARGV[2], ARGV[3], ARGV[4], ARGV[6]
if redis.call('EXISTS', ticket) == 1 then
  return 0
end
redis.call('HSET', ticket, 'body', ARGV[1], 'seen', seen, 'state', 'waiting', 'lists', ARGV[7])
if ARGV[5] == '1' then
  redis.call('HSET', ticket, 'fixed', '1')
end
redis.call('PEXPIRE', ticket, kept_ms)
if pool ~= '' then
  local waiting = base .. 'in:' .. pool
  redis.call('HSET', ticket, 'pool', pool)
  redis.call('ZADD', waiting, seen, ticket)
  redis.call('ZREMRANGEBYSCORE', waiting, '-inf', '(' .. ARGV[8])
  redis.call('PEXPIRE', waiting, kept_ms)
  redis.call('ZADD', pools, seen, pool)
  redis.call('ZREMRANGEBYSCORE', pools, '-inf', '(' .. ARGV[8])
  redis.call('PEXPIRE', pools, kept_ms)
end
for list in string.gmatch(ARGV[7], '%S+') do
  redis.call('ZADD', base .. list, kept_until, ticket)
  redis.call('ZREMRANGEBYSCORE', base .. list, '-inf', '(' .. seen)
  -- Never shorter than for what is in it already.
  if redis.call('PTTL', base .. list) < tonumber(kept_ms) then
    redis.call('PEXPIRE', base .. list, kept_ms)
  end
end
return 1
