-- Gives one match to two tickets of a pool, if the wave is held under this epoch, and withdraws the other tickets that
-- both players have waiting in pools. KEYS: what the keys of tickets begin with, wave, both tickets. ARGV: holder, epoch,
-- match, assignment, seconds to keep the tickets, both players, seconds to remember them as each other's last opponent.
-- Answers 'done' also to a repetition, whoever holds the wave.
local base = KEYS[1]
local waiting, given = true, true
for i = 3, 4 do
  local ticket = redis.call('HMGET', KEYS[i], 'state', 'match')
  waiting = waiting and ticket[1] == 'waiting'
  given = given and ticket[1] == 'assigned' and ticket[2] == ARGV[3]
end
if given then
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  redis.call('HSET', KEYS[3], 'match', ARGV[3])
  return 'done'
end
local held = redis.call('HMGET', KEYS[2], 'holder', 'epoch')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then
  return 'fenced'
end
if not waiting then
  return 'taken'
end
for i = 3, 4 do
  leave_lists(base, KEYS[i])
  redis.call('HSET', KEYS[i], 'state', 'assigned', 'match', ARGV[3], 'assignment', ARGV[4])
  redis.call('EXPIRE', KEYS[i], ARGV[5])
end
for i = 6, 7 do
  for _, other in ipairs(redis.call('ZRANGE', base .. 'by:' .. ARGV[i], 0, -1)) do
    local ticket = redis.call('HMGET', other, 'state', 'pool')
    if ticket[1] == 'waiting' and ticket[2] then
      leave_lists(base, other)
      redis.call('HSET', other, 'state', 'cancelled')
      redis.call('EXPIRE', other, ARGV[5])
    end
  end
  redis.call('SET', base .. 'last:' .. ARGV[i], ARGV[13 - i], 'EX', ARGV[8])
end
return 'done'
