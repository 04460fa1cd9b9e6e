# Shared by the scripts of this folder, which source it: the project's folder as $root (and the current
# one), an environment without the user's settings, messages, steps with their time, and builds.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# A DATABASE_URL, PGHOST or LUA_PATH of the user's must not decide what is tested or shown.
for variable in $(compgen -e); do
  case $variable in
    TASKQ_PG_BIN) ;;
    DATABASE_URL | PG* | JOB_* | TASKQ_* | LUA_*) unset "$variable" ;;
  esac
done
export LC_ALL=C.UTF-8

say() {
  printf '%s\n' "$*" >&2
}

# fail MESSAGE [EXIT-CODE]
fail() {
  say "$(basename "$0"): $1"
  exit "${2:-1}"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null || fail "this needs root: install sudo, or run it as root" 2
    sudo "$@"
  fi
}

# Milliseconds since some moment.
now_ms() {
  local seconds=${EPOCHREALTIME/[.,]/}
  echo "${seconds%???}"
}

# Seconds, with one digit, since a now_ms.
seconds_since() {
  local passed=$(($(now_ms) - $1))
  printf '%d.%d s' $((passed / 1000)) $((passed % 1000 / 100))
}

# step "doing something" COMMAND...: says so and how long it took; the command's output goes to
# build/step.log, the end of which is shown when it fails.
step() {
  local what=$1 start log="$root/build/step.log" status=0
  shift
  start=$(now_ms)
  { mkdir -p "$root/build" && : >"$log"; } 2>/dev/null ||
    fail "$root/build belongs to $(stat -c %U "$root/build"): remove it, or run this as that user"
  printf '%s ... ' "$what" >&2
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" != 0 ]; then
    say "failed after $(seconds_since "$start")"
    tail -n 100 "$log" >&2
    return "$status"
  fi
  say "$(seconds_since "$start")"
}

# build PRESET [TARGET...]: configures and builds in build/PRESET; a compiler's warning is a failure.
build() {
  local preset=$1 folder="$root/build/$1" fresh=() targets=()
  shift
  if [ -e "$folder" ] && [ ! -O "$folder" ]; then
    say "build/$preset belongs to $(stat -c %U "$folder"): remove it, or run this as that user"
    return 1
  fi
  # A checkout that was moved, or is mounted elsewhere, has a cache that names the old place.
  if [ -e "$folder/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    fresh=(--fresh)
  fi
  [ $# = 0 ] || targets=(--target "$@")
  cmake "${fresh[@]}" --preset "$preset" -DTASKQ_WERROR=ON &&
    cmake --build --preset "$preset" "${targets[@]}"
}
