-- Reads who may write a match. It writes something that changes nothing, as WAIT waits for the writes of its own
-- connection only. KEYS: head. Answers with the epoch, the owner and the status, or with nothing of each.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'status')
if head[1] then
  redis.call('HSET', KEYS[1], 'epoch', head[1])
end
return head
