//! The security audit at the start: after the Gateway listens, and only what is critical is said.

use std::time::{SystemTime, UNIX_EPOCH};

use openclaw_audit::{
    Finding, Overrides, Report, Sources,
    facts::Certificate,
    fix::{self, Step},
};
use openclaw_config::{Environment, Loaded, Paths, schema::Bind};

use crate::{auth::AuthFlags, tls::certificate_facts};

/// What a Gateway was started with.
#[derive(Clone, Debug)]
pub(crate) struct StartAudit {
    paths: Paths,
    env: Environment,
    overrides: Overrides,
}

impl StartAudit {
    /// Keeps what the audit needs.
    pub(crate) fn of(
        paths: &Paths,
        env: &Environment,
        bind: Option<Bind>,
        auth: &AuthFlags,
    ) -> Self {
        let overrides = Overrides {
            bind,
            port: None,
            mode: auth.mode,
            token: auth.token.clone(),
            password: auth.password.clone(),
        };
        Self { paths: paths.clone(), env: env.clone(), overrides }
    }

    /// The same once it is known which port it got.
    pub(crate) fn at(mut self, port: u16) -> Self {
        self.overrides.port = Some(port);
        self
    }

    /// Looks, and logs what is critical.
    pub(crate) async fn critical(self, port: u16) -> Vec<Finding> {
        let this = self.at(port);
        // It reads files and the kernel's tables.
        let looked = tokio::task::spawn_blocking(move || this.look()).await;
        let findings: Vec<Finding> =
            looked.map(|report| report.critical().cloned().collect()).unwrap_or_default();
        for finding in &findings {
            let Finding { check_id, title, detail, .. } = finding;
            tracing::error!(check = check_id, detail, "security audit: {title}");
        }
        findings
    }

    /// Looks, on a thread that may wait.
    pub(crate) fn look(self) -> Report {
        let loaded = openclaw_config::load(&self.paths, &self.env);
        let certificate = loaded.as_ref().ok().and_then(|loaded| certificate(&self.paths, loaded));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let facts = openclaw_audit::gather(&Sources {
            paths: &self.paths,
            env: &self.env,
            loaded: loaded.as_ref().map_err(ToString::to_string),
            overrides: self.overrides,
            certificate,
            root: "/".into(),
            now_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        });
        openclaw_audit::audit(&facts)
    }

    /// Does what is safe about one check's findings.
    pub(crate) fn fix(self, check_id: &str) -> Vec<Step> {
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let mut report = self.look();
        report.findings.retain(|finding| finding.check_id == check_id);
        let mut steps = fix::plan(&report.findings);
        for step in &mut steps {
            fix::apply(step, &paths, &env);
        }
        steps
    }
}

/// The certificate of the Gateway, if there is one.
#[must_use]
pub fn certificate(paths: &Paths, loaded: &Loaded) -> Option<Certificate> {
    let facts = certificate_facts(paths, &loaded.config.gateway.tls).ok()?;
    Some(Certificate { path: facts.path, not_after_ms: facts.not_after.saturating_mul(1000) })
}
