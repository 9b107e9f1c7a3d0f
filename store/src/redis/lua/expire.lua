-- Gives a finished match its age, if it has none yet. KEYS: head, log. ARGV: for how many milliseconds
-- from now on it is kept. Answers 1 if it did.
if redis.call('HGET', KEYS[1], 'status') ~= 'finished' or redis.call('PTTL', KEYS[1]) ~= -1 then
  return 0
end
-- One moment for both, so that neither is ever seen without the other.
local now = redis.call('TIME')
local gone_at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1])
redis.call('PEXPIREAT', KEYS[1], gone_at)
redis.call('PEXPIREAT', KEYS[2], gone_at)
return 1
