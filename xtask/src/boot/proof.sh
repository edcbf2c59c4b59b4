#!/bin/bash
# What a systemd that is process 1 does with the services that `openclaw` writes. Runs in a virtual
# machine of its own; each line says what was found.
unit=openclaw-gateway.service
door=/run/openclaw/openclaw-gateway.sock

ok() { echo "ok: $*"; }
bad() { echo "FAILED: $*"; }
# check WHAT COMMAND…: the command has to succeed.
check() {
    local what=$1 told
    shift
    if told=$("$@" 2>&1); then ok "$what"; else bad "$what: $* ended with $?: ${told//$'\n'/ | }"; fi
}
# wait_for WHAT SECONDS COMMAND…
wait_for() {
    local what=$1 end=$((SECONDS + $2)) began=$SECONDS
    shift 2
    until "$@" > /dev/null 2>&1; do
        if ((SECONDS >= end)); then bad "$what: not within $((end - began)) s"; return 1; fi
        sleep 0.2
    done
    ok "$what after $((SECONDS - began)) s"
}
property() { systemctl show --property "$1" --value "${2:-$unit}"; }
is() { [ "$("${@:2}")" = "$1" ]; }
healthy() { HOME=/var/lib/openclaw setpriv --reuid=990 --regid=990 --clear-groups openclaw health; }
person() { setpriv --reuid="$1" --regid="$1" --init-groups env HOME="/home/$2" "${@:3}"; }
login() { ssh -o BatchMode=yes "$1@127.0.0.1" "${@:2}"; }

echo "machine: $(systemctl --version | head -1), Linux $(uname -r), process 1 is $(readlink /proc/1/exe)"
wait_for "the machine is up" 60 systemctl is-active multi-user.target ssh.service

echo "== a service of the system with a group of owners"
check "gateway install --system --group" openclaw gateway install --system --group owners
check "is active" systemctl is-active $unit
check "said that it is ready" is notify property Type
check "the door is 0660 and the group's" is "660 owners" stat -c '%a %G' $door
check "a member is an owner" person 1000 alice openclaw devices list
check "the trail names the member" sh -c "person=\$(HOME=/var/lib/openclaw setpriv --reuid=990 --regid=990 --clear-groups openclaw audit); echo \"\$person\" | grep -q 'uid 1000'"
if person 1001 bob openclaw devices list > /dev/null 2>&1; then bad "a stranger got in"; else ok "a stranger does not get in"; fi
check "a member comes in over ssh" openclaw health --ssh alice@127.0.0.1
echo "note: $(systemd-analyze security --no-pager $unit | tail -1)"
echo "note: memory $(($(property MemoryCurrent) / 1024)) KiB, tasks $(property TasksCurrent)"

echo "== killed, hanging, restarted"
pid=$(property MainPID)
kill -9 "$pid"
wait_for "killed, it comes back" 20 healthy
pid=$(property MainPID)
kill -STOP "$pid"
other() { [ "$(property MainPID)" != "$pid" ] && [ "$(property MainPID)" != 0 ]; }
wait_for "the watchdog ends what hangs" 60 other
wait_for "and it serves again" 20 healthy
check "the journal says watchdog" sh -c "journalctl -u $unit | grep -qi watchdog"
refused=0 answered=0
systemctl restart $unit &
end=$((SECONDS + 4))
while ((SECONDS < end)); do
    if exec 3<> /dev/tcp/127.0.0.1/18789; then
        printf 'GET /healthz HTTP/1.1\r\nHost: localhost:18789\r\nConnection: close\r\n\r\n' >&3
        if read -r -t 10 -u 3 line && [[ $line == *" 200 "* ]]; then answered=$((answered + 1)); fi
        exec 3>&-
    else
        refused=$((refused + 1))
    fi
done 2> /dev/null
wait
if ((refused == 0 && answered > 20)); then ok "a restart refuses no connection: $answered answered"; else bad "a restart: $refused refused, $answered answered"; fi

