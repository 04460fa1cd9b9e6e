--- Annotations for the Lua language server of what the files of this folder stand on.
---@meta taskq.core

--- `require "taskq.core"`: what lua/taskq is made of; handlers use the modules above it.
---@class taskq.core
--- Returns status, header lines, body and URL, or nil, a message and libcurl's code.
---@field fetch fun(call: table): integer?, string, string|integer, string?
--- Returns code, signal, stdout and stderr, or nil, a message and an errno.
---@field spawn fun(call: table): integer?, integer|string, string|integer, string?
--- Starts a command of the shell, to be read, or to be written; returns its number, or nil, a
--- message and an errno, as the other three do.
---@field pipe_open fun(command: string, is_written: boolean): integer?, string?, integer?
---@field pipe_read fun(number: integer): string?, string?, integer? nil alone at the end
---@field pipe_write fun(number: integer, text: string): true?, string?, integer?
---@field pipe_close fun(number: integer): integer?, integer|string, integer? code and signal
--- Makes a folder and those that lead to it; true, or nil, a message and an errno.
---@field make_folder fun(path: string): true?, string?, integer?
--- The one of the words that was probably meant, or nil.
---@field hint fun(word: string, known: string[]): string?
--- Raises a message, with the line of the handler before it.
---@field refuse fun(message: string)
---@field random_name fun(): string 16 hexadecimal digits, new at every call
--- Returns true, or nil, a message and the code of the server or the library.
---@field send_mail fun(letter: taskq.core.Letter): true?, string?, integer?

---@class taskq.core.Letter
---@field url string smtp://user:password@host:port or smtps://...
---@field from string the envelope's sender, a bare address
---@field recipients string[] bare addresses
---@field message string RFC 5322, lines ending in CRLF
---@field timeout? number milliseconds; default 30000

---@type taskq.core
local core = {}

return core
