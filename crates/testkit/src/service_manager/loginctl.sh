#!/bin/sh
# A stand-in for loginctl: a person's services outlive the login, or the system does not allow it.
here='@HERE@'
printf 'loginctl %s\n' "$*" >>"$here/calls"
[ "$1" = --no-ask-password ] && shift
case "$1" in
show-user) if [ -e "$here/linger" ]; then echo Linger=yes; else echo Linger=no; fi ;;
enable-linger)
    if [ -e "$here/linger-refused" ]; then
        echo 'Could not enable linger: Interactive authentication required.' >&2
        exit 1
    fi
    touch "$here/linger"
    ;;
*)
    echo "Unknown command verb $1." >&2
    exit 1
    ;;
esac
