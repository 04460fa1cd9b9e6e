# Sourced by the `run` of every example: finds taskq, gives it a private database in a temporary folder,
# which is the current one, and checks what came of it. Nothing is left behind.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
example=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
handlers="$example/handlers"
taskq=${TASKQ_BIN:-$root/build/release/taskq}
servers=()

say() {
  printf '%s\n' "$*"
}

fail() {
  printf '%s: %s\n' "$(basename "$example")" "$*" >&2
  exit 1
}

[ -x "$taskq" ] || fail "there is no $taskq: build it (scripts/demo does), or set TASKQ_BIN"
for variable in $(compgen -e); do
  case $variable in
    DATABASE_URL | PG* | JOB_* | SMTP_URL | MAIL_* | http_proxy | HTTP_PROXY) unset "$variable" ;;
  esac
done

work=$(mktemp -d)
chmod 755 "$work" # for the database, which does not run as root
cd "$work"
export TASKQ_HOME="$work/taskq"
export TASKQ_PRIVATE_LINGER=10m # psql does not keep the database up; it ends with its folder

finish() {
  local status=$? server
  for server in "${servers[@]}"; do
    kill "$server" 2>/dev/null || true
  done
  if [ "$status" != 0 ] && [ -s worker.log ]; then
    say "the worker said:" && cat worker.log
  fi >&2
  # The database is told of its end by this, and may still write something into a folder meanwhile.
  for _ in {1..300}; do
    rm -rf "$work" 2>/dev/null && break
    sleep 0.1
  done
  exit "$status"
}
trap finish EXIT

say "making a private database for this example"
"$taskq" migrate >migrated

# Starts a server of the example's own; its first line of output, such as a port, goes to $answer.
start_server() {
  local output
  exec {output}< <(exec "$@" 2>server.log)
  servers+=($!)
  read -r answer <&"$output" || fail "$* did not start: $(cat server.log)"
}

# Runs tasks until none is left; says every 5 s how many are.
work_off() {
  local worker
  say "running the tasks until none is left"
  "$taskq" worker --handlers "$handlers" --until-empty "$@" 2>>worker.log &
  worker=$!
  servers+=("$worker")
  while kill -0 "$worker" 2>/dev/null; do
    timeout 5 tail --pid="$worker" -f /dev/null || say "$(sql "select pending from taskq.stats()") are left"
  done
  wait "$worker"
}

# psql on the private database.
client() {
  exec psql -qAtX -v ON_ERROR_STOP=1 -h "$TASKQ_HOME/pg/server/socket" -U postgres "$@"
}

# Runs SQL; rows come back as lines, columns apart by |.
sql() {
  (client -c "$1")
}

# Runs SQL in a transaction that stays open until let_go rolls it back: work that needs the same row stops there,
# so that there is something left to do however fast this machine is.
hold() {
  coproc holder { client; }
  servers+=("$holder_PID")
  printf 'begin; %s; select 1;\n' "$1" >&"${holder[1]}"
  read -r answer <&"${holder[0]}" || fail "cannot run: $1"
}

let_go() {
  local client=$holder_PID
  exec {holder[1]}>&-
  wait "$client"
}

# check WHAT EXPECTED FOUND
check() {
  [ "$2" = "$3" ] || fail "$1: expected \"$2\", found \"$3\""
  say "ok: $1: $3"
}
