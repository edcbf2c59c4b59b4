//! Encryption of the port.

use openclaw_config::schema::Bind;

use crate::{
    check::{Check, Fix, Hit, Origin},
    facts::{Facts, Role},
    severity::Severity,
};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// So many days before the end somebody should hear of it.
const SOON_DAYS: i64 = 14;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.tls_off_exposed",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "The Gateway listens beyond this machine without encryption",
        remedy: "openclaw config unset gateway.tls.enabled",
        run: off_exposed,
    },
    Check {
        id: "gateway.tls.certificate_expiring",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "The certificate runs out",
        remedy: "put a new certificate in the place of the old one; the Gateway takes it without a restart",
        run: expiring,
    },
    Check {
        id: "gateway.tls.key_perms_readable",
        severity: Severity::Critical,
        origin: Origin::Ours,
        title: "Others may read the private key of the certificate",
        remedy: "openclaw security audit --fix",
        run: key_readable,
    },
];

fn off_exposed(facts: &Facts) -> Vec<Hit> {
    if !facts.is_exposed() || facts.config.gateway.tls.enabled != Some(false) {
        return Vec::new();
    }
    // The tailnet encrypts by itself.
    let severity = if facts.bind == Bind::Tailnet { Severity::Warn } else { Severity::Critical };
    let at = facts.spot("gateway.tls.enabled");
    vec![Hit::new(format!("{at} is false and gateway.bind is {}", facts.bind)).at(severity)]
}

fn expiring(facts: &Facts) -> Vec<Hit> {
    let Some(certificate) = &facts.certificate else { return Vec::new() };
    let now = i64::try_from(facts.now_ms).unwrap_or(i64::MAX);
    let left = certificate.not_after_ms.saturating_sub(now);
    let path = certificate.path.display();
    if left <= 0 {
        return vec![Hit::new(format!("{path} ran out {} days ago", -left / DAY_MS))];
    }
    if left < SOON_DAYS * DAY_MS {
        let detail = format!("{path} runs out in {} days", left / DAY_MS);
        return vec![Hit::new(detail).at(Severity::Warn)];
    }
    Vec::new()
}

fn key_readable(facts: &Facts) -> Vec<Hit> {
    let open = facts.files_of(Role::TlsKey).filter(|file| file.mode & 0o077 != 0);
    open.map(|file| {
        let detail = format!("{} has mode {:03o}", file.path.display(), file.mode);
        Hit::new(detail).fix(Fix::Close { path: file.path.clone() })
    })
    .collect()
}
