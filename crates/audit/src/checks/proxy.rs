//! Reverse proxies whose word is believed.

use openclaw_config::schema::AuthMode;

use crate::{
    check::{Check, Fix, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.trusted_proxy_auth",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Whoever the reverse proxy lets through is let in",
        remedy: "make sure that nothing but the proxy reaches the port, and that it strips the headers of its clients",
        run: |facts| {
            let detail = "gateway.auth.mode is trusted-proxy: the proxy alone decides who comes in";
            Hit::when(is_on(facts), detail)
        },
    },
    Check {
        id: "gateway.trusted_proxy_no_proxies",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "No reverse proxy is named, so no address is told from another",
        remedy: "openclaw config set gateway.trustedProxies '[\"PROXY_ADDRESS\"]'",
        run: |facts| {
            let none = facts.config.gateway.trusted_proxies.is_empty();
            Hit::when(is_on(facts) && none, "gateway.trustedProxies is empty")
        },
    },
    Check {
        id: "gateway.trusted_proxy_no_user_header",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "The header that names the user is not set",
        remedy: "openclaw config set gateway.auth.trustedProxy.userHeader x-forwarded-user",
        run: |facts| {
            let none = facts.raw.text("gateway.auth.trustedProxy.userHeader").is_none();
            Hit::when(is_on(facts) && none, "gateway.auth.trustedProxy.userHeader is not set")
        },
    },
    Check {
        id: "gateway.trusted_proxy_no_allowlist",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Every user that the proxy knows may come in",
        remedy: "openclaw config set gateway.auth.trustedProxy.allowUsers '[\"you@example.org\"]'",
        run: |facts| {
            let none = facts.raw.texts("gateway.auth.trustedProxy.allowUsers").is_empty();
            Hit::when(is_on(facts) && none, "gateway.auth.trustedProxy.allowUsers is empty")
        },
    },
    Check {
        id: "gateway.trusted_proxy_allow_loopback",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "Every program of this machine may speak as the proxy",
        remedy: "openclaw config unset gateway.auth.trustedProxy.allowLoopback",
        run: |facts| {
            let on = facts.raw.is_on("gateway.auth.trustedProxy.allowLoopback");
            Hit::when(is_on(facts) && on, "gateway.auth.trustedProxy.allowLoopback is true")
        },
    },
    Check {
        id: "gateway.trusted_proxy_device_auto_approve_admin",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "Devices behind the proxy become administrators unseen",
        remedy: "openclaw config unset gateway.auth.trustedProxy.deviceAutoApprove",
        run: auto_approve_admin,
    },
    Check {
        id: "gateway.trusted_proxies_missing",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "A reverse proxy publishes the Gateway, and its address is not named",
        remedy: "openclaw config set gateway.trustedProxies '[\"127.0.0.1\"]'",
        run: |facts| {
            let gateway = &facts.config.gateway;
            let missing = gateway.public_origin.is_some() && gateway.trusted_proxies.is_empty();
            Hit::when(
                missing,
                "gateway.publicOrigin is set and gateway.trustedProxies is empty: requests with forwarded headers are refused",
            )
        },
    },
    Check {
        id: "gateway.real_ip_fallback_enabled",
        severity: Severity::Critical,
        origin: Origin::Documented,
        title: "X-Real-IP is believed where X-Forwarded-For is missing",
        remedy: "openclaw config unset gateway.allowRealIpFallback",
        run: real_ip,
    },
];

fn is_on(facts: &Facts) -> bool {
    facts.auth.mode == AuthMode::TrustedProxy
}

fn auto_approve_admin(facts: &Facts) -> Vec<Hit> {
    let on = facts.raw.is_on("gateway.auth.trustedProxy.deviceAutoApprove.enabled");
    let scopes = facts.raw.texts("gateway.auth.trustedProxy.deviceAutoApprove.scopes");
    let detail =
        "gateway.auth.trustedProxy.deviceAutoApprove is on and its scopes hold operator.admin";
    Hit::when(is_on(facts) && on && scopes.contains(&"operator.admin"), detail)
}

fn real_ip(facts: &Facts) -> Vec<Hit> {
    if !facts.raw.is_on("gateway.allowRealIpFallback") {
        return Vec::new();
    }
    let severe = facts.is_exposed() || is_on(facts);
    let severity = if severe { Severity::Critical } else { Severity::Warn };
    let detail = "gateway.allowRealIpFallback is true: behind a proxy that passes X-Real-IP through, a client chooses the address it is counted under";
    vec![Hit::new(detail).at(severity).fix(Fix::Unset { key: "gateway.allowRealIpFallback" })]
}
