-- Keeps the response of a request or, without one, lets a repetition begin it again. KEYS: entry. ARGV: the response,
-- if there is one.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if ARGV[1] then
  redis.call('HSET', KEYS[1], 'response', ARGV[1])
else
  redis.call('HSET', KEYS[1], 'until', 0)
end
return 1
