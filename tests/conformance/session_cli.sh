#!/usr/bin/env bash
# session_cli.sh NATS URL - one short session with the official command line; prints what it saw.
set -u
nats=$1 url=$2
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME=$home XDG_CONFIG_HOME=$home NO_COLOR=1 TERM=dumb COLUMNS=120 TZ=UTC LC_ALL=C.UTF-8

# run ARGUMENTS... - one command, what it printed and its exit status.
run() {
  printf '### nats %s\n' "$*"
  timeout 10 "$nats" --no-context -s "$url" --timeout 4s "$@" </dev/null 2>&1
  printf -- '--- %d\n' $?
}

# Core
"$nats" --no-context -s "$url" sub 'greet.*' --count 2 >"$home/sub" 2>&1 &
reader=$!
"$nats" --no-context -s "$url" reply help 'here you are' --count 1 >/dev/null 2>&1 &
service=$!
sleep 0.7
run pub greet.joe hello -H Key:Value
run pub greet.sue 'number {{Count}}'
wait $reader
sed '/Subscribing/d' "$home/sub"
run request help please
wait $service
run request nobody please

# Streams
run stream add ORDERS --subjects 'orders.>' --defaults --max-msgs 1000
run stream add ORDERS --subjects 'orders.>' --defaults --max-msgs 1000
run stream add OVERLAP --subjects 'orders.x' --defaults
run stream add MEMORY --subjects memory --storage memory --defaults
run stream ls
run stream ls --names
run pub orders.new 'order {{Count}}' --count 10 --jetstream
run pub orders.once body -H Nats-Msg-Id:id-1 --jetstream
run pub orders.once body -H Nats-Msg-Id:id-1 --jetstream
run stream info ORDERS
run stream info ORDERS --json
run stream info NONE
run stream subjects ORDERS
run stream get ORDERS 3
run stream get ORDERS --last-for orders.once
run stream get ORDERS 99
run stream rmm ORDERS 3 -f
run stream get ORDERS 3
run stream edit ORDERS --description 'with words' --max-msgs 500 -f
run stream state ORDERS
run stream report

# Consumers
run consumer add ORDERS C --pull --ack explicit --deliver all --replay instant --filter 'orders.new' --wait 30s \
  --max-pending 4 --defaults
run consumer add ORDERS C --pull --ack none --deliver all --replay instant --defaults
run consumer ls ORDERS
run consumer info ORDERS C
run consumer next ORDERS C
run consumer next ORDERS C --count 2 --no-ack
run consumer next ORDERS C --count 2
run consumer info ORDERS C --json
run consumer info ORDERS NONE
run consumer report ORDERS
run consumer rm ORDERS C -f
run consumer ls ORDERS

# Cleaning up
run stream purge ORDERS --subject orders.once -f
run stream purge ORDERS --keep 2 -f
run stream purge ORDERS -f
run pub orders.new again --jetstream
run stream rm ORDERS -f
run stream rm ORDERS -f
run pub orders.new nobody --jetstream
run stream rm MEMORY -f
run stream ls
