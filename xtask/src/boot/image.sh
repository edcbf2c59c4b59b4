#!/bin/sh
# image.sh PROGRAM CONTAINERFILE FOLDER: builds the image with a stand-in for the base that no network
# is needed for, and writes it to FOLDER/image.tar.
set -eu
program=$1 definition=$2 folder=$3
base=$(sed -n 's/^FROM //p' "$definition")
run() { buildah --root "$folder/store" --runroot "$folder/run" --storage-driver vfs "$@"; }
export BUILDAH_ISOLATION=chroot
mkdir -p "$folder/base/etc" "$folder/home" "$folder/context"
printf 'root:x:0:0::/:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n' > "$folder/base/etc/passwd"
# The program of this run is not the static one of a release.
for library in $(ldd "$program" | grep -o '/[^ ]*'); do
    install -D "$library" "$folder/base$library"
done
container=$(run from scratch)
run add --quiet "$container" "$folder/base" / > /dev/null
# Anything else is root's; the real base has this folder for its user.
run add --quiet --chown 65532:65532 "$container" "$folder/home" /home/nonroot > /dev/null
run commit --quiet "$container" "$base" > /dev/null
install -m 755 "$program" "$folder/context/openclaw"
run bud --quiet --pull-never --format docker --file "$definition" --tag openclaw "$folder/context" > /dev/null
run push --quiet openclaw "docker-archive:$folder/image.tar:openclaw:latest"