echo "== a configuration that cannot be used"
config=/var/lib/openclaw/.openclaw/openclaw.json
echo '{ gateway: { bind: "nowhere" } }' > $config
chown 990:990 $config
systemctl restart $unit 2> /dev/null
wait_for "it stays down instead of looping" 20 systemctl is-failed $unit
check "with the exit code 78" is 78 property ExecMainStatus
restarts=$(property NRestarts)
sleep 3
check "and is not tried again" is "$restarts" property NRestarts
rm $config
systemctl reset-failed $unit openclaw-gateway.socket 2> /dev/null
told=$(openclaw gateway start 2>&1)
if [[ $told == *"gateway start --system"* ]]; then ok "start without --system says how"; else bad "start without --system: $told"; fi
check "start, once it is put right" openclaw gateway start --system
wait_for "it serves" 20 healthy

echo "== a service of one's own, and logging out"
check "root lets alice's services linger" loginctl enable-linger alice
for person in alice bob; do
    told=$(login $person openclaw --profile $person gateway install 2>&1)
    if login $person openclaw --profile $person health > /dev/null 2>&1; then ok "$person installed over ssh"; else bad "$person: $told"; fi
done
echo "note: without rights to linger: $(login bob openclaw --profile bob gateway install --force 2>&1 | grep -i 'log out' | head -1)"
session_ended() { ! loginctl list-sessions --no-legend | grep -q bob; }
wait_for "the sessions have ended" 30 session_ended
manager_ended() { is inactive systemctl is-active user@1001.service; }
wait_for "without lingering the manager ends" 60 manager_ended
check "alice's Gateway outlived the logout" person 1000 alice openclaw --profile alice health
if person 1001 bob openclaw --profile bob health > /dev/null 2>&1; then bad "bob's Gateway is still there"; else ok "bob's ended with the last login, as install had said"; fi

echo "== remote install over ssh"
told=$(openclaw remote install bob@127.0.0.1 --name bob 2>&1) && bad "two Gateways on one port: $told"
if [[ $told == *"already in use"*"--port"* ]]; then ok "a port that somebody else has is named"; else bad "a port that somebody else has: $told"; fi
check "gateway uninstall --system" openclaw gateway uninstall --system
if systemctl cat $unit > /dev/null 2>&1; then bad "the unit is still there"; else ok "no unit is left"; fi
if [ -e $door ]; then bad "the door is still there"; else ok "no door is left"; fi
check "the state stays" test -e /var/lib/openclaw/.openclaw/gateway.db
check "root lets bob's services linger" loginctl enable-linger bob
check "remote install" openclaw remote install bob@127.0.0.1 --name bob
check "and it answers by its name" openclaw health --gateway bob
check "remote uninstall" openclaw remote uninstall bob

echo "== the container image"
printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' > /etc/containers/storage.conf
check "podman loads it" podman load --quiet --input /image.tar
check "it starts" podman run --detach --quiet --name box --network host --volume home:/home/nonroot openclaw
wait_for "its health check passes" 90 podman healthcheck run box
inside() { podman inspect --format "$1" box; }
uid() { ps -o uid= -p "$(inside '{{.State.Pid}}')" | tr -d ' '; }
check "its program is not root" is 65532 uid
check "its owner talks to it" podman exec box /usr/local/bin/openclaw agent --message hello
began=$SECONDS
check "it stops when asked" podman stop --time 20 box
check "in order, not by force" is 0 inside '{{.State.ExitCode}}'
ok "after $((SECONDS - began)) s"
check "it starts again" podman start box
wait_for "its health check passes again" 90 podman healthcheck run box
check "and the conversation is still there" sh -c 'podman exec box /usr/local/bin/openclaw sessions show main | grep -q hello'
podman rm --force box > /dev/null 2>&1
echo "DONE"
