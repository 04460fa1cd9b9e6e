--- Lines that use the module or the context wrongly, by function, with what their errors say of the
--- argument.

local function url(rest)
  return ("taskq.http { url = 'http://localhost/', %s }"):format(rest)
end

local function mail(rest)
  return ("taskq.mail { to = 'a@mail.example', text = 'x', %s }"):format(rest)
end

return {
  ["taskq.sleep"] = {
    { "taskq.sleep()", "#1 to 'sleep' (number expected, got n" },
    { "taskq.sleep('soon')", "#1 to 'sleep' (number expected, got string)" },
    { "taskq.sleep(-1)", "#1 to 'sleep' (milliseconds, 0 or more, expected)" },
    { "taskq.sleep(0/0)", "#1 to 'sleep' (milliseconds" },
    { "table.sort({ 1, 2 }, function() taskq.sleep(1) end)", "taskq.sleep cannot wait inside" },
  },
  ["taskq.query"] = {
    { "taskq.query()", "#1 to 'query' (string expected, got n" },
    { "taskq.query(1)", "#1 to 'query' (string expected, got number)" },
    { "taskq.query('select 1\\0')", "#1 to 'query' (SQL without zero bytes expected)" },
    { "taskq.query('select $1', 'a\\0b')", "parameter $1: PostgreSQL cannot take" },
    { "taskq.query('select $1, $2', 1, print)", "parameter $2: a function cannot be a parameter" },
    { "taskq.query('select $1', { f = print })", "parameter $1.f: a function is not JSON" },
  },
  ["taskq.enqueue"] = {
    { "taskq.enqueue('x')", "taskq.enqueue: a task must be a table" },
    { "taskq.enqueue {}", "taskq.enqueue: type must be a text" },
    { "taskq.enqueue { type = 1 }", "taskq.enqueue: type must be a text" },
    { "taskq.enqueue { typo = 'x' }", 'taskq.enqueue: unknown field "typo" (did you mean "type"' },
    { "taskq.enqueue { type = 'x', payload = 0/0 }", "taskq.enqueue: payload: nan is not JSON" },
    { "taskq.enqueue { type = 'x', priority = 1.5 }", "taskq.enqueue: priority must be a whole" },
    { "taskq.enqueue { type = 'x', max_attempts = 0 }", "taskq.enqueue: max_attempts must be" },
    { "taskq.enqueue { type = 'x', delay = 'x' }", "taskq.enqueue: delay must be a number" },
    { "taskq.enqueue { type = 'x', scheduled_at = -1 }", "taskq.enqueue: scheduled_at must be" },
    { "taskq.enqueue { type = 'x', delay = 1, scheduled_at = 1 }", "scheduled_at and delay excl" },
  },
  ["taskq.enqueue_many"] = {
    { "taskq.enqueue_many('x')", "#1 to 'enqueue_many' (table expected, got string)" },
    { "taskq.enqueue_many { type = 'x' }", "taskq.enqueue_many: a list of tasks expected" },
    { "taskq.enqueue_many { 'x' }", "taskq.enqueue_many: task 1: a task must be a table" },
    { "taskq.enqueue_many { { type = 'x' }, { type = 1 } }", "task 2: type must be a text" },
  },
  ["taskq.cancel"] = {
    { "taskq.cancel()", "#1 to 'cancel' (number expected, got n" },
    { "taskq.cancel({})", "#1 to 'cancel' (number expected, got table)" },
    { "taskq.cancel(1.5)", "#1 to 'cancel' (number has no integer representation)" },
  },
  ["taskq.retry"] = {
    { "taskq.retry('x')", "#1 to 'retry' (number expected, got string)" },
    { "taskq.retry(1, true)", "#2 to 'retry' (table expected, got boolean)" },
    { "taskq.retry(1, { reset = true })", 'taskq.retry: unknown option "reset"' },
    { "taskq.retry(1, { reset_attempts = 1 })", "taskq.retry: reset_attempts must be a boolean" },
  },
  ["taskq.mail"] = {
    { "taskq.mail('x')", "taskq.mail: a table expected" },
    { mail "text = 1", "taskq.mail: text: must be a string, not number" },
    { mail "to = { 1 }", "taskq.mail: to[1]: must be a string, not number" },
    { mail "from = 'nobody'", 'taskq.mail: from: "nobody" is not an address' },
    { mail "subject = 'a\\nb'", "taskq.mail: subject: must not contain a newline" },
    { mail "headers = { to = 'x' }", 'taskq.mail: headers["to"]: this field is made' },
    { mail "headers = 1", "taskq.mail: headers: must be a table, not number" },
    { mail "timeout = 'x'", "taskq.mail: timeout: must be a number from 1" },
    { mail "x = 1", "taskq.mail: x: there is no such argument" },
  },
  ["taskq.http"] = {
    { "taskq.http('x')", "taskq.http: a table expected" },
    { "taskq.http {}", "taskq.http: url: is missing" },
    { "taskq.http.get()", "taskq.http: url: is missing" },
    { "taskq.http.get('http://localhost', 1)", "taskq.http: options: must be a table, not number" },
    { "taskq.http.post(1)", "taskq.http: url: must be a string, not number" },
    { url "method = 1", "taskq.http: method: must be a string, not number" },
    { url "headers = { [1] = 'x' }", 'taskq.http: headers["1"]: is no name of a header field' },
    { url "headers = { a = {} }", 'taskq.http: headers["a"]: must be a string or a number' },
    { url "body = 1", "taskq.http: body: must be a string, not number" },
    { url "json = { f = print }", "value.f: a function is not JSON" },
    { url "json = 1, body = 'x'", "taskq.http: json: cannot be sent together with body" },
    { url "timeout = 0", "taskq.http: timeout: must be a number from 1" },
    { url "max_bytes = -1", "taskq.http: max_bytes: must be a number from 0" },
    { url "typo = 1", "taskq.http: typo: there is no such argument" },
    { ("table.sort({ 1, 2 }, function() %s end)"):format(url "body = ''"),
      "taskq.http cannot wait inside table.sort" },
  },
  ["taskq.spawn"] = {
    { "taskq.spawn('true')", "taskq.spawn: a table expected" },
    { "taskq.spawn {}", "taskq.spawn: [1]: is missing: the program" },
    { "taskq.spawn { 'true', {} }", "taskq.spawn: [2]: must be a string or a number, not table" },
    { "taskq.spawn { 'true', 'a\\0b' }", "taskq.spawn: [2]: must not contain a zero byte" },
    { "taskq.spawn { 'true', [3] = 'x' }", "taskq.spawn: [3]: the one before it is nil" },
    { "taskq.spawn { 'true', stdin = 1 }", "taskq.spawn: stdin: must be a string, not number" },
    { "taskq.spawn { 'true', cwd = 'a\\0b' }", "taskq.spawn: cwd: must not contain control" },
    { "taskq.spawn { 'true', env = { ['='] = 1 } }", 'taskq.spawn: env["="]: is no name of a var' },
    { "taskq.spawn { 'true', timeout = true }", "taskq.spawn: timeout: must be a number from 1" },
    { "taskq.spawn { 'true', typo = 1 }", "taskq.spawn: typo: there is no such argument" },
  },
  ["taskq.file"] = {
    { "taskq.file.write()", "taskq.file.write: path: must be a string, not nil" },
    { "taskq.file.write({}, 'x')", "taskq.file.write: path: must be a string, not table" },
    { "taskq.file.write('a\\0b', 'x')", "taskq.file.write: path: must be the name of a file" },
    { "taskq.file.write('x')", "taskq.file.write: text: must be a string, not nil" },
    { "taskq.file.write('x', {})", "taskq.file.write: text: must be a string, not table" },
  },
  ["taskq.json"] = {
    { "taskq.json.encode(print)", "value: a function is not JSON" },
    { "taskq.json.encode { { x = 1/0 } }", "value[1].x: an infinite number is not JSON" },
    { "taskq.json.decode({})", "#1 to 'decode' (string expected, got table)" },
    { "taskq.json.array(1)", "#1 to 'array' (table expected, got number)" },
  },
  ["taskq.log"] = {
    { "taskq.log.debug()", "#1 to 'debug' (string expected, got n" },
    { "taskq.log.info({})", "#1 to 'info' (string expected, got table)" },
    { "taskq.log.warn('x', 1)", "#2 to 'warn' (table expected, got number)" },
    { "taskq.log.error(nil, {})", "#1 to 'error' (string expected, got nil)" },
  },
  ["taskq.on"] = {
    { "taskq.on({}, print)", "#1 to 'on' (string expected, got table)" },
    { "taskq.on('worker-task:failed', 1)", "#2 to 'on' (function expected, got number)" },
    { "taskq.on('task:failed', print)", 'taskq.on: there is no event "task:failed"' },
    { "taskq.on('worker-task:failed', print)", "taskq.on: listeners are registered while" },
  },
  ["context.progress"] = {
    { "context.progress()", "#1 to 'progress' (number expected, got n" },
    { "context.progress(2)", "#1 to 'progress' (a fraction from 0 to 1 expected)" },
    { "context.progress(0.5, {})", "#2 to 'progress' (string expected, got table)" },
  },
  ["context.transaction"] = {
    { "context.transaction()", "#1 to 'transaction' (function expected, got n" },
    { "context.transaction('select 1')", "#1 to 'transaction' (function expected, got string)" },
    { "context.transaction(function() return print end)",
      "context.transaction: the result: a function is not JSON" },
    { "context.transaction(function(db) db.query(1) end)", "#1 to 'query' (string expected" },
    { "context.transaction(function(db) db.enqueue {} end)", "db.enqueue: type must be a text" },
  },
  ["os.execute"] = {
    { "os.execute({})", "#1 to 'execute' (string expected, got table)" },
  },
  ["io.popen"] = {
    { "io.popen()", "#1 to 'popen' (string expected, got nil)" },
    { "io.popen('true', 'x')", "#2 to 'popen' (invalid mode)" },
    { "io.popen('true'):read('x')", "#1 to 'read' (invalid format)" },
    { "io.popen('true', 'w'):write({})", "#1 to 'write' (string expected, got table)" },
    { "local pipe = io.popen('true') pipe:close() pipe:read()", "attempt to use a closed file" },
  },
}
