#!/bin/sh
# A stand-in for launchctl: bootstrap, bootout, kickstart, enable, disable and print, as its manual has them.
here='@HERE@'
printf 'launchctl %s\n' "$*" >>"$here/calls"
label=${2##*/}
alive() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 1
    case "$(cat "/proc/$1/stat" 2>/dev/null)" in *') Z '* | '') return 1 ;; esac
}
main_pid() { cat "$here/$1.pid" 2>/dev/null; }
start() {
    alive "$(main_pid "$1")" && return 0
    list=$(cat "$here/$1.loaded")
    words=$(sed -n '/<key>ProgramArguments</,/<\/array>/s/^ *<string>\(.*\)<\/string>$/"\1"/p' "$list" | tr '\n' ' ')
    (eval "exec env -i HOME='$HOME' PATH=/usr/bin:/bin setsid $words" >>"$here/$1.log" 2>&1 </dev/null) &
    echo $! >"$here/$1.pid"
}
stop() {
    pid=$(main_pid "$1")
    if alive "$pid"; then
        kill "$pid"
        while alive "$pid"; do sleep 0.02; done
    fi
    rm -f "$here/$1.pid"
}
case "$1" in
print)
    case "$2" in */*/*) ;; *) echo "$2 = {}" && exit 0 ;; esac
    if [ ! -e "$here/$label.loaded" ]; then
        echo "Could not find service \"$label\" in domain for user gui: 501" >&2
        exit 113
    fi
    printf '%s = {\n\tactive count = 1\n' "$2"
    if alive "$(main_pid "$label")"; then
        printf '\tstate = running\n\n\tpid = %s\n\tlast exit code = (never exited)\n}\n' "$(main_pid "$label")"
    else
        printf '\tstate = not running\n\n\tlast exit code = 0\n}\n'
    fi
    ;;
bootstrap)
    label=$(basename "$3" .plist)
    if [ -e "$here/$label.loaded" ]; then
        echo 'Bootstrap failed: 5: Input/output error' >&2
        exit 5
    fi
    echo "$3" >"$here/$label.loaded"
    start "$label"
    ;;
bootout)
    if [ ! -e "$here/$label.loaded" ]; then
        echo 'Boot-out failed: 3: No such process' >&2
        exit 3
    fi
    stop "$label"
    rm -f "$here/$label.loaded"
    ;;
kickstart)
    if [ "$2" = -k ]; then
        label=${3##*/}
        stop "$label"
    fi
    start "$label"
    ;;
enable | disable) ;;
*)
    echo "Unrecognized subcommand: $1" >&2
    exit 64
    ;;
esac
