-- Requests for wrk, run by wrk.py: POST the lines of the file BODIES in turn.
-- RATE: requests a second as a Poisson process, instead of as many as possible. They begin after a
-- second, when all connections are open, as those of a load balancer are.
-- CHECK: read every answer, and count those that are not as documented.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, us; } timeval; int gettimeofday(timeval *now, void *zone);")

local CONNECT_MS = 1000
local rate = tonumber(os.getenv("RATE"))
local requests, at, clock, threads = {}, 0, ffi.new("timeval"), {}
local due
n_ok, n_refused, n_odd = 0, 0, 0 -- global: `done` reads them from the thread

function setup(thread) threads[#threads + 1] = thread end

function init()
  for body in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, {["Content-Type"] = "application/json"}, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

if rate then
  -- Milliseconds until the next arrival. A free connection takes it; if none was free, it is late.
  function delay()
    ffi.C.gettimeofday(clock, nil)
    local now = tonumber(clock.s) * 1000 + tonumber(clock.us) / 1000
    due = (due or now + CONNECT_MS) - math.log(1 - math.random()) * 1000 / rate
    return math.max(0, math.floor(due - now + 0.5))
  end
end

if os.getenv("CHECK") then
  function response(status, headers, body)
    if status == 200 and body:find('"probability":', 1, true) then
      n_ok = n_ok + 1
    elseif status == 503 and (headers["retry-after"] or headers["Retry-After"]) then
      n_refused = n_refused + 1
    else
      n_odd = n_odd + 1
    end
  end
end

function done(summary, latency)
  local errors, thread = summary.errors, threads[1]
  local n_lost = errors.connect + errors.read + errors.write + errors.timeout
  local ok, refused, odd = summary.requests - errors.status, 0, errors.status
  if os.getenv("CHECK") then
    ok, refused, odd = thread:get("n_ok"), thread:get("n_refused"), thread:get("n_odd")
  end
  -- Of all answers, this percentile is at least the 99th of the accepted ones.
  local accepted = latency:percentile(100 - math.min(1, ok / math.max(1, ok + refused)))
  io.write(string.format(
    'RESULT {"seconds": %f, "n_ok": %d, "n_refused": %d, "n_odd": %d, "p50_ms": %f, ' ..
    '"p99_ms": %f, "accepted_p99_ms": %f, "max_ms": %f}\n',
    summary.duration / 1e6 - (rate and CONNECT_MS / 1000 or 0), ok, refused, odd + n_lost, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, accepted / 1000, latency.max / 1000))
end
