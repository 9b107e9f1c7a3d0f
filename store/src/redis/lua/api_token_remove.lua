-- Removes an API token, if it is one of these. KEYS: API token, the tokens of an owner. ARGV: digest.
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then
  return 0
end
return redis.call('DEL', KEYS[1])
