#!/usr/bin/env bash
# deploy/quickstart.sh - one command from a fresh Debian 12 to a database table.
#
# Installs what is missing with apt, builds, starts a server on a free port of this machine,
# publishes 336,776 real flights through an official client, kills the server in the middle and
# starts it again, exports the stream into SQLite and answers a question with SQL. Everything is
# kept in build/quickstart; run it again and it exports nothing new.
set -eu
began=$(date +%s)
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/deploy/setup.sh"
data=$top/build/quickstart
weir=$top/build/release/weir
server=

stop_server() {
  [ -n "$server" ] || return 0
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}
trap stop_server EXIT

seconds() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(seconds)" 'BEGIN { printf "%.1f s", b - a }'; }

need_packages build
need_python "$top/deploy/requirements.txt"
say "building (the first time takes a few minutes)"
build_preset release weir
started=$(seconds)

# What an interrupted run left behind is not worth keeping.
[ -f "$data/published" ] || rm -rf "$data"
mkdir -p "$data"
port=$(/usr/bin/python3 "$top/deploy/free_port.py")

start_server() {
  : >"$data/server.log"
  "$weir" -a 127.0.0.1 -p "$port" -js -sd "$data/store" >>"$data/server.log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    grep -q 'Server is ready' "$data/server.log" && return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
  done
  say "the server did not start:" && tail -n 5 "$data/server.log" >&2
  return 1
}

echo "== the server: $("$weir" --version), 127.0.0.1:$port, every ack is on disk before it is sent"
start_server

if [ -f "$data/published" ]; then
  echo "== the flights are in the stream already ($(cat "$data/published"))"
else
  echo "== publishing the flights through nats-py, the official Python client"
  "$venv/bin/python" "$top/deploy/publish_flights.py" "nats://127.0.0.1:$port" "$data/progress" &
  client=$!
  while kill -0 $client 2>/dev/null && [ "$(cat "$data/progress" 2>/dev/null || echo 0)" -lt 150000 ]; do
    sleep 0.05
  done
  kill -KILL "$server"
  wait "$server" 2>/dev/null || true
  echo "   SIGKILL to the server after $(cat "$data/progress") acknowledged rows; starting it again"
  start_server
  wait $client
  echo "published and acknowledged on $(date -u '+%F %T') UTC" >"$data/published"
fi

cat >"$data/flights.yaml" <<YAML
name: flights
version: v1
type: workflow
workflow:
  dag:
    - name: flights-to-sqlite
      spec:
        stackSpec:
          source:
            address: nats+jetstream://127.0.0.1:$port?subject=flights.%3E&batch_size=10000
            options:
              source-table: FLIGHTS
              run-in-loop: false
          sink:
            address: sqlite://$data/flights.db
            options:
              dest-table: main.flights
              incremental-strategy: append
YAML

echo "== exporting the stream into SQLite"
before=$("$venv/bin/python" "$top/deploy/report_flights.py" count "$data/flights.db")
export_began=$(seconds)
"$weir" export run "$data/flights.yaml"
export_took=$(since "$export_began")
"$venv/bin/python" "$top/deploy/report_flights.py" report "$data/flights.db" "$before"
stop_server
echo "== export $export_took; from the server's start to the rows $(since "$started"); in all $(($(date +%s) - began)) s"
