--- The encodings of mail: header fields (RFC 5322, RFC 2047) and text bodies (RFC 2045).

local M = {}

local LINE_LENGTH = 76
local WORD_LENGTH = 60 -- of an encoded word, so that it fits behind the name of most fields
local WORD_PREFIX, WORD_SUFFIX = "=?UTF-8?Q?", "?="
local TOKEN_LENGTH = 900 -- a server may refuse lines over 998 bytes

local function hex_byte(char)
  return ("=%02X"):format(char:byte())
end

--- Splits UTF-8 text into encoded words; none of them splits a character.
---@param text string
---@return string[]
function M.encoded_words(text)
  local words, word = {}, ""
  local room = WORD_LENGTH - #WORD_PREFIX - #WORD_SUFFIX
  for char in text:gmatch(utf8.charpattern) do
    local encoded = char == " " and "_" or char:gsub("[^%w!*+/-]", hex_byte)
    if #word + #encoded > room then
      words[#words + 1] = WORD_PREFIX .. word .. WORD_SUFFIX
      word = ""
    end
    word = word .. encoded
  end
  words[#words + 1] = WORD_PREFIX .. word .. WORD_SUFFIX
  return words
end

--- Can this text stand in a header field as it is?
---@param text string
---@return boolean
function M.is_plain(text)
  if text:find("[^ -~]") or text:find("=?", 1, true) then
    return false
  end
  for token in text:gmatch("%S+") do
    if #token > TOKEN_LENGTH then
      return false
    end
  end
  return true
end

--- Joins tokens to a header field, folded before tokens that would make a line too long. Each token
--- but the first begins with the space that is before it.
---@param name string
---@param tokens string[]
---@return string field ends with CRLF
function M.fold(name, tokens)
  local lines, line = {}, name .. ": "
  for i, token in ipairs(tokens) do
    if i > 1 and #line + #token > LINE_LENGTH then
      lines[#lines + 1] = line
      line = ""
    end
    line = line .. token
  end
  lines[#lines + 1] = line .. "\r\n"
  return table.concat(lines, "\r\n")
end

--- A header field whose value is free text.
---@param name string
---@param text string UTF-8, one line
---@return string field ends with CRLF
function M.text_field(name, text)
  text = text:match("^%s*(.-)%s*$")
  local tokens = {}
  if M.is_plain(text) then
    for token in text:gmatch("%s*%S+") do
      tokens[#tokens + 1] = token
    end
  else
    tokens = M.encoded_words(text)
    for i = 2, #tokens do
      tokens[i] = " " .. tokens[i]
    end
  end
  return M.fold(name, tokens)
end

local function break_line(line)
  if #line <= LINE_LENGTH then
    return line
  end
  local pieces, at = {}, 1
  while #line - at + 1 > LINE_LENGTH do
    local last = at + LINE_LENGTH - 2 -- and a "=" behind it
    local escape = line:find("=", last - 1, true)
    if escape and escape <= last then
      last = escape - 1
    end
    pieces[#pieces + 1] = line:sub(at, last) .. "="
    at = last + 1
  end
  pieces[#pieces + 1] = line:sub(at)
  return table.concat(pieces, "\r\n")
end

--- Encodes text as quoted-printable; every line ends with CRLF.
---@param text string
---@return string
function M.quoted_printable(text)
  local lines = {}
  text = text:gsub("\r\n?", "\n")
  if text:sub(-1) ~= "\n" then
    text = text .. "\n"
  end
  for line in text:gmatch("([^\n]*)\n") do
    line = line:gsub("[^ -<>-~\t]", hex_byte):gsub("[ \t]$", hex_byte)
    lines[#lines + 1] = break_line(line) .. "\r\n"
  end
  return table.concat(lines)
end

return M
