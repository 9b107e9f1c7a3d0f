-- Records how far a subscriber was told. KEYS: the subscriber. ARGV: epoch, position.
-- Answers 1, or 0 if the right to deliver has another epoch.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return 1
