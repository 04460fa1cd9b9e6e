--- Commits that stop half-way: a table `effects (task)` whose rows make a COMMIT wait as long as
--- the spec holds it.

local database = require "support.database"

local M = {}

--- Makes the table.
---@param connection Connection
function M.make_effects(connection)
  connection:query([[
    create table effects (task bigint primary key);
    create function wait_for_spec() returns trigger language plpgsql as $f$
    begin
      perform pg_advisory_xact_lock_shared(1);
      return null;
    end $f$;
    create constraint trigger effects_are_held after insert on effects
      deferrable initially deferred for each row execute function wait_for_spec()]])
end

--- From now on commits wait, until the connection is closed.
---@param queue Queue
---@return Connection
function M.hold(queue)
  local connection = database.connect(queue.url)
  connection:query("select pg_advisory_lock(1)")
  return connection
end

--- Waits until the COMMIT of a handler waits.
---@param queue Queue
function M.await(queue)
  queue:await(30, "a commit", [[
    select exists (
      select from pg_stat_activity
      where datname = current_database() and application_name = 'taskq handler'
        and query = 'commit' and wait_event_type = 'Lock')]])
end

return M
