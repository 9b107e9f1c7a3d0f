-- Takes a dead shard out of the registry, if its set is empty and it was not heard of since.
-- KEYS: shards, the shard's record, its set. ARGV: shard, its last heartbeat or '' for no record.
-- Answers 1 if it did.
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
local heartbeat = redis.call('HGET', KEYS[2], 'heartbeat') or ''
if heartbeat ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[1], ARGV[1])
return 1
