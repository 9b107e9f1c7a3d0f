-- Takes matches out of a shard's set, unless they were added for a claim to a higher epoch.
-- KEYS: the shard's set. ARGV: match and epoch of each.
for i = 1, #ARGV, 2 do
  local added_for = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if added_for and tonumber(added_for) <= tonumber(ARGV[i + 1]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return 1
