-- Takes or renews the lease of a tag's outbox. KEYS: lease. ARGV: worker, milliseconds of the lease, milliseconds to
-- keep the key. Answers the epoch, or '' while another worker has the lease.
local held = redis.call('HMGET', KEYS[1], 'worker', 'epoch', 'until')
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local epoch = held[2]
if held[1] ~= ARGV[1] then
  if held[1] and tonumber(held[3]) > now_ms then
    return ''
  end
  -- Microseconds since 1970, which are exact in a Lua number until 2255: so epochs rise although the key may expire.
  local next = now[1] * 1000000 + now[2]
  if epoch then
    next = math.max(next, tonumber(epoch) + 1)
  end
  epoch = string.format('%.0f', next)
end
redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'epoch', epoch, 'until', string.format('%.0f', now_ms + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return epoch
