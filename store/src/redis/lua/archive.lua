-- Keeps a match in the archive, unless one is kept under its id. KEYS: the match. ARGV: its bytes, for how many
-- milliseconds they stay, how many of these are for whoever takes it out of the lists.
-- Answers when it leaves the lists, in Unix milliseconds, and the match that was kept before.
local kept = redis.call('GET', KEYS[1])
if not kept then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
local now = redis.call('TIME')
local left = redis.call('PTTL', KEYS[1]) - tonumber(ARGV[3])
return {string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + left), kept}
