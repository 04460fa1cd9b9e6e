--- Guessing what a misspelt word was meant to be; as src/script/hint.c.

local M = {}

local MAX_DISTANCE = 2

local function plain(word)
  return word:gsub("%W", ""):lower()
end

--- Levenshtein's, one row at a time.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local replaced = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
      row[j] = math.min(row[j - 1] + 1, above + 1, replaced)
      diagonal = above
    end
  end
  return row[#b]
end

--- The word that was probably meant.
---@param word string
---@param known string[]
---@return string?
function M.find(word, known)
  local given, best, found = plain(word), MAX_DISTANCE + 1, nil
  for _, candidate in ipairs(known) do
    local steps = distance(given, plain(candidate))
    if steps < best and steps < #plain(candidate) then
      best, found = steps, candidate
    end
  end
  return found
end

--- " (did you mean "...")", or nothing.
---@param word string
---@param known string[]
---@return string
function M.text(word, known)
  local found = M.find(word, known)
  return found and (' (did you mean "%s"?)'):format(found) or ""
end

return M
