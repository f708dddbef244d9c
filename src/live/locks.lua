-- Locks and their lines: who holds a lock, who waits for it, who is next. One command per call: ARGV[1] names it.
-- A lock is held exclusively (sw:lock:x: owner) or shared (sw:lock:s: owners by expiry). Whoever waits stands in a line
-- per lock and mode (sw:line:x:, sw:line:s:, by admission number) and has a waiter (sw:waiter:) with all that it needs.
-- A reservation is a hold by somebody who still stands in line: only acquiring takes him out of it.
-- Who is admitted and finds his locks taken stands in line from then on (sw:standing: by queue); who finds them free is
-- expected (sw:due:x:, sw:due:s:) until he comes for them: nobody who was admitted later goes first.

local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Waiters who did not wake in their turn stand behind all admission numbers.
local behind_all = 1e15
local scan_limit = 200
local again_ms = 500
-- So long is somebody waited for who is expected; the queue offers him again and again meanwhile.
local due_ms = 600000

local function held(mode, lock) return "sw:lock:" .. mode .. ":" .. lock end
local function line(mode, lock) return "sw:line:" .. mode .. ":" .. lock end
local function due(mode, lock) return "sw:due:" .. mode .. ":" .. lock end
local function waiter(job) return "sw:waiter:" .. job end
local function coming(job) return "sw:coming:" .. job end
local function standing(queue) return "sw:standing:" .. queue end

local function has(need, job)
  if need[2] == "x" then return redis.call("GET", held("x", need[1])) == job end
  local expiry = redis.call("ZSCORE", held("s", need[1]), job)
  return expiry and tonumber(expiry) > now
end

local function has_all(needs, job)
  for _, need in ipairs(needs) do
    if not has(need, job) then return false end
  end
  return true
end

-- Somebody else whose hold stands in the way of this need.
local function other_owner(need, job)
  local owner = redis.call("GET", held("x", need[1]))
  if owner then return owner ~= job and owner or nil end
  if need[2] == "s" then return nil end
  for _, sharer in ipairs(redis.call("ZRANGE", held("s", need[1]), "(" .. now, "+inf", "BYSCORE", "LIMIT", 0, 2)) do
    if sharer ~= job then return sharer end
  end
  return nil
end

local function first_before(key, place)
  return redis.call("ZRANGE", key, "-inf", "(" .. place, "BYSCORE", "LIMIT", 0, 1)[1]
end

-- The first who is expected before that place; who stays away for too long is expected no more.
local function first_due(key, place)
  for _ = 1, scan_limit do
    local first = first_before(key, place)
    if not first or redis.call("EXISTS", coming(first)) == 1 then return first end
    redis.call("ZREM", key, first)
  end
end

-- Somebody who waits or is expected in front of that place and conflicts with this need.
local function in_front(need, place)
  for _, mode in ipairs(need[2] == "s" and { "x" } or { "x", "s" }) do
    local first = first_before(line(mode, need[1]), place) or first_due(due(mode, need[1]), place)
    if first then return first end
  end
  return nil
end

-- He has come, or will not.
local function expect_no_more(needs, job)
  if redis.call("DEL", coming(job)) == 0 then return end
  for _, need in ipairs(needs) do redis.call("ZREM", due(need[2], need[1]), job) end
end

local function hold(need, job, ttl)
  if need[2] == "x" then
    redis.call("SET", held("x", need[1]), job, "PX", ttl)
    return
  end
  local key = held("s", need[1])
  redis.call("ZREMRANGEBYSCORE", key, "-inf", now)
  redis.call("ZADD", key, now + ttl, job)
  redis.call("PEXPIREAT", key, redis.call("ZRANGE", key, -1, -1, "WITHSCORES")[2])
end

local function drop(need, job)
  if need[2] == "s" then
    redis.call("ZREM", held("s", need[1]), job)
  elseif redis.call("GET", held("x", need[1])) == job then
    redis.call("DEL", held("x", need[1]))
  end
end

local function stand(needs, job, place)
  for _, need in ipairs(needs) do
    redis.call("ZADD", line(need[2], need[1]), place, job)
    redis.call("SADD", "sw:lines", need[1])
  end
  redis.call("HSET", waiter(job), "place", place)
  redis.call("HDEL", waiter(job), "reserved")
end

