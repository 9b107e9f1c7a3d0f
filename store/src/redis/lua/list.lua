-- Adds an entry to a list, which stays for a time after the last addition. KEYS: the list. ARGV: the entry, its score,
-- for how many milliseconds the list stays.
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
