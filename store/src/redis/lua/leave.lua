-- A shard leaves for good; the registry goes on to name it while its set is not empty.
-- KEYS: shards, the shard's record, its mark of having left, its set. ARGV: shard, seconds to keep the
-- mark. Answers the size of the set.
redis.call('SET', KEYS[3], '1', 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
local left = redis.call('ZCARD', KEYS[4])
if left == 0 then
  redis.call('SREM', KEYS[1], ARGV[1])
else
  redis.call('SADD', KEYS[1], ARGV[1])
end
return left
