-- Changes both players' ratings in a category, once a match. KEYS: what is remembered of the match, White's ratings,
-- Black's, White's history, Black's. ARGV: category, the changes, for how many seconds they are remembered, White's
-- games before, White's rating, Black's games before, Black's rating, for how many seconds ratings are kept, how many of
-- a history.
-- Answers {'applied'}, {'already', changes}, or {'stale', White's rating or nil, Black's}.
local rated = redis.call('GET', KEYS[1])
if rated then
  -- Also a write, as WAIT waits for the writes of its own connection only.
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return {'already', rated}
end
local games = ARGV[1] .. ':games'
for seat = 0, 1 do
  local has = redis.call('HGET', KEYS[2 + seat], games) or '0'
  if has ~= ARGV[4 + 2 * seat] then
    return {'stale', redis.call('HGET', KEYS[2], ARGV[1]), redis.call('HGET', KEYS[3], ARGV[1])}
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
for seat = 0, 1 do
  local before, rating = ARGV[4 + 2 * seat], ARGV[5 + 2 * seat]
  redis.call('HSET', KEYS[2 + seat], ARGV[1], rating, games, string.format('%.0f', before + 1))
  redis.call('EXPIRE', KEYS[2 + seat], ARGV[8])
  redis.call('RPUSH', KEYS[4 + seat], rating)
  redis.call('LTRIM', KEYS[4 + seat], -tonumber(ARGV[9]), -1)
  redis.call('EXPIRE', KEYS[4 + seat], ARGV[8])
end
return {'applied'}
