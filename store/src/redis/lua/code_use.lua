-- Uses a code. KEYS: code. ARGV: request, time. Answers its body, also to a repetition of the request that used it, and
-- '' if it is not good.
local code = redis.call('HMGET', KEYS[1], 'body', 'until', 'by')
if not code[1] or tonumber(code[2]) <= tonumber(ARGV[2]) or (code[3] and code[3] ~= ARGV[1]) then
  return ''
end
redis.call('HSET', KEYS[1], 'by', ARGV[1])
return code[1]
