--- Annotations for the Lua language server: what handlers return, see and call. `require "taskq"`
--- means this file to it.
---@meta taskq

--- What a file below handlers/ returns, or a list of them.
---@class taskq.Handler
---@field type string the task type, such as "email:send"
---@field handler fun(context: taskq.Context): any
---@field timeout? number milliseconds that an attempt may take; default: --task-timeout
---@field max_attempts? integer 1 to 1000; a task's own wins; default 3
---@field max_age? number milliseconds since the task was created after which no retry begins
---@field backoff? taskq.Backoff
---@field memory_limit? integer bytes that one task may hold, at least 1 MB; default 64 MB
--- What the payload must be, by field: "string", "number", "integer", "boolean", "object", "array"
--- or "any"; with "?" behind it, the field may be absent or null.
---@field payload? table<string, string|table>

--- The delay after the n-th failure: min(cap, growth), times 1 + a random number up to jitter.
---@class taskq.Backoff
--- Growth: base + n^4 s, base * 2^(n-1), base * n, base.
---@field kind? "polynomial"|"exponential"|"linear"|"fixed"
---@field base? number milliseconds; default 5000
---@field cap? number milliseconds; default 6 hours
---@field jitter? number 0 to 1; default 0.1

--- What a handler may return to say how it went. Any value that is no table with a boolean
--- `success` is the result of a success; a raised error is a failure.
---@class taskq.Outcome
---@field success boolean
---@field result? any JSON, at most 1 MB
---@field error? any the reason of a failure
---@field retry_after? number milliseconds, in place of the backoff
---@field discard? boolean fail for good, whatever attempts are left
---@field snooze? number run again after so many milliseconds; uses no attempt

--- The argument of a handler. Its functions are called with a dot.
---@class taskq.Context
---@field task taskq.Task
---@field worker_id string
--- Whether the worker is about to end. A handler that was told so and then fails was interrupted:
--- the attempt is given back.
---@field is_shutting_down fun(): boolean
--- Whether somebody has asked to cancel the task.
---@field is_cancelled fun(): boolean
--- Tells how far the handler is, from 0 to 1; kept with the attempt.
---@field progress fun(fraction: number, message?: string)
--- Runs fn, whose statements commit together with the completion of the task: what fn returns is
--- its result. Once a task. When fn raises, nothing has happened, and the error goes on; nil, a
--- message and an SQLSTATE when it could not be committed.
---@field transaction fun(fn: fun(db: taskq.Transaction): any): any, string?, string?

--- What the function of context.transaction gets.
---@class taskq.Transaction
---@field query fun(sql: string, ...: any): taskq.Rows?, string?, string? as taskq.query
---@field enqueue fun(task: taskq.NewTask): taskq.Enqueued as taskq.enqueue

---@class taskq.Task
---@field id integer
---@field type string
---@field payload any decoded when first read; null is taskq.null, arrays stay arrays
---@field priority integer
---@field attempt integer 1 for the first
---@field attempts integer the same
---@field claims integer grows with every claim: a fencing token
---@field max_attempts integer
---@field created_at number milliseconds since the epoch
---@field scheduled_at number milliseconds since the epoch

--- `require "taskq"`
---@class taskq
---@field version string
---@field null lightuserdata JSON's null, the same as cjson.null
---@field json taskq.Json
---@field log taskq.Log
--- Sends one message, or files it when no SMTP_URL is set; see lua/taskq/mail.lua.
---@field mail fun(mail: taskq.Mail): true?, string?, integer?
--- One HTTP request; see lua/taskq/http.lua.
---@field http taskq.http|fun(request: taskq.HttpRequest): taskq.HttpResponse?, string?, integer?
--- Runs a program to its end; see lua/taskq/spawn.lua.
---@field spawn fun(request: taskq.Spawn): taskq.Ended?, string?, integer?
--- Writes files that nobody sees half written; see lua/taskq/file.lua.
---@field file { write: fun(path: string, text: string): true?, string?, integer? }
--- Runs one statement in a transaction of its own. Parameters ($1, $2, ...) are texts, integers,
--- numbers, booleans, nil or taskq.null, or tables, which become JSON. Returns nil, a message and
--- an SQLSTATE when the server refuses it or the connection is lost.
---@field query fun(sql: string, ...: any): taskq.Rows?, string?, string?
--- Enqueues a task, in a transaction of its own or in that of context.transaction around it.
---@field enqueue fun(task: taskq.NewTask): taskq.Enqueued?, string?, string?
--- Enqueues many tasks by one statement, and returns how many.
---@field enqueue_many fun(tasks: taskq.NewTask[]): integer?, string?, string?
--- "cancelled" (it was pending) or "requested" (it runs); nil, a message and TQ001 (there is no
--- such task) or TQ002 (it has finished).
---@field cancel fun(id: integer): "cancelled"|"requested"|nil, string?, string?
--- Puts a failed or cancelled task back into the queue.
---@field retry fun(id: integer, options?: taskq.RetryOptions): "retried"|nil, string?, string?
---@field stats fun(): taskq.Stats?, string?, string?
--- Registers a listener; in files below listeners/ only.
---@field on fun(event: taskq.EventName, listener: fun(event: taskq.Event))
---@field sleep fun(ms: number) suspends the handler; others run meanwhile
---@field now fun(): number milliseconds since the epoch, with fractions

--- A list of rows, each a table by column, in which NULL is absent. bool, int2 to int8, float4,
--- float8, json and jsonb are Lua's values; timestamptz is RFC 3339; all others are texts.
---@class taskq.Rows
---@field [integer] table<string, any>
---@field affected integer rows that the statement touched, or returned

---@class taskq.NewTask
---@field type string
---@field payload? any JSON, also taskq.null; default {}
---@field priority? integer -32768 to 32767, higher first; default 0
---@field max_attempts? integer 1 to 1000; default: the handler's
---@field scheduled_at? number milliseconds since the epoch; not together with delay
---@field delay? number milliseconds from now

---@class taskq.Enqueued
---@field id integer
---@field type string
---@field payload any
---@field status "pending"
---@field priority integer
---@field attempts integer
---@field max_attempts integer?
---@field created_at number milliseconds since the epoch
---@field scheduled_at number milliseconds since the epoch

---@class taskq.RetryOptions
---@field reset_attempts? boolean forget the attempts that were used up

---@class taskq.Stats
---@field pending integer
---@field running integer
---@field completed integer
---@field failed integer
---@field cancelled integer
---@field total integer

---@alias taskq.EventName
---| "worker-task:created"
---| "worker-task:started"
---| "worker-task:completed"
---| "worker-task:failed"

---@class taskq.Event
---@field type taskq.EventName
---@field payload taskq.EventPayload

---@class taskq.EventPayload
---@field task taskq.Task
---@field worker_id? string of started
---@field result? any of completed
---@field duration? number of completed: milliseconds
---@field error? { message: string, traceback: string?, kind: string } of failed
---@field will_retry? boolean of failed

--- The exact codec of payloads and results: integers stay integers, [] stays [].
---@class taskq.Json
---@field encode fun(value: any): string raises, and names the path, on what is not JSON
---@field decode fun(text: string): any, string? nil and a message for what is not JSON
---@field array fun(list?: table): table marks a table as an array, so that it is [] when empty

--- Lines of the worker's log, with the task's id, type and attempt.
---@class taskq.Log
---@field debug fun(message: string, fields?: table<string, any>)
---@field info fun(message: string, fields?: table<string, any>)
---@field warn fun(message: string, fields?: table<string, any>)
---@field error fun(message: string, fields?: table<string, any>)

---@type taskq
local taskq = {}

return taskq
