# Shared by the scripts of this folder, which source it: the release's taskq, and a durable PostgreSQL of their own,
# with its schema, in a $folder below /tmp. TASKQ_PG_BIN chooses another version.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

bin=${TASKQ_PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)}
taskq="$root/build/release/taskq"
folder=$(mktemp -d /tmp/taskq-bench-XXXXXX)
export DATABASE_URL="postgresql://taskq@/postgres?host=$folder"
server_user=()

as_server() {
  (cd / && "${server_user[@]}" "$@")
}

start_server() {
  if [ "$(id -u)" = 0 ]; then
    server_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres "$folder"
  fi
  as_server "$bin/initdb" -D "$folder/data" -U taskq -A trust --no-instructions &&
    as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w \
      -o "-k $folder -c listen_addresses='' -c shared_buffers=256MB -c max_wal_size=4GB" start &&
    "$taskq" migrate
}

remove_server() {
  [ ! -e "$folder/data/postmaster.pid" ] || as_server "$bin/pg_ctl" -D "$folder/data" -m fast stop >/dev/null
  rm -rf "$folder"
}

sql() {
  "$bin/psql" -qXAt -v ON_ERROR_STOP=1 "$DATABASE_URL" "$@"
}

# refill COUNT: an empty history and COUNT tasks.
refill() {
  sql -c 'truncate taskq.worker_tasks, taskq.finished_counts'
  sql -c "insert into taskq.worker_tasks (type, payload)
          select 'noop', jsonb_build_object('id', g, 'to', 'user@example.com')
          from generate_series(1, $1) g" -c 'vacuum analyze taskq.worker_tasks_live' -c checkpoint
}
