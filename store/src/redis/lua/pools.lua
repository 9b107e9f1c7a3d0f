-- The pools with at least so many tickets, each with their number. KEYS: the list of pools, what the keys of tickets
-- begin with. ARGV: the rank of the last pool that is looked at, from 0, how many.
local found = {}
for _, pool in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[1], 'REV')) do
  local count = redis.call('ZCARD', KEYS[2] .. 'in:' .. pool)
  if count >= tonumber(ARGV[2]) then
    found[#found + 1] = pool
    found[#found + 1] = count
  end
end
return found
