-- Takes the right to deliver the feed to a subscriber. KEYS: the subscriber, the feed, the place of the newest entry
-- that was removed. ARGV: holder, now, until when it takes it, for how many milliseconds the subscriber is remembered.
-- Answers epoch and position, or nothing while another one has the right.
local hook = redis.call('HMGET', KEYS[1], 'holder', 'until', 'epoch', 'position')
local epoch, position = tonumber(hook[3] or '0'), hook[4]
if hook[1] ~= ARGV[1] then
  if hook[1] and tonumber(hook[2]) > tonumber(ARGV[2]) then
    return {}
  end
  epoch = epoch + 1
end
if not position then
  local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  position = newest[1] and newest[1][1] or redis.call('GET', KEYS[3]) or '0-0'
end
epoch = string.format('%.0f', epoch)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', ARGV[3], 'epoch', epoch, 'position', position)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {epoch, position}
