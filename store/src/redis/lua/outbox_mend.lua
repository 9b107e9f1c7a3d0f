-- Gives a finished match what the write that ended it, or the end of its outbox entry, would have given it: data that
-- was restored by hand, or written by a former version, may lack it. KEYS: head, log, rooms of the chat, outbox of the
-- tag. ARGV: match, for how many milliseconds from now on it is kept once its entry is done.
-- Answers 0 if nothing was missing and no entry waits, 1 if it was given an expiry, 2 if its entry waits, 3 if it was
-- given an entry.
local head = redis.call('HMGET', KEYS[1], 'status', 'entry')
if head[1] ~= 'finished' then
  return 0
end
local outbox = #KEYS
if head[2] == 'done' then
  if redis.call('PTTL', KEYS[1]) ~= -1 then
    return 0
  end
  -- One moment for all, so that none is ever seen without the others.
  local now = redis.call('TIME')
  local gone_at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[2])
  for i = 1, outbox - 1 do
    redis.call('PEXPIREAT', KEYS[i], gone_at)
  end
  return 1
end
if head[2] and #redis.call('XRANGE', KEYS[outbox], head[2], head[2]) > 0 then
  return 2
end
local entry = redis.call('XADD', KEYS[outbox], '*', 'match', ARGV[1])
redis.call('HSET', KEYS[1], 'entry', entry)
for i = 1, outbox - 1 do
  redis.call('PERSIST', KEYS[i])
end
return 3
