-- What wrk sends and reports. Arguments after --: method, path, kind, n, format, model, seed, header value.
--   kind random: another seed in every request; same: one seed; known: one seed, and If-None-Match
local method, path, kind, n, format, model, etag

function init(args)
  method, path, kind, n, format, model = args[1], args[2], args[3], args[4], args[5], args[6]
  math.randomseed(tonumber(args[7]))
  etag = args[8]
  if kind == "known" then wrk.headers["If-None-Match"] = etag end
  if method == "POST" then wrk.headers["Content-Type"] = "application/json" end
end

function request()
  local seed = 1
  if kind == "random" then seed = math.random(0, 2147483647) end
  if method == "GET" then
    local query = string.format("%s?seed=%d&n=%s&format=%s", path, seed, n, format)
    if model ~= "" then query = query .. "&model=" .. model end
    return wrk.format("GET", query)
  end
  local body = string.format('{"seed":%d,"n":%s,"format":"%s"', seed, n, format)
  if model ~= "" then body = body .. string.format(',"model":"%s"', model) end
  return wrk.format("POST", path, nil, body .. "}")
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max, e.connect, e.read, e.write, e.timeout, e.status))
end
