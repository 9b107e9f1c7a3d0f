-- Adds a line to a room of a match, unless it is there. KEYS: head, room. ARGV: the line, how many are kept.
-- Answers 1, or 0 if there is no such match.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local kept = redis.call('LRANGE', KEYS[2], 0, -1)
for i = 1, #kept do
  if kept[i] == ARGV[1] then
    -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
    redis.call('HSET', KEYS[1], 'epoch', redis.call('HGET', KEYS[1], 'epoch'))
    return 1
  end
end
redis.call('RPUSH', KEYS[2], ARGV[1])
if #kept >= tonumber(ARGV[2]) then
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[2]), -1)
end
-- The room of a match that is finished already goes with it.
local left = redis.call('PTTL', KEYS[1])
if #kept == 0 and left >= 0 then
  redis.call('PEXPIRE', KEYS[2], left)
end
return 1
