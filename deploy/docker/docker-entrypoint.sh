#!/bin/sh
# Words that begin with a dash, or none at all, are the server's; others are a command of its own:
#   docker run IMAGE -js -m 8222        docker run IMAGE sh -c '...'
set -e
case "${1:--}" in
  -*) set -- nats-server "$@" ;;
esac
exec "$@"
