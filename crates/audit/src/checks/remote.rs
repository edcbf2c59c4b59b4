//! Gateways on other machines that this one talks to.

use std::net::IpAddr;

use openclaw_identity::secret::eq_constant_time;
use openclaw_remote::How;
use secrecy::ExposeSecret;

use super::surfaces::{host_of, is_this_machine};
use crate::{
    check::{Check, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.remote.secret_equals_local",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "The remote Gateway has the same secret as this one",
        remedy: "give each Gateway a secret of its own",
        run: same_secret,
    },
    Check {
        id: "gateway.remote.wss_without_pin",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "The certificate of a private host is not pinned",
        remedy: "openclaw config set gateway.remote.tlsFingerprint SHA256",
        run: without_pin,
    },
    Check {
        id: "gateway.remote.plain_ws",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "A Gateway on another machine is reached without encryption",
        remedy: "use wss://, or a tunnel: openclaw remote add USER@HOST",
        run: plain,
    },
    Check {
        id: "remote.tunnel_port_foreign_owner",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "Somebody else listens on the port of a tunnel",
        remedy: "find out who: ss -ltnp; then openclaw remote up",
        run: foreign_port,
    },
    Check {
        id: "remote.gateway_unpinned",
        severity: Severity::Warn,
        origin: Origin::Ours,
        title: "A Gateway on another machine never proved who it is",
        remedy: "reach it over SSH instead: openclaw remote add USER@HOST",
        run: |facts| {
            let names = facts.unpinned.iter();
            names
                .map(|name| Hit::new(format!("no key is kept for the Gateway called {name}")))
                .collect()
        },
    },
];

fn same_secret(facts: &Facts) -> Vec<Hit> {
    let auth = &facts.auth;
    let pairs = [
        ("gateway.remote.token", &auth.remote_token),
        ("gateway.remote.password", &auth.remote_password),
    ];
    let own: Vec<&str> = [&auth.token, &auth.password]
        .into_iter()
        .flatten()
        .map(ExposeSecret::expose_secret)
        .collect();
    let found = pairs.into_iter().filter(|(_, theirs)| {
        let theirs = theirs.as_ref().map(ExposeSecret::expose_secret);
        theirs.is_some_and(|theirs| own.iter().any(|own| eq_constant_time(own, theirs)))
    });
    found.map(|(key, _)| Hit::new(format!("{key} is this Gateway's own secret"))).collect()
}

fn without_pin(facts: &Facts) -> Vec<Hit> {
    let remote = &facts.config.gateway.remote;
    let Some(host) = remote.url.as_deref().and_then(secure_host) else { return Vec::new() };
    let missing = remote.tls_fingerprint.is_none() && is_private(host);
    let detail =
        format!("gateway.remote.url leads to {host}, for which no public authority vouches");
    Hit::when(missing, detail)
}

fn secure_host(url: &str) -> Option<&str> {
    url.strip_prefix("wss://").or_else(|| url.strip_prefix("https://")).map(host_of)
}

/// Hosts that no public certificate authority signs for.
fn is_private(host: &str) -> bool {
    let ends = [".local", ".lan", ".internal", ".home.arpa", ".home", ".corp"];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => !host.contains('.') || ends.iter().any(|end| host.ends_with(end)),
    }
}

fn plain(facts: &Facts) -> Vec<Hit> {
    let named = facts.named.iter().filter_map(|gateway| match &gateway.how {
        How::Url { url, .. } => {
            Some((format!("the Gateway called {}", gateway.name), url.as_str()))
        }
        How::Ssh { .. } => None,
    });
    let configured = facts.config.gateway.remote.url.as_deref();
    let configured = configured.map(|url| ("gateway.remote.url".to_owned(), url));
    let open = configured.into_iter().chain(named).filter(|(_, url)| {
        let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("http://"));
        rest.is_some_and(|rest| !is_this_machine(host_of(rest)))
    });
    open.map(|(what, _)| Hit::new(format!("{what} is a plain ws address"))).collect()
}

fn foreign_port(facts: &Facts) -> Vec<Hit> {
    let found = facts.named.iter().filter_map(|gateway| {
        let port = gateway.local_port?;
        let socket = facts.machine.listeners.iter().find(|socket| {
            socket.address.port() == port && socket.uid != facts.uid && socket.uid != 0
        })?;
        let name = &gateway.name;
        Some(Hit::new(format!("port {port} of {name} is held by uid {}", socket.uid)))
    });
    found.collect()
}