-- He is known by all he needs and by the queue to which he goes when it is his turn.
local function arrive(needs, job, facts)
  stand(needs, job, facts.place)
  redis.call("HSETNX", waiter(job), "since", now)
  redis.call("HSET", waiter(job), "needs", facts.needs, "queue", facts.queue, "lock", facts.lock, "owner", facts.owner)
  redis.call("SADD", standing(facts.queue), job)
end

local function leave(needs, job)
  for _, need in ipairs(needs) do
    local name = need[1]
    redis.call("ZREM", line(need[2], name), job)
    if redis.call("EXISTS", line("x", name), line("s", name)) == 0 then
      redis.call("SREM", "sw:lines", name)
      redis.call("HDEL", "sw:lines:seen", name)
    end
  end
  local queue = redis.call("HGET", waiter(job), "queue")
  if queue then redis.call("SREM", standing(queue), job) end
  redis.call("DEL", waiter(job))
end

-- He was woken and did not come in time: he stands behind the others now, until he asks by himself.
local function pass_over(needs, job)
  for _, need in ipairs(needs) do drop(need, job) end
  stand(needs, job, behind_all + redis.call("INCR", "sw:lines:passed"))
end

-- Reserves all that a waiter needs, or nothing. Returns the queue he is to come by when he is woken, and whether he still
-- stands there.
local function wake(job, lock, mode, reserve_ms, patience)
  local facts = redis.call("HMGET", waiter(job), "needs", "place", "reserved", "queue")
  local queue = facts[4] or "interactive"
  if not facts[1] then
    redis.call("ZREM", line(mode, lock), job)
    return false, false
  end
  local needs = cjson.decode(facts[1])
  if redis.call("HEXISTS", "sw:job:" .. job, "done") == 1 then
    for _, need in ipairs(needs) do drop(need, job) end
    leave(needs, job)
    return false, false
  end
  if facts[3] then
    if has_all(needs, job) then return now - tonumber(facts[3]) >= patience and queue, true end
    pass_over(needs, job)
    return false, false
  end
  for _, need in ipairs(needs) do
    if other_owner(need, job) or in_front(need, facts[2]) then return false, true end
  end
  for _, need in ipairs(needs) do hold(need, job, reserve_ms) end
  redis.call("HSET", waiter(job), "reserved", now)
  return queue, true
end

-- Those who share are woken together, up to the first who wants the lock alone. A long line is looked through in parts:
-- `seen` is where the last look ended.
local function wake_sharers(lock, last, reserve_ms, woken, seen)
  local sharers = redis.call("ZRANGE", line("s", lock), "(" .. seen, last, "BYSCORE", "LIMIT", 0, scan_limit, "WITHSCORES")
  for index = 1, #sharers, 2 do
    local queue = wake(sharers[index], lock, "s", reserve_ms, again_ms)
    if queue then table.insert(woken, { sharers[index], queue }) end
  end
  return #sharers == 2 * scan_limit and sharers[#sharers] or "-1"
end

-- Hands a lock on to whoever is next, if anybody may have it now. Returns where a look at the sharers ended.
local function hand_on(lock, reserve_ms, woken, seen)
  local owner = redis.call("GET", held("x", lock))
  if owner and redis.call("HEXISTS", "sw:job:" .. owner, "done") == 1 then
    redis.call("DEL", held("x", lock))
  elseif owner and redis.call("EXISTS", waiter(owner)) == 0 then
    return seen
  end
  for _ = 1, scan_limit do
    local alone = redis.call("ZRANGE", line("x", lock), 0, 0, "WITHSCORES")
    local sharer = redis.call("ZRANGE", line("s", lock), 0, 0, "WITHSCORES")
    if not alone[1] and not sharer[1] then
      redis.call("SREM", "sw:lines", lock)
      return "-1"
    end
    if not alone[1] or (sharer[1] and tonumber(sharer[2]) < tonumber(alone[2])) then
      if not seen then return seen end
      return wake_sharers(lock, alone[2] and "(" .. alone[2] or "+inf", reserve_ms, woken, seen)
    end
    local queue, stands = wake(alone[1], lock, "x", reserve_ms, again_ms)
    if queue then table.insert(woken, { alone[1], queue }) end
    if stands then return seen end
  end
  return seen
end

local commands = {}

-- The first need that cannot be met at that place in the lines, and who stands in its way.
local function obstacle(needs, job, place)
  for _, need in ipairs(needs) do
    local owner = not has(need, job) and (other_owner(need, job) or in_front(need, place))
    if owner then return need[1], owner end
  end
