#!/bin/sh
# Runs a command on the present display, or on a virtual one (Xvfb) when there is none.
if [ -n "${DISPLAY:-}" ] || ! command -v Xvfb >/dev/null 2>&1; then exec "$@"; fi
number=$(mktemp)
Xvfb -displayfd 3 -noreset -screen 0 1920x1200x24 -nolisten tcp >/dev/null 2>&1 3>"$number" &
server=$!
trap 'kill $server 2>/dev/null; rm -f "$number"' EXIT
tries=0
while [ ! -s "$number" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
DISPLAY=":$(cat "$number")" ANGIOTWIN_VIRTUAL_DISPLAY=1 "$@"
