-- Removes an account and what gives access to it. KEYS: account, all accounts, its API tokens, the name of its login
-- code, what the keys of names, of API tokens and of login codes begin with, the name of its transfer, and what the keys
-- of transfers begin with. ARGV: id.
-- Answers 0 if there is no such account.
local key = redis.call('HGET', KEYS[1], 'key')
if not key then
  return 0
end
for _, digest in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  redis.call('DEL', KEYS[6] .. digest)
end
local code = redis.call('GET', KEYS[4])
if code then
  redis.call('DEL', KEYS[7] .. code)
end
local transfer = redis.call('GET', KEYS[8])
if transfer then
  redis.call('DEL', KEYS[9] .. transfer)
end
redis.call('ZREM', KEYS[2], key .. '\0' .. ARGV[1])
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[5] .. key, KEYS[8])
return 1
