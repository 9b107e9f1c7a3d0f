-- Takes a match over by compare-and-set on its epoch and status. Epochs are compared as text: a Lua
-- number is not exact above 2^53. KEYS: head, log. ARGV: expected epoch, next epoch, claimant, status, then '' or how
-- many records the claimant did not write, its clock in microseconds, and the microseconds that have counted
-- of the move after that many records. Of the records, a former owner may have written more by now.
-- Answers as load.lua does, or {'lost', epoch, owner, status}.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status', 'snap_seq', 'snap',
  'move_seq', 'move_us')
if not head[1] then
  return {'missing'}
end
if head[1] ~= ARGV[1] or head[3] ~= ARGV[4] then
  return {'lost', head[1], head[2], head[3]}
end
local tail = redis.call('LRANGE', KEYS[2], head[4], -1)
if ARGV[5] == '' then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'owner', ARGV[3])
else
  local since = math.max(tonumber(ARGV[5]), redis.call('LLEN', KEYS[2]))
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'owner', ARGV[3], 'since_epoch', ARGV[2],
    'since_seq', since, 'since_us', ARGV[6], 'move_seq', ARGV[5], 'move_us', ARGV[7])
  head[6], head[7] = ARGV[5], ARGV[7]
end
return {'checkpoint', ARGV[2], ARGV[3], head[3], head[4], head[5], tail, head[6], head[7]}
