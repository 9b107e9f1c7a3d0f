-- Registers a shard, unless it has left. KEYS: shards, the shard's record, its mark of having left.
-- ARGV: shard, heartbeat, record.
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], 'heartbeat', ARGV[2], 'record', ARGV[3])
return 1
