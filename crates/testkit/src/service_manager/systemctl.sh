#!/bin/sh
# A stand-in for systemctl: the calls are written down, the answers are those of the documented program.
here='@HERE@'
printf 'systemctl %s\n' "$*" >>"$here/calls"
while :; do
    case "$1" in
    --user) user=--user && shift ;;
    --system | --no-ask-password) shift ;;
    *) break ;;
    esac
done
if [ -e "$here/no-bus" ]; then
    echo 'Failed to connect to bus: No medium found' >&2
    exit 1
fi
if [ -e "$here/units" ]; then units=$(cat "$here/units"); else units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user; fi
if [ -e "$here/path" ]; then path=$(cat "$here/path"); else path=/usr/bin:/bin; fi
verb=$1
shift

alive() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 1
    case "$(cat "/proc/$1/stat" 2>/dev/null)" in *') Z '* | '') return 1 ;; esac
}
main_pid() { cat "$here/$1.pid" 2>/dev/null; }

start_service() {
    alive "$(main_pid "$1")" && return 0
    line=$(sed -n 's/^ExecStart=//p' "$units/$1" | sed 's/%%/%/g; s/\$\$/\\$/g')
    (
        eval "set -- $line"
        vars=$(sed -n 's/^Environment=//p' "$units/$UNIT" | sed 's/%%/%/g')
        eval "exec env -i HOME='$HOME' PATH='$path' $(printf '%s' "$vars" | tr '\n' ' ') setsid \"\$@\"" \
            >>"$here/$UNIT.log" 2>&1 </dev/null
    ) &
    pid=$!
    echo "$pid" >"$here/$1.pid"
    rm -f "$here/$1.failed"
    grep -q '^Type=notify' "$units/$1" || return 0
    tries=0
    while alive "$pid" && [ $tries -lt 1200 ]; do
        # Readiness as the Gateway's lock file says it: this stand-in has no socket to hear it on.
        for lock in "$HOME"/.openclaw*/gateway.lock; do
            grep -q "\"pid\":$pid,\"port\":" "$lock" 2>/dev/null && return 0
        done
        sleep 0.05
        tries=$((tries + 1))
    done
    kill "$pid" 2>/dev/null
    wait "$pid"
    echo $? >"$here/$1.failed"
    echo "Job for $1 failed because the control process exited with error code." >&2
    echo "See \"systemctl $user status $1\" and \"journalctl $user -xeu $1\" for details." >&2
    return 1
}

stop_service() {
    pid=$(main_pid "$1")
    if alive "$pid"; then
        kill "$pid"
        while alive "$pid"; do sleep 0.02; done
    fi
    rm -f "$here/$1.pid"
}

each() {
    status=0
    for UNIT in "$@"; do
        if [ ! -e "$units/$UNIT" ]; then
            echo "Failed to $verb $UNIT: Unit $UNIT not found." >&2
            status=5
            continue
        fi
        case "$verb.$UNIT" in
        start.*.service) start_service "$UNIT" || status=1 ;;
        stop.*.service) stop_service "$UNIT" ;;
        restart.*.service) stop_service "$UNIT" && start_service "$UNIT" || status=1 ;;
        start.*.socket) touch "$here/$UNIT.listening" ;;
        stop.*.socket) rm -f "$here/$UNIT.listening" ;;
        enable.*) touch "$here/$UNIT.enabled" && echo "Created symlink for $UNIT." >&2 ;;
        disable.*) rm -f "$here/$UNIT.enabled" ;;
        reset-failed.*) rm -f "$here/$UNIT.failed" ;;
        esac
    done
    return $status
}

show() {
    case "$1" in
    --property=Version) echo 'Version=252.39-1~deb12u2' && return 0 ;;
    esac
    if [ ! -e "$units/$1" ]; then
        printf 'LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\nUnitFileState=\nFragmentPath=\n'
        return 0
    fi
    active=inactive sub=dead pid=0 code=0 file=disabled
    [ -e "$here/$1.enabled" ] && file=enabled
    if alive "$(main_pid "$1")"; then
        active=active sub=running pid=$(main_pid "$1")
    elif [ -e "$here/$1.failed" ]; then
        active=failed sub=failed code=$(cat "$here/$1.failed")
    fi
    printf 'MainPID=%s\nExecMainStatus=%s\nLoadState=loaded\nActiveState=%s\nSubState=%s\nFragmentPath=%s\nUnitFileState=%s\n' \
        "$pid" "$code" "$active" "$sub" "$units/$1" "$file"
}

case "$verb" in
daemon-reload) ;;
show) show "$@" ;;
start | stop | restart | enable | disable | reset-failed) each "$@" ;;
*)
    echo "Unknown command verb $verb." >&2
    exit 1
    ;;
esac
