-- The fenced write. KEYS: head, log, outbox of the tag. ARGV: epoch, after, '' or, if a record ends the match, its id,
-- seq of the snapshot, the snapshot or '', owner, the status that the match must have, then the records.
-- In the ordinary case it makes one write, so that the append-only file grows by one command.
local RECORDS = 8
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status')
if not head[1] then
  return {'missing'}
end
-- Before the position: what a former owner repeats is not for it to count as confirmed. After a
-- rollback two shards may hold one epoch.
if head[1] ~= ARGV[1] or head[2] ~= ARGV[6] then
  return {'fenced', head[1], head[2], head[3]}
end
local len = redis.call('LLEN', KEYS[2])
local after = tonumber(ARGV[2])
if len < after then
  return {'rollback', len}
end
if len > after then
  local stored = redis.call('LRANGE', KEYS[2], after, after + #ARGV - RECORDS)
  for i = RECORDS, #ARGV do
    if stored[i - RECORDS + 1] ~= ARGV[i] then
      return {'conflict', len}
    end
  end
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('HSET', KEYS[1], 'epoch', head[1])
  return {'duplicate'}
end
if head[3] ~= ARGV[7] then
  return {'conflict', len}
end
redis.call('RPUSH', KEYS[2], unpack(ARGV, RECORDS))
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'snap', ARGV[5], 'snap_seq', ARGV[4])
end
if ARGV[3] ~= '' then
  local entry = redis.call('XADD', KEYS[3], '*', 'match', ARGV[3])
  redis.call('HSET', KEYS[1], 'status', 'finished', 'entry', entry)
end
return {'stored'}
