//! Browsers, HTTP, discovery and Tailscale: who may come from where.

use openclaw_config::schema::{AuthMode, TailscaleMode};

use crate::{
    check::{Check, Fix, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

const FALLBACK: &str = "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback";

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.control_ui.allowed_origins_required",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Beyond this machine, no web origin is named for the browser interface",
        remedy: "openclaw config set gateway.controlUi.allowedOrigins '[\"https://HOST:PORT\"]'",
        run: origins_required,
    },
    Check {
        id: "gateway.control_ui.allowed_origins_wildcard",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Pages of every origin may connect",
        remedy: "openclaw config set gateway.controlUi.allowedOrigins '[\"https://HOST:PORT\"]'",
        run: origins_wildcard,
    },
    Check {
        id: "gateway.control_ui.host_header_origin_fallback",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The Host header of a request decides which origin is allowed",
        remedy: "openclaw config unset gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback",
        run: host_fallback,
    },
    Check {
        id: "gateway.http.no_auth",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The HTTP interface asks for no secret",
        remedy: "openclaw config set gateway.auth.mode token",
        run: http_no_auth,
    },
    Check {
        id: "gateway.http.session_key_override_enabled",
        severity: Severity::Info,
        origin: Origin::Documented,
        title: "HTTP requests may choose their conversation",
        remedy: "treat everybody who knows the secret as an owner of all conversations",
        run: |facts| {
            let on = endpoints(facts);
            Hit::when(!on.is_empty(), format!("switched on: {}", on.join(", ")))
        },
    },
    Check {
        id: "discovery.mdns_full_mode",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The local network is told more than it needs",
        remedy: "openclaw config set discovery.mdns.mode minimal",
        run: mdns_full,
    },
    Check {
        id: "gateway.tailscale_funnel",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Tailscale Funnel shows the Gateway to the whole internet",
        remedy: "openclaw config set gateway.tailscale.mode serve",
        run: |facts| {
            let on = facts.config.gateway.tailscale.mode == TailscaleMode::Funnel;
            let spot = facts.spot("gateway.tailscale.mode");
            Hit::when(on, format!("{spot} is funnel: everybody can try the password"))
        },
    },
    Check {
        id: "gateway.tailscale_serve",
        severity: Severity::Info,
        origin: Origin::Documented,
        title: "Tailscale Serve shows the Gateway to the tailnet",
        remedy: "",
        run: |facts| {
            let on = facts.config.gateway.tailscale.mode == TailscaleMode::Serve;
            Hit::when(on, "every device of the tailnet can connect to it")
        },
    },
];

fn origins_required(facts: &Facts) -> Vec<Hit> {
    let gateway = &facts.config.gateway;
    let ui = &gateway.control_ui;
    let named = !ui.allowed_origins.is_empty() || gateway.public_origin.is_some();
    if !facts.is_exposed() || !ui.enabled || named || facts.raw.is_on(FALLBACK) {
        return Vec::new();
    }
    // Not critical here: an unlisted name is refused, where the original would take the request's word.
    let detail = "gateway.controlUi.allowedOrigins is empty: pages under a host name are refused until it is named";
    vec![Hit::new(detail).at(Severity::Warn)]
}

fn origins_wildcard(facts: &Facts) -> Vec<Hit> {
    let gateway = &facts.config.gateway;
    if !gateway.control_ui.allowed_origins.iter().any(|origin| origin.trim() == "*") {
        return Vec::new();
    }
    let public = facts.is_exposed() || gateway.public_origin.is_some();
    let public = public || gateway.tailscale.mode != TailscaleMode::Off;
    let severity = if public { Severity::Critical } else { Severity::Warn };
    let detail = format!("{} holds \"*\"", facts.spot("gateway.controlUi.allowedOrigins"));
    vec![Hit::new(detail).at(severity)]
}

fn host_fallback(facts: &Facts) -> Vec<Hit> {
    if !facts.raw.is_on(FALLBACK) {
        return Vec::new();
    }
    let severity = if facts.is_exposed() { Severity::Critical } else { Severity::Warn };
    let detail = format!("{FALLBACK} is true: this Gateway ignores it, the original does not");
    vec![Hit::new(detail).at(severity).fix(Fix::Unset { key: FALLBACK })]
}

/// The HTTP interfaces that are switched on.
fn endpoints(facts: &Facts) -> Vec<&'static str> {
    let all = [
        ("chatCompletions", "gateway.http.endpoints.chatCompletions.enabled"),
        ("responses", "gateway.http.endpoints.responses.enabled"),
    ];
    all.into_iter().filter(|(_, key)| facts.raw.is_on(key)).map(|(name, _)| name).collect()
}

fn http_no_auth(facts: &Facts) -> Vec<Hit> {
    let on = endpoints(facts);
    if facts.auth.mode != AuthMode::None || on.is_empty() {
        return Vec::new();
    }
    let severity = if facts.is_exposed() { Severity::Critical } else { Severity::Warn };
    let detail = format!("gateway.auth.mode is none and {} is switched on", on.join(", "));
    vec![Hit::new(detail).at(severity)]
}

fn mdns_full(facts: &Facts) -> Vec<Hit> {
    if facts.raw.text("discovery.mdns.mode") != Some("full") {
        return Vec::new();
    }
    let severity = if facts.is_exposed() { Severity::Critical } else { Severity::Warn };
    let detail =
        "discovery.mdns.mode is full: the path of the program and the SSH port are announced";
    vec![Hit::new(detail).at(severity).fix(Fix::Unset { key: "discovery.mdns.mode" })]
}
