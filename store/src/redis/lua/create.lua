-- Stores a new match. KEYS: head, the mark of an ended match. ARGV: owner, snapshot, its seq. Answers {}, or
-- {epoch, owner, status} if it existed.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status')
if head[1] then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('HSET', KEYS[1], 'epoch', head[1])
  return head
end
local ended = redis.call('HMGET', KEYS[2], 'epoch', 'owner')
if ended[1] then
  return {ended[1], ended[2], 'finished'}
end
redis.call('HSET', KEYS[1], 'epoch', '0', 'owner', ARGV[1], 'status', 'live',
  'snap', ARGV[2], 'snap_seq', ARGV[3])
return {}
