-- Stores an API token, unless its owner has as many as allowed. KEYS: the tokens of the owner, what the keys of API
-- tokens begin with. ARGV: digest, body, the most tokens, seconds to keep it. Answers 1 also to a repetition.
local count = 0
for _, digest in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', KEYS[2] .. digest) == 1 then
    count = count + 1
  else
    redis.call('SREM', KEYS[1], digest)
  end
end
if redis.call('EXISTS', KEYS[2] .. ARGV[1]) == 0 then
  if count >= tonumber(ARGV[3]) then
    return 0
  end
  redis.call('HSET', KEYS[2] .. ARGV[1], 'body', ARGV[2])
end
redis.call('EXPIRE', KEYS[2] .. ARGV[1], ARGV[4])
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
