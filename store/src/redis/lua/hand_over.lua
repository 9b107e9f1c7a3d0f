-- Gives a live match to another shard, fenced like a write. KEYS: head, log. ARGV: epoch, owner, next
-- epoch, next owner, length of the log, microseconds that have counted of the move under way.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status')
if not head[1] then
  return {'missing'}
end
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] or head[3] ~= 'live' then
  return {'fenced', head[1], head[2], head[3]}
end
local len = redis.call('LLEN', KEYS[2])
if len ~= tonumber(ARGV[5]) then
  return {'length', len}
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'owner', ARGV[4], 'move_seq', ARGV[5], 'move_us', ARGV[6])
return {'done'}
