-- Makes an account, unless its name is taken. KEYS: account, the key of its name, all accounts, and an invitation if one
-- is needed. ARGV: id, body, password or '', key of the name, time. Answers 1, also to a repetition, 0 if the name is
-- taken, and 2 if the invitation is not good.
local known = redis.call('GET', KEYS[2])
if known == ARGV[1] then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('SET', KEYS[2], ARGV[1])
  return 1
end
if known then
  return 0
end
if KEYS[4] then
  local invitation = redis.call('HMGET', KEYS[4], 'left', 'until')
  if not invitation[1] or tonumber(invitation[1]) < 1 or tonumber(invitation[2]) <= tonumber(ARGV[5]) then
    return 2
  end
  redis.call('HINCRBY', KEYS[4], 'left', -1)
end
redis.call('HSET', KEYS[1], 'body', ARGV[2], 'key', ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'password', ARGV[3])
end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[4] .. '\0' .. ARGV[1])
return 1
