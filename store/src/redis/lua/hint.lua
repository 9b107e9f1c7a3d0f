-- Adds a match to a shard's set, for the claim to an epoch, and the shard to the registry: no set stands
-- under an id that the registry does not name. Never lowers the epoch of an earlier addition.
-- KEYS: shards, the shard's set. ARGV: shard, match, epoch.
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', ARGV[3], ARGV[2])
return 1
