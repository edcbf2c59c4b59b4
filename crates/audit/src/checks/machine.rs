//! What else runs on this machine.

use super::secrets::program;
use crate::{
    check::{Check, Hit, Origin},
    facts::{Facts, ProcessFact},
    severity::Severity,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "tailscale.userspace",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "tailscaled runs in userspace: devices of the tailnet reach loopback listeners",
        remedy: "run tailscaled with a network device of its own, under another user than the Gateway",
        run: userspace,
    },
    Check {
        id: "docker.published_port",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "Docker publishes the Gateway's port on every address, past the firewall",
        remedy: "publish it on loopback: -p 127.0.0.1:18789:18789",
        run: docker,
    },
    Check {
        id: "ssh.password_login",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "The SSH server takes passwords from other machines",
        remedy: "write `PasswordAuthentication no` into sshd_config, once your key works",
        run: ssh,
    },
];

fn userspace(facts: &Facts) -> Vec<Hit> {
    let found = facts.machine.processes.iter().filter(|process| {
        program(process) == "tailscaled"
            && process.argv.iter().any(|word| word.contains("userspace-networking"))
    });
    found
        .map(|process| {
            // The Gateway knows its sockets and trusts them like any remote peer; others may not.
            let own = process.uid == facts.uid;
            let whose = if own { ", under the same user as the Gateway" } else { "" };
            Hit::new(format!("process {} has --tun=userspace-networking{whose}", process.pid))
        })
        .collect()
}

fn docker(facts: &Facts) -> Vec<Hit> {
    let found = facts.machine.processes.iter().filter_map(|process| {
        let (address, port) = published(process, facts.port)?;
        Some(Hit::new(format!(
            "docker-proxy, process {}, listens on {address}:{port}",
            process.pid
        )))
    });
    found.collect()
}

/// Where a docker-proxy listens for everybody, if it leads to the Gateway's port.
fn published(process: &ProcessFact, gateway: u16) -> Option<(&str, u16)> {
    let value = |flag: &str| {
        let mut words = process.argv.iter().skip_while(|word| *word != flag);
        words.nth(1).map(String::as_str)
    };
    let is_proxy = program(process) == "docker-proxy";
    let address = value("-host-ip").filter(|ip| is_proxy && ["0.0.0.0", "::"].contains(ip))?;
    let host: u16 = value("-host-port")?.parse().ok()?;
    let inside: u16 = value("-container-port")?.parse().ok()?;
    (host == gateway || inside == gateway).then_some((address, host))
}

fn ssh(facts: &Facts) -> Vec<Hit> {
    let Some(server) = &facts.machine.sshd else { return Vec::new() };
    let reached = facts.machine.listeners.iter().find(|socket| {
        server.ports.contains(&socket.address.port()) && !socket.address.ip().is_loopback()
    });
    let Some(socket) = reached.filter(|_| server.passwords) else { return Vec::new() };
    let root = if server.root_password { ", for root too" } else { "" };
    let detail = format!("{} ({}) takes passwords{root}", socket.address, server.source);
    vec![Hit::new(detail)]
}
