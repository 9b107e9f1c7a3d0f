-- Leases the wave of a pool, or prolongs the lease. KEYS: wave, the last epoch of all pools. ARGV: holder, milliseconds.
-- Answers the epoch, or 0 while another holder has it.
local held = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if held[1] and held[1] ~= ARGV[1] then
  return 0
end
local epoch = held[2]
if not epoch then
  epoch = redis.call('INCR', KEYS[2])
  redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'epoch', epoch)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return epoch
