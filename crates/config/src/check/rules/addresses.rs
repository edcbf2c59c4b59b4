//! Addresses, URLs, origins and fingerprints.

use std::net::IpAddr;

use crate::keypath;
use crate::problem::Problem;
use crate::schema::{Bind, Config, Gateway, GatewayMode};

pub(super) fn check(config: &Config, found: &mut Vec<Problem>) {
    bind(&config.gateway, found);
    origins(&config.gateway, found);
    remote(config, found);
    for (name, provider) in &config.models.providers {
        let usable = |url: &String| ["http://", "https://"].iter().any(|s| has_host(url, s));
        if provider.base_url.as_ref().is_some_and(|url| !usable(url)) {
            let mut path = "models.providers".to_owned();
            keypath::push(&mut path, name);
            let problem = Problem::error(format!("{path}.baseUrl"), "is not an http or https URL");
            found.push(problem);
        }
    }
}

fn bind(gateway: &Gateway, found: &mut Vec<Problem>) {
    match (&gateway.custom_bind_host, gateway.bind) {
        (None, Bind::Custom) => found.push(
            Problem::error("gateway.bind", "custom needs gateway.customBindHost")
                .hint("set gateway.customBindHost to an address of this machine"),
        ),
        (Some(host), _) if host.parse::<IpAddr>().is_err() => {
            found.push(Problem::error("gateway.customBindHost", "is not an IP address"));
        }
        _ => {}
    }
    for (index, proxy) in gateway.trusted_proxies.iter().enumerate() {
        if !is_network(proxy) {
            let path = format!("gateway.trustedProxies[{index}]");
            let problem = Problem::error(path, "is neither an IP address nor a network");
            found.push(problem.hint("for example 10.0.0.7 or 10.0.0.0/8"));
        }
    }
}

fn origins(gateway: &Gateway, found: &mut Vec<Problem>) {
    if let Some(origin) = &gateway.public_origin {
        let secure = origin.starts_with("https://");
        let host = origin_host(origin).filter(|host| secure || is_loopback_name(host));
        if host.is_none() {
            found.push(
                Problem::error("gateway.publicOrigin", "is not an https origin")
                    .hint("for example https://gateway.example.org, without a path"),
            );
        }
    }
    let base_path = gateway.control_ui.base_path.as_deref().unwrap_or_default();
    let plain = |part: &str| {
        !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    if !base_path.split('/').all(plain) {
        found.push(
            Problem::error("gateway.controlUi.basePath", "is not the path of an address")
                .hint("for example /openclaw, of letters, digits and -._~"),
        );
    }
    for (index, origin) in gateway.control_ui.allowed_origins.iter().enumerate() {
        if origin != "*" && origin_host(origin).is_none() {
            let path = format!("gateway.controlUi.allowedOrigins[{index}]");
            let problem = Problem::error(path, "is not a web origin");
            found.push(problem.hint("for example https://host:8443, without a path"));
        }
    }
}

fn remote(config: &Config, found: &mut Vec<Problem>) {
    let remote = &config.gateway.remote;
    match &remote.url {
        Some(url) => {
            let schemes = ["ws://", "wss://", "http://", "https://"];
            if !schemes.iter().any(|scheme| has_host(url, scheme)) {
                found.push(
                    Problem::error("gateway.remote.url", "is not a ws or wss URL")
                        .hint("for example wss://gateway.example.org:18789"),
                );
            }
        }
        None if config.gateway.mode == Some(GatewayMode::Remote) && remote.ssh_target.is_none() => {
            found.push(
                Problem::warning("gateway.mode", "is remote, but gateway.remote.url is not set")
                    .hint("openclaw config set gateway.remote.url ws://127.0.0.1:18789"),
            );
        }
        None => {}
    }
    if let Some(fingerprint) = &remote.tls_fingerprint {
        let digits = fingerprint.trim_start_matches("sha256:").replace(':', "");
        if digits.len() != 64 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            let path = "gateway.remote.tlsFingerprint";
            found.push(Problem::error(path, "is not a SHA-256 in hexadecimal"));
        }
    }
    if remote.ssh_target.as_ref().is_some_and(|target| !is_ssh_target(target)) {
        found.push(
            Problem::error("gateway.remote.sshTarget", "is not a login name and host")
                .hint("for example me@server or me@server:2222"),
        );
    }
}

/// What starts with `-` would be read as an option by ssh.
fn is_ssh_target(target: &str) -> bool {
    let host = target.rsplit_once('@').map_or(target, |(_, host)| host);
    let odd = |c: char| c.is_whitespace() || c.is_control() || "'\"`$;&|<>\\".contains(c);
    !target.starts_with('-') && !host.is_empty() && !host.starts_with('-') && !target.contains(odd)
}

fn has_host(url: &str, scheme: &str) -> bool {
    let start = url.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
    let rest = start.and_then(|_| url.get(scheme.len()..)).unwrap_or("");
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    !host.is_empty() && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The host of `scheme://host[:port]`, if the text is just that.
fn origin_host(origin: &str) -> Option<&str> {
    let (scheme, rest) = origin.split_once("://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let plain = !scheme.is_empty()
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest.chars().any(|c| c.is_whitespace() || "/?#@".contains(c));
    plain.then_some(rest)
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_network(text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}
