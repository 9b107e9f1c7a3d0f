-- Ends the wait of a ticket without a match. KEYS: ticket, what the keys of tickets begin with. ARGV: its state from
-- now on, the reason, seconds to keep it.
if redis.call('HGET', KEYS[1], 'state') ~= 'waiting' then
  return 0
end
leave_lists(KEYS[2], KEYS[1])
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'reason', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
