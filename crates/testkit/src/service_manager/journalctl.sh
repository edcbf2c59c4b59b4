#!/bin/sh
# A stand-in for journalctl: what the stand-in's services printed.
here='@HERE@'
printf 'journalctl %s\n' "$*" >>"$here/calls"
for word in "$@"; do
    case "$word" in --unit=*) tail -n 20 "$here/${word#--unit=}.log" 2>/dev/null ;; esac
done
exit 0
