//! What the running Gateway answers; asked by `--deep` alone.

use crate::{
    check::{Check, Hit, Origin},
    facts::Facts,
    severity::Severity,
};

/// A row that repeats what a probe of its id came to.
macro_rules! probed {
    ($id:literal, $severity:ident, $title:literal, $remedy:literal) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            origin: Origin::Ours,
            title: $title,
            remedy: $remedy,
            run: |facts| failed(facts, $id),
        }
    };
}

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "gateway.probe_failed",
        severity: Severity::Warn,
        origin: Origin::Documented,
        title: "The running Gateway cannot be asked",
        remedy: "openclaw gateway probe",
        run: unreachable,
    },
    probed!(
        "gateway.probe.anonymous_accepted",
        Critical,
        "The running Gateway lets a stranger in",
        "restart it, so that the configuration holds: openclaw gateway run --force"
    ),
    probed!(
        "gateway.probe.foreign_host_served",
        Critical,
        "The running Gateway answers to a name that is not its own",
        "upgrade the Gateway; a page elsewhere can reach it through its visitors' browsers"
    ),
    probed!(
        "gateway.probe.foreign_origin_served",
        Critical,
        "The running Gateway serves pages of a foreign origin",
        "openclaw config unset gateway.controlUi.allowedOrigins"
    ),
    probed!(
        "gateway.probe.forwarded_headers_believed",
        Critical,
        "The running Gateway believes forwarded headers of a stranger",
        "openclaw config unset gateway.trustedProxies, or name the proxy's address alone"
    ),
    probed!(
        "gateway.probe.listens_beyond_bind",
        Critical,
        "The Gateway's port is open on addresses that gateway.bind does not name",
        "restart it, so that the configuration holds: openclaw gateway run --force"
    ),
];

fn unreachable(facts: &Facts) -> Vec<Hit> {
    let gateway = facts.live.as_ref().map(|live| &live.gateway);
    let failed = gateway.filter(|gateway| !gateway.ok);
    failed
        .map(|gateway| {
            let why = gateway.error.as_deref().unwrap_or("no answer");
            vec![Hit::new(format!("{}: {why}", gateway.url))]
        })
        .unwrap_or_default()
}

fn failed(facts: &Facts, id: &str) -> Vec<Hit> {
    let probes = facts.live.iter().flat_map(|live| &live.probes);
    let failed = probes.filter(|probe| probe.check_id == id && !probe.ok);
    failed.map(|probe| Hit::new(probe.detail.clone())).collect()
}
