-- Adds matches to a shard's set, each for the claim to an epoch, and the shard to the registry: no set stands
-- under an id that the registry does not name. Never lowers the epoch of an earlier addition.
-- KEYS: shards, the shard's set. ARGV: shard, then match and epoch of each.
redis.call('SADD', KEYS[1], ARGV[1])
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[2], 'GT', ARGV[i + 1], ARGV[i])
end
return 1
