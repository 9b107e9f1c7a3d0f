-- Gives one match to all of these tickets, or to none. KEYS: what the keys of tickets begin with, then the tickets.
-- ARGV: match, assignment, seconds to keep the tickets. Answers 1 also to a repetition.
local waiting, given = true, true
for i = 2, #KEYS do
  local ticket = redis.call('HMGET', KEYS[i], 'state', 'match')
  waiting = waiting and ticket[1] == 'waiting'
  given = given and ticket[1] == 'assigned' and ticket[2] == ARGV[1]
end
if given then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('HSET', KEYS[2], 'match', ARGV[1])
  return 1
end
if not waiting then
  return 0
end
for i = 2, #KEYS do
  leave_lists(KEYS[1], KEYS[i])
  redis.call('HSET', KEYS[i], 'state', 'assigned', 'match', ARGV[1], 'assignment', ARGV[2])
  redis.call('EXPIRE', KEYS[i], ARGV[3])
end
return 1
