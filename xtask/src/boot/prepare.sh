#!/bin/sh
# prepare.sh ROOT PROGRAM KERNEL OUT: turns unpacked packages into a machine, without running any of
# their scripts, and packs it as the initial file system of a kernel.
set -eu
root=$1 program=$2 here=$3 out=$4

cat > "$root/etc/passwd" <<'TEXT'
root:x:0:0:root:/root:/bin/bash
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
messagebus:x:101:101::/nonexistent:/usr/sbin/nologin
openclaw:x:990:990::/var/lib/openclaw:/usr/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:/bin/bash
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
TEXT
cat > "$root/etc/group" <<'TEXT'
root:x:0:
tty:x:5:
shadow:x:42:
utmp:x:43:
messagebus:x:101:
systemd-journal:x:102:
openclaw:x:990:
alice:x:1000:
bob:x:1001:
owners:x:2000:alice
nogroup:x:65534:
TEXT
cut -d: -f1 "$root/etc/passwd" | sed 's/$/:*:20000::::::/' > "$root/etc/shadow"
chmod 0640 "$root/etc/shadow"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' > "$root/etc/nsswitch.conf"
printf '127.0.0.1 localhost box\n::1 localhost\n' > "$root/etc/hosts"
printf 'box\n' > "$root/etc/hostname"
: > "$root/etc/fstab"
: > "$root/etc/machine-id"
for kind in auth account password; do
    printf '%s required pam_unix.so\n' $kind > "$root/etc/pam.d/common-$kind"
done
for kind in session session-noninteractive; do
    printf 'session required pam_unix.so\n' > "$root/etc/pam.d/common-$kind"
done
printf 'session optional pam_systemd.so\n' >> "$root/etc/pam.d/common-session"
for account in openclaw:990:/var/lib/openclaw alice:1000:/home/alice bob:1001:/home/bob; do
    name=${account%%:*} home=${account##*:} id=${account#*:}
    id=${id%%:*}
    mkdir -p "$root$home"
    chown "$id:$id" "$root$home"
    chmod 0700 "$root$home"
done

# A login by key, from root to the two people.
admin=root
keys=$root/$admin/.ssh
mkdir -p "$keys" "$root/etc/ssh"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$root/etc/ssh/ssh_host_ed25519_key"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$keys/id_ed25519"
sed 's/^/localhost,127.0.0.1 /' "$root/etc/ssh/ssh_host_ed25519_key.pub" > "$keys/known_hosts"
chmod 0700 "$root/$admin" "$keys"
for person in alice:1000 bob:1001; do
    mkdir -p "$root/home/${person%:*}/.ssh"
    cp "$keys/id_ed25519.pub" "$root/home/${person%:*}/.ssh/authorized_keys"
    chown -R "${person#*:}:${person#*:}" "$root/home/${person%:*}"
done
printf 'ListenAddress 127.0.0.1\nUsePAM yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n' \
    > "$root/etc/ssh/sshd_config"

mkdir -p "$root/usr/local/bin"
install -m 755 "$program" "$root/usr/local/bin/openclaw"
install -m 755 "$here/proof.sh" "$root/proof.sh"
cp "$out/image.tar" "$root/image.tar"
units=$root/etc/systemd/system
mkdir -p "$units/multi-user.target.wants"
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
ln -sf /lib/systemd/system/ssh.service "$units/multi-user.target.wants/ssh.service"
for unit in getty.target systemd-networkd.service; do
    ln -sf /dev/null "$units/$unit"
done
cat > "$units/proof.service" <<'TEXT'
[Unit]
After=multi-user.target ssh.service systemd-logind.service
[Service]
Type=oneshot
ExecStart=/proof.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Environment=HOME=/root
TEXT
ln -sf ../proof.service "$units/multi-user.target.wants/proof.service"

first=$out/first
mkdir -p "$first/bin"
cp /bin/busybox "$first/bin/busybox"
install -m 755 "$here/init.sh" "$first/init"
tar -cf "$first/root.tar" -C "$root" .
(cd "$first" && find . | cpio --quiet -o -H newc) | gzip -1 > "$out/initrd.gz"
