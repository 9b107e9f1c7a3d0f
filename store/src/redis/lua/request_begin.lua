-- Begins the request under a key. KEYS: entry. ARGV: digest, id, now, until when it counts as running, seconds to keep
-- the entry. Answers what became of it, and the id or the response.
local found = redis.call('HMGET', KEYS[1], 'digest', 'id', 'until', 'response')
if not found[1] then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'id', ARGV[2], 'until', ARGV[4])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  return {'new', ARGV[2]}
end
if found[1] ~= ARGV[1] then
  return {'other', ''}
end
if found[4] then
  return {'done', found[4]}
end
if tonumber(found[3]) > tonumber(ARGV[3]) then
  return {'running', ''}
end
redis.call('HSET', KEYS[1], 'until', ARGV[4])
return {'new', found[2]}
