-- Stores a new match. KEYS: head. ARGV: owner, snapshot, its seq. Answers 1, or 0 if it existed.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'epoch', '0', 'owner', ARGV[1], 'status', 'live',
  'snap', ARGV[2], 'snap_seq', ARGV[3])
return 1
