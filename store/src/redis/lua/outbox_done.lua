-- Removes an outbox entry, and gives its match an expiry. KEYS: lease, outbox, mark of an ended match, head, log, rooms
-- of the chat. ARGV: worker, epoch, entry, for how many milliseconds the match is kept, and for how many its mark.
-- Answers 1, or 0 if the worker does not have the lease under that epoch.
local held = redis.call('HMGET', KEYS[1], 'worker', 'epoch')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then
  return 0
end
redis.call('XDEL', KEYS[2], ARGV[3])
-- An empty stream would stay for ever.
if redis.call('EXISTS', KEYS[2]) == 1 and redis.call('XLEN', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[2])
end
local head = redis.call('HMGET', KEYS[4], 'status', 'entry', 'epoch', 'owner')
-- Another entry means that the store went back, and the match has ended once more since.
if head[1] == 'finished' and head[2] == ARGV[3] then
  redis.call('HSET', KEYS[4], 'entry', 'done')
  redis.call('HSET', KEYS[3], 'epoch', head[3], 'owner', head[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
  -- One moment for all, so that none is ever seen without the others.
  local now = redis.call('TIME')
  local gone_at = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4])
  for i = 4, #KEYS do
    redis.call('PEXPIREAT', KEYS[i], gone_at)
  end
end
return 1
