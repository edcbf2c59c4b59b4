#!/bin/sh
# Installs the openclaw program from a local archive, as `cargo xtask dist` makes it. No root, no network.
#
#   install.sh [--dry-run] [--prefix DIR] [ARCHIVE]
#   install.sh --uninstall [--dry-run] [--prefix DIR]
#
# The archive's checksum has to lie beside it as ARCHIVE.sha256. The program goes to DIR/bin
# (usually ~/.local/bin); the one it replaces is kept as openclaw.previous. The state folder is
# never touched. Doing it twice does it once.

set -eu

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2; exit 1; }

usage() {
    sed -n '2,9s/^# \{0,1\}//p' "$0"
}

digest() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d ' ' -f 1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 "$1" | cut -d ' ' -f 1
    else
        die "neither sha256sum nor shasum is here" "install coreutils"
    fi
}

# The last part of the archive's name for this machine.
target() {
    case "$(uname -s)/$(uname -m)" in
        Linux/x86_64 | Linux/amd64) say x86_64-unknown-linux-gnu ;;
        Linux/aarch64 | Linux/arm64) say aarch64-unknown-linux-gnu ;;
        Darwin/arm64) say aarch64-apple-darwin ;;
        *) die "there is no archive for $(uname -s) on $(uname -m)" "build it here: cargo xtask dist" ;;
    esac
}

# The only archive for this machine beside this script, or in the current folder.
find_archive() {
    here=$(dirname "$0")
    for folder in "$here" "$here/../target/dist" .; do
        for file in "$folder"/openclaw-*-"$(target)".tar.gz; do
            [ -f "$file" ] || continue
            found=$file
        done
        [ -z "${found:-}" ] || { say "$found"; return; }
    done
    die "no archive for this machine was found" "make one: cargo xtask dist   or name one: install.sh ARCHIVE"
}

dry=
remove=
prefix=
archive=
while [ $# -gt 0 ]; do
    case "$1" in
        --dry-run) dry=1 ;;
        --uninstall) remove=1 ;;
        --prefix) [ $# -gt 1 ] || die "--prefix needs a folder"; prefix=$2; shift ;;
        --prefix=*) prefix=${1#--prefix=} ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) [ -z "$archive" ] || { usage >&2; exit 2; }; archive=$1 ;;
    esac
    shift
done
[ -n "$prefix" ] || prefix=${HOME:?HOME is not set}/.local
bin=$prefix/bin
program=$bin/openclaw

if [ -n "$remove" ]; then
    for file in "$program" "$program.previous"; do
        [ -e "$file" ] || continue
        if [ -n "$dry" ]; then say "would remove $file"; else rm -f "$file"; say "removed $file"; fi
    done
    say "the state folder stays: ~/.openclaw"
    exit 0
fi

[ -n "$archive" ] || archive=$(find_archive)
[ -f "$archive" ] || die "$archive is not a file"
wanted=$(target)
case "$archive" in
    *"$wanted".tar.gz) ;;
    *) die "$(basename "$archive") is not for this machine, which is $wanted" "take the archive whose name ends with $wanted.tar.gz" ;;
esac
[ -f "$archive.sha256" ] || die "$archive.sha256 is missing" "copy it along with the archive"
expected=$(cut -d ' ' -f 1 "$archive.sha256")
[ "$(digest "$archive")" = "$expected" ] || die "the checksum of $(basename "$archive") is wrong; nothing was changed" "copy the archive again"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
tar -xzf "$archive" -C "$work"
new=$(find "$work" -mindepth 2 -maxdepth 2 -type f -name openclaw | head -n 1)
[ -n "$new" ] || die "there is no program in $(basename "$archive")"
version=$("$new" --version) || die "the program does not run here; nothing was changed"

if [ -f "$program" ] && [ "$(digest "$program")" = "$(digest "$new")" ]; then
    say "$program is $version already"
elif [ -n "$dry" ]; then
    say "would install $version as $program"
    [ ! -f "$program" ] || say "would keep the program that is there as $program.previous"
else
    mkdir -p "$bin"
    # Beside its place and then moved: whoever starts it meanwhile gets the old one or the new one.
    cp "$new" "$program.new.$$"
    chmod 755 "$program.new.$$"
    if [ -f "$program" ]; then
        ln -f "$program" "$program.previous" 2>/dev/null || cp -p "$program" "$program.previous"
    fi
    mv -f "$program.new.$$" "$program"
    say "installed $version as $program"
    [ ! -f "$program.previous" ] || say "the one before is $program.previous"
fi

case ":${PATH:-}:" in
    *":$bin:"*) ;;
    *) say "next: add $bin to your PATH: export PATH=\"$bin:\$PATH\"" ;;
esac
say "next: $program gateway run"
