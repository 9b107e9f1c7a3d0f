-- Stores an invitation. KEYS: invitation, all invitations. ARGV: digest, body, uses, when it was made and when it
-- expires, milliseconds until then, seconds to keep the list.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'body', ARGV[2], 'left', ARGV[3], 'until', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[7])
return 1
