-- wrk's script: posts the lines of a file one after another, and ends with what was measured as one line of JSON.
-- Arguments: file of bodies, API key, milliseconds that a connection pauses before each request (none: no pause).

local requests, at = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. arguments[2] }
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
  local pause = tonumber(arguments[3] or "0")
  if pause > 0 then
    function delay() return pause end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "bytes": %d, "p50": %d, "p95": %d, "p99": %d, "worst": %d, ' ..
    '"refused": %d, "broken": %d, "timed_out": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
