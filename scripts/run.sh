#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job in front of a person: serve, fetch, bundle, unpack, install, chat. Called by ./dev run [--once].
set -euo pipefail
cd "$(dirname "$0")/.."

once=false
case ${1:-} in
  --once) once=true ;;
  "") ;;
  *)
    echo "dev: './dev run' has no option '$1'; it knows --once" >&2
    exit 2
    ;;
esac

opencat=$PWD/build/release/opencat
work=$PWD/build/run
mkdir -p "$work"
step=0
say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
next() {
  step=$((step + 1))
  printf '\n'
  say "$step. $*"
}
# A field of a JSON document on stdin.
field() { node -p "JSON.parse(require('fs').readFileSync(0, 'utf8'))['$1']"; }

server=
end() {
  status=$?
  trap - EXIT INT TERM
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  exit $status
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

next "opencat serve --demo"
# The port is kept from run to run, so that what an earlier run installed still works; another if it is taken.
port=$(cat "$work/port" 2>/dev/null || echo 3000)
start_server() {
  # No secret of the caller's own may decide what this server's is.
  env -u OPENCAT_ADMIN_SECRET -u OPENCAT_ENROLL_KEY "$opencat" serve --demo --port "$1" --data-dir "$work/data" \
    --json >"$work/serve.json" 2>"$work/serve.log" &
  server=$!
  while [ ! -s "$work/serve.json" ]; do
    if ! kill -0 "$server" 2>/dev/null; then
      wait "$server" || status=$?
      server=
      return "${status:-1}"
    fi
    sleep 0.05
  done
  ! grep -q '"error"' "$work/serve.json"
}
: >"$work/serve.json"
if ! start_server "$port"; then
  wait "${server:-}" 2>/dev/null || true
  : >"$work/serve.json"
  start_server 0 || {
    cat "$work/serve.log" >&2
    exit 1
  }
fi
url=$(field url <"$work/serve.json")
echo "${url##*:}" >"$work/port"
echo "serving $url"

next "opencat fetch"
"$opencat" fetch | tee "$work/fetched"
# The table's first row: one platform was asked for, this PC's.
platform=$(awk 'NR == 2 { print $1 }' "$work/fetched")

next "opencat bundle --platform $platform --pre-token"
OPENCAT_ADMIN_SECRET=$(cat "$work/data/admin-secret") "$opencat" bundle --platform "$platform" --pre-token \
  --server-url "$url" --out-dir "$work/dist"

next "as a user: unzip, sh install.sh"
# What an earlier run installed is removed at the end: a file system like ext4 passes over inodes deleted within the last
# minute, one by one, and thousands of new files would wait for that.
[ ! -e "$work/pc" ] || mv "$work/pc" "$work/old-pc.$$"
mkdir -p "$work/pc"
unzip -q "$work/dist/opencat-portable-$platform.zip" -d "$work/pc"
# A user's second PC would download the app's packages again; a second run need not.
npm_config_cache=$work/npm-cache npm_config_prefer_offline=true \
  sh "$work/pc/opencat-portable/install.sh" --no-browser --no-shortcut

next "as a user: opencat-chat \"…\""
"$work/pc/opencat-portable/opencat-chat" "Hello, OpenCat! 你好！"

chat_url=$(field chat_url <"$work/pc/opencat-portable/data/config.json")
printf '\n'
say "the chat page, signed in: $chat_url"
rm -rf "$work"/old-pc.*
if $once; then exit 0; fi
echo "Serving until Ctrl-C."
wait "$server"
