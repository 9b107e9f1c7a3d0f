-- Changes the document of a tournament, if it is of the expected revision. KEYS: the tournament, its results, the list of
-- all by time, the set of those with matches to be created, then what names the tournament of each new match.
-- ARGV: id, expected revision, the revision after it, document, when, for how many milliseconds all of it is kept, from
-- when on the list keeps entries, 1 if matches are to be created.
-- Answers the revision that there is, and 1 if it is this document.
local revision = redis.call('HGET', KEYS[1], 'revision') or '0'
if revision == ARGV[3] and redis.call('HGET', KEYS[1], 'body') == ARGV[4] then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('HSET', KEYS[1], 'revision', revision)
  return {revision, 1}
end
if revision ~= ARGV[2] then
  return {revision, 0}
end
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'body', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[7])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
if ARGV[8] == '1' then
  redis.call('SADD', KEYS[4], ARGV[1])
  redis.call('PEXPIRE', KEYS[4], ARGV[6])
else
  redis.call('SREM', KEYS[4], ARGV[1])
end
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[6], 'NX')
end
return {ARGV[3], 1}
