-- Removes old entries from the feed, and remembers the newest of them. KEYS: the feed, the place of the newest entry
-- that was removed. ARGV: the age in milliseconds. Writes nothing when nothing is old. Answers how many went.
local now = redis.call('TIME')
local from = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(ARGV[1])
local last = redis.call('XREVRANGE', KEYS[1], string.format('%.0f', from - 1), '-', 'COUNT', 1)
if #last == 0 then
  return 0
end
redis.call('SET', KEYS[2], last[1][1])
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', from))
