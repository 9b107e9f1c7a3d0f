-- Gives a finished match its age, if it has none yet. KEYS: head, log, rooms of the chat. ARGV: for how many
-- milliseconds from now on it is kept. Answers 1 if it did.
if redis.call('HGET', KEYS[1], 'status') ~= 'finished' or redis.call('PTTL', KEYS[1]) ~= -1 then
  return 0
end
-- One moment for all, so that none is ever seen without the others.
local now = redis.call('TIME')
local gone_at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1])
for i = 1, #KEYS do
  redis.call('PEXPIREAT', KEYS[i], gone_at)
end
return 1
