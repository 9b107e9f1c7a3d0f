-- The fenced writes of a batch to matches of one tag; each stands for itself. KEYS: head and log of each match, in the
-- order of the writes; after them the outbox of the tag if a record ends one of the matches. ARGV: owner; then for
-- each match its epoch, and
--   length of the log, record: of a live match that goes on, without a snapshot; or
--   '', length of the log, status that the match must have, '' or, if a record ends it, its id, snapshot or '', seq of the
--   snapshot, number of records, the records.
-- Answers the number of matches if all were stored now. Otherwise a list of the others, counted from 1, in their order:
-- n if the records of the nth were there already, {n, why, …} if they are not stored.
-- An error with the keys of one match is one of these reasons. Any other error is the answer to the whole call; what was
-- stored before it is recognised in the retransmission.
-- In the ordinary case it makes one write a match, so that the append-only file grows by one command for each.
local call, KEYS, ARGV = redis.pcall, KEYS, ARGV
-- Far below what `unpack` can return.
local PUSHED_MAX = 1000
local owner, outbox = ARGV[1], KEYS[#KEYS]
local others = {}

local function failed(answer)
  return type(answer) == 'table' and answer.err and answer
end

-- Why nothing is stored: a list, or the error that was met. Nothing if it was stored before.
local function judge(head, log, found, len, epoch, after, first, last)
  if failed(found) then
    return nil, found
  end
  if not found[1] then
    return {'missing'}
  end
  -- Before the position: what a former owner repeats is not for it to count as confirmed. After a
  -- rollback two shards may hold one epoch.
  if found[1] ~= epoch or found[2] ~= owner then
    return {'fenced', found[1], found[2], found[3]}
  end
  if failed(len) then
    return nil, len
  end
  if len < after then
    return {'rollback', len}
  end
  -- The status is another one.
  if len == after then
    return {'conflict', len}
  end
  local stored = call('LRANGE', log, after, after + last - first)
  for i = first, last do
    if stored[i - first + 1] ~= ARGV[i] then
      return {'conflict', len}
    end
  end
  -- A write that changes nothing, as WAIT waits for the writes of its own connection only.
  return nil, failed(call('HSET', head, 'epoch', epoch))
end

-- Stores the records from `first` to `last` and what goes with them. Returns the error that it met.
local function store(head, log, first, last, snapshot, seq, ends)
  for from = first, last, PUSHED_MAX do
    local error = failed(call('RPUSH', log, unpack(ARGV, from, math.min(from + PUSHED_MAX - 1, last))))
    if error then
      return error
    end
  end
  if snapshot ~= '' then
    local error = failed(call('HSET', head, 'snap', snapshot, 'snap_seq', seq))
    if error then
      return error
    end
  end
  if ends ~= '' then
    local entry = call('XADD', outbox, '*', 'match', ends)
    return failed(entry) or failed(call('HSET', head, 'status', 'finished', 'entry', entry))
  end
end

local at = 2
for i = 1, #KEYS - 1, 2 do
  local head, log, epoch, after = KEYS[i], KEYS[i + 1], ARGV[at], tonumber(ARGV[at + 1])
  local status, ends, snapshot, seq = 'live', '', '', nil
  local first, last = at + 2, at + 2
  if not after then
    after, status, ends = tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4]
    snapshot, seq = ARGV[at + 5], ARGV[at + 6]
    first, last = at + 8, at + 7 + tonumber(ARGV[at + 7])
  end
  at = last + 1
  local found = call('HMGET', head, 'epoch', 'owner', 'status')
  local len = call('LLEN', log)
  local is_stored, why, error = false, nil, nil
  if len == after and found[1] == epoch and found[2] == owner and found[3] == status then
    is_stored, error = true, store(head, log, first, last, snapshot, seq, ends)
  else
    why, error = judge(head, log, found, len, epoch, after, first, last)
  end
  if error then
    if not string.find(error.err, 'WRONGTYPE ', 1, true) then
      return error
    end
    why = {'unreadable', error.err}
  end
  if why then
    table.insert(why, 1, (i + 1) / 2)
    others[#others + 1] = why
  elseif not is_stored then
    others[#others + 1] = (i + 1) / 2
  end
end
if #others == 0 then
  return (#KEYS - #KEYS % 2) / 2
end
return others
