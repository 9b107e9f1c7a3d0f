-- Reads a match at one moment. KEYS: head, log. ARGV: nothing, or anything if it is to write something that changes
-- nothing.
-- Answers {'missing'} or {'checkpoint', epoch, owner, status, snap_seq, snap, tail, move_seq, move_us};
-- the last two say how much of the move after record move_seq had counted at the last hand-over or claim, if any.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status', 'snap_seq', 'snap',
  'move_seq', 'move_us')
if not head[1] then
  return {'missing'}
end
if ARGV[1] then
  redis.call('HSET', KEYS[1], 'epoch', head[1])
end
local tail = redis.call('LRANGE', KEYS[2], head[4], -1)
return {'checkpoint', head[1], head[2], head[3], head[4], head[5], tail, head[6], head[7]}
