#!/bin/bash
# healthcheck.sh [PORT] - is the server of this container healthy? Asks /healthz on the monitoring
# port (WEIR_MONITOR_PORT, 8222). A server that was started without monitoring is healthy while it
# runs, as with the official image, which has no check.
port=${1:-${WEIR_MONITOR_PORT:-8222}}
{ exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || exit 0
printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
IFS=' ' read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
