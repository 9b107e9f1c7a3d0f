-- Adds an entry to the feed, unless there is one of the same match. KEYS: the feed, the place of the match's entry.
-- ARGV: match, seq, from when on it is public, the document, for how many milliseconds the place is remembered.
-- Answers the place of the entry that there is.
local place = redis.call('GET', KEYS[2])
if place then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('SET', KEYS[2], place, 'KEEPTTL')
  return place
end
place = redis.call('XADD', KEYS[1], '*', 'match', ARGV[1], 'seq', ARGV[2], 'public_at', ARGV[3], 'json', ARGV[4])
redis.call('SET', KEYS[2], place, 'PX', ARGV[5])
return place
