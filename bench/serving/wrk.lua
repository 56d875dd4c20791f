-- What wrk sends; result.lua says what came of it. Arguments after --: method, path, kind, n, format, model, seed, header value.
--   kind random: another seed in every request; same: one seed; known: one seed, and If-None-Match
require("result")

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
