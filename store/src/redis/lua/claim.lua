-- Takes a live match over by compare-and-set on its epoch. Epochs are compared as text: a Lua
-- number is not exact above 2^53. KEYS: head, log. ARGV: expected epoch, next epoch, claimant.
-- Answers as load.lua does, or {'lost', epoch, owner, status}.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status', 'snap_seq', 'snap',
  'move_seq', 'move_us')
if not head[1] then
  return {'missing'}
end
if head[1] ~= ARGV[1] or head[3] ~= 'live' then
  return {'lost', head[1], head[2], head[3]}
end
local tail = redis.call('LRANGE', KEYS[2], head[4], -1)
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'owner', ARGV[3])
return {'checkpoint', ARGV[2], ARGV[3], head[3], head[4], head[5], tail, head[6], head[7]}
