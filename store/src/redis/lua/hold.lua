-- Adds an entry to a player's list, unless it is full. KEYS: the list. ARGV: entry, time, the most
-- entries, seconds to keep the list. Answers 1 also to a repetition, and 0 if the list is full.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 1
end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
