-- What wrk sends and reports. Arguments after --: path, content type, file of the body, mark, seed.
--   Each request has a number of ten digits of its own, in the place of the mark in path and body: no answer is from memory.
local path, kind, body, mark

function init(args)
  path, kind, mark = args[1], args[2], args[4]
  local file = assert(io.open(args[3], "rb"))
  body = file:read("*a")
  file:close()
  math.randomseed(tonumber(args[5]))
  wrk.headers["Content-Type"] = kind
end

function request()
  local number = string.format("%010d", math.random(0, 2147483647))
  return wrk.format("POST", (path:gsub(mark, number)), nil, (body:gsub(mark, number)))
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max, e.connect, e.read, e.write, e.timeout, e.status))
end
