-- Takes a ticket out of the lists that it is in. `base` is what the keys of tickets begin with.
local function leave_lists(base, ticket)
  local where = redis.call('HMGET', ticket, 'pool', 'lists')
  if where[1] then
    redis.call('ZREM', base .. 'in:' .. where[1], ticket)
  end
  for list in string.gmatch(where[2] or '', '%S+') do
    redis.call('ZREM', base .. list, ticket)
  end
end