end

-- job, admission, queue, ttl, needs -> {1} or {1, how long it waited} or {0, lock, owner}
function commands.acquire(job, admission, queue, ttl, encoded)
  local needs = cjson.decode(encoded)
  expect_no_more(needs, job)
  local lock, owner = obstacle(needs, job, admission)
  if not lock then
    for _, need in ipairs(needs) do hold(need, job, ttl) end
    local stood = redis.call("HMGET", waiter(job), "place", "since")
    if not stood[1] then return { 1 } end
    leave(needs, job)
    return { 1, now - tonumber(stood[2] or now) }
  end
  for _, need in ipairs(needs) do drop(need, job) end
  arrive(needs, job, { place = admission, queue = queue, needs = encoded, lock = lock, owner = owner })
  return { 0, lock, owner }
end

-- job, admission, queue, needs: it was admitted. -> 1 when it stands in line now, 0 when it is to come for its locks
function commands.expect(job, admission, queue, encoded)
  if redis.call("EXISTS", waiter(job)) == 1 then return 1 end
  local needs = cjson.decode(encoded)
  if redis.call("HEXISTS", "sw:job:" .. job, "done") == 1 or has_all(needs, job) then return 0 end
  local lock, owner = obstacle(needs, job, admission)
  if lock then
    expect_no_more(needs, job)
    arrive(needs, job, { place = admission, queue = queue, needs = encoded, lock = lock, owner = owner })
    return 1
  end
  for _, need in ipairs(needs) do
    redis.call("ZADD", due(need[2], need[1]), admission, job)
    redis.call("PEXPIRE", due(need[2], need[1]), due_ms)
  end
  redis.call("SET", coming(job), 1, "PX", due_ms)
  return 0
end

-- job, reserve -> 1 when what it waits for is reserved for it, or it waits no more
function commands.look(job, reserve_ms)
  for _ = 1, 2 do
    local encoded = redis.call("HGET", waiter(job), "needs")
    if not encoded then return 1 end
    local need = cjson.decode(encoded)[1]
    local queue, stands = wake(job, need[1], need[2], reserve_ms, 0)
    if queue then return 1 end
    if stands then return 0 end
  end
  return 0
end

-- job, ttl, needs -> 1 when all are still its own; who is done holds nothing
function commands.renew(job, ttl, encoded)
  if redis.call("HEXISTS", "sw:job:" .. job, "done") == 1 then return 0 end
  local is_kept = 1
  for _, need in ipairs(cjson.decode(encoded)) do
    if other_owner(need, job) then
      is_kept = 0
    else
      hold(need, job, ttl)
    end
  end
  return is_kept
end

-- job, reserve, needs -> the jobs to wake, each with its queue
function commands.release(job, reserve_ms, encoded)
  local needs = cjson.decode(encoded)
  local waited = redis.call("HGET", waiter(job), "needs")
  for _, need in ipairs(needs) do drop(need, job) end
  expect_no_more(needs, job)
  if waited then leave(cjson.decode(waited), job) end
  local woken = {}
  for _, need in ipairs(needs) do
    -- One sharer's going frees nothing for another: only for who wants the lock alone.
    if need[2] == "x" then
      hand_on(need[1], reserve_ms, woken, "-1")
    elseif redis.call("EXISTS", line("x", need[1])) == 1 then
      hand_on(need[1], reserve_ms, woken)
    end
  end
  return woken
end

-- reserve, locks ... -> the jobs to wake, each with its queue
function commands.sweep(reserve_ms, ...)
  local woken = {}
  for _, lock in ipairs({ ... }) do
    local seen = redis.call("HGET", "sw:lines:seen", lock) or "-1"
    local seen_now = hand_on(lock, reserve_ms, woken, seen)
    if seen_now == "-1" then
      redis.call("HDEL", "sw:lines:seen", lock)
    elseif seen_now ~= seen then
      redis.call("HSET", "sw:lines:seen", lock, seen_now)
    end
  end
  return woken
end

-- locks ... -> an owner each, or an empty string
function commands.owners(...)
  local owners = {}
  for _, lock in ipairs({ ... }) do
    table.insert(owners, other_owner({ lock, "x" }, "") or "")
  end
  return owners
end

return commands[ARGV[1]](unpack(ARGV, 2))
