//! What is always worth a line.

use crate::{
    check::{Check, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "config.invalid",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "The configuration cannot be used, so the defaults were audited",
        remedy: "openclaw config validate",
        run: |facts| facts.invalid.iter().map(|why| Hit::new(why.clone())).collect(),
    },
    Check {
        id: "summary.attack_surface",
        severity: Severity::Info,
        origin: Origin::Documented,
        title: "What can be reached",
        remedy: "",
        run: surface,
    },
    SUPPRESSIONS,
];

/// Made when the report is put together; by itself it finds nothing.
pub(crate) const SUPPRESSIONS: Check = Check {
    id: "security.audit.suppressions.active",
    severity: Severity::Info,
    origin: Origin::Documented,
    title: "Findings are hidden by the configuration",
    remedy: "openclaw config get security.audit.suppressions",
    run: |_| Vec::new(),
};

fn surface(facts: &Facts) -> Vec<Hit> {
    let on = |key: &str| if facts.raw.is_on(key) { "on" } else { "off" };
    let tls = match (facts.config.gateway.tls.enabled, facts.is_exposed()) {
        (Some(true), _) | (None, true) => "on",
        (Some(false), _) | (None, false) => "off",
    };
    let detail = format!(
        "port {}, bind {}, auth {}, TLS {tls}, Tailscale {}, mDNS {}, hooks {}, browser {}, named Gateways {}",
        facts.port,
        facts.bind,
        facts.auth.mode,
        facts.tailscale(),
        facts.raw.text("discovery.mdns.mode").unwrap_or("minimal"),
        on("hooks.enabled"),
        on("browser.enabled"),
        facts.named.len(),
    );
    vec![Hit::new(detail)]
}
