-- Replaces the password of an account. KEYS: account. ARGV: password. Answers 0 if there is no such account.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'password', ARGV[1])
return 1
