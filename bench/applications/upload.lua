-- What wrk sends; result.lua says what came of it. Arguments after --: path, content type, file of the body, mark, seed.
--   Each request has a number of ten digits of its own, in the place of the mark in path and body: no answer is from memory.
require("result")

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
