-- Stores a code of a player in place of the former one. KEYS: the name of the player's code, what the keys of such
-- codes begin with. ARGV: digest, body, when it expires, milliseconds until then.
local former = redis.call('GET', KEYS[1])
if former and former ~= ARGV[1] then
  redis.call('DEL', KEYS[2] .. former)
end
if redis.call('EXISTS', KEYS[2] .. ARGV[1]) == 0 then
  redis.call('HSET', KEYS[2] .. ARGV[1], 'body', ARGV[2], 'until', ARGV[3])
  redis.call('PEXPIRE', KEYS[2] .. ARGV[1], ARGV[4])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
return 1
