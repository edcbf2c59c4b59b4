#!/bin/busybox sh
# The first process of the virtual machine: a file system in memory with all that was packed, and the
# real systemd on top of it.
/bin/busybox mkdir -p /dev /proc /new
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs -o size=1200m,mode=0755 root /new
/bin/busybox tar -xf /root.tar -C /new
/bin/busybox rm /root.tar
exec /bin/busybox switch_root /new /lib/systemd/systemd
