//! Answers to `config.get`, `config.schema` and `config.schema.lookup`, and changes of the file.

mod logout;

use std::sync::Arc;

use openclaw_audit::{
    Finding, Report,
    fix::{self, Step},
};
use openclaw_config::{ConfigError, ConfigSnapshot, Editor, Environment, Paths, describe};
use openclaw_config::{Problem, ReloadClass};
use openclaw_gateway::config_source::{ConfigChange, ConfigSource, Forgotten};
use openclaw_protocol::{
    RpcError,
    methods::config::{
        ConfigGetResult, ConfigSchemaLookupResult, ConfigSchemaResult, ConfigWriteResult,
    },
    methods::security::{
        SecurityAuditResult, SecurityFinding, SecurityFixResult, SecurityStep, SecuritySummary,
    },
};
use parking_lot::{Mutex, RwLock};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::audit::StartAudit;

/// Reads the file anew for every `config.get`, because a person may have changed it a moment ago.
#[derive(Debug)]
pub(crate) struct FileConfig {
    paths: Paths,
    env: Environment,
    applied: RwLock<String>,
    /// Held while the file is changed: of two that were made from one state, the second is refused.
    writing: Arc<Mutex<()>>,
    audit: StartAudit,
}

impl FileConfig {
    pub(crate) fn new(paths: Paths, env: Environment, applied: String, audit: StartAudit) -> Self {
        Self { paths, env, applied: RwLock::new(applied), writing: Arc::default(), audit }
    }

    /// Names the state of the file that is in force.
    pub(crate) fn set_applied(&self, revision: String) {
        *self.applied.write() = revision;
    }
}

impl ConfigSource for FileConfig {
    fn snapshot(&self) -> futures_util::future::BoxFuture<'_, Result<ConfigGetResult, RpcError>> {
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let applied = self.applied.read().clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                wire(&ConfigSnapshot::read(&paths, &env).with_applied(applied))
            });
            read.await.map_err(|error| RpcError::unavailable(error.to_string()))?
        })
    }

    fn write(
        &self,
        change: ConfigChange,
        base_hash: Option<String>,
    ) -> futures_util::future::BoxFuture<'_, Result<ConfigWriteResult, RpcError>> {
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let writing = Arc::clone(&self.writing);
        Box::pin(async move {
            let written = tokio::task::spawn_blocking(move || {
                let _one_at_a_time = writing.lock();
                write(&paths, &env, &change, base_hash.as_deref())
            });
            written.await.map_err(|error| RpcError::unavailable(error.to_string()))?
        })
    }

    fn forget_credential(
        &self,
        channel: String,
        account: String,
    ) -> futures_util::future::BoxFuture<'_, Result<Forgotten, RpcError>> {
        let (paths, env) = (self.paths.clone(), self.env.clone());
        let writing = Arc::clone(&self.writing);
        Box::pin(async move {
            let forgotten = tokio::task::spawn_blocking(move || {
                let _one_at_a_time = writing.lock();
                logout::forget(&paths, &env, &channel, &account)
            });
            forgotten.await.map_err(|error| RpcError::unavailable(error.to_string()))?
        })
    }

    fn audit(&self) -> futures_util::future::BoxFuture<'_, Result<SecurityAuditResult, RpcError>> {
        let audit = self.audit.clone();
        Box::pin(async move {
            let looked = tokio::task::spawn_blocking(move || shown(&audit.look()));
            looked.await.map_err(|error| RpcError::unavailable(error.to_string()))
        })
    }

    fn fix(
        &self,
        check_id: String,
    ) -> futures_util::future::BoxFuture<'_, Result<SecurityFixResult, RpcError>> {
        let (audit, writing) = (self.audit.clone(), Arc::clone(&self.writing));
        Box::pin(async move {
            let fixed = tokio::task::spawn_blocking(move || {
                let _one_at_a_time = writing.lock();
                audit.fix(&check_id)
            });
            let steps = fixed.await.map_err(|error| RpcError::unavailable(error.to_string()))?;
            if steps.is_empty() {
                return Err(RpcError::invalid(
                    "nothing of this check can be set right by itself; see its remediation",
                ));
            }
            let step =
                |step: Step| SecurityStep { action: step.action, ok: step.ok, error: step.error };
            Ok(SecurityFixResult { steps: steps.into_iter().map(step).collect() })
        })
    }

    fn schema(&self) -> Result<ConfigSchemaResult, RpcError> {
        wire(&describe::describe())
    }

    fn lookup(&self, path: &str) -> Result<Option<ConfigSchemaLookupResult>, RpcError> {
        describe::lookup(path).as_ref().map(wire).transpose()
    }
}

/// The report as it is sent.
fn shown(report: &Report) -> SecurityAuditResult {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let finding = |finding: &Finding| SecurityFinding {
        check_id: finding.check_id.to_owned(),
        severity: finding.severity.as_str().to_owned(),
        title: finding.title.to_owned(),
        detail: finding.detail.clone(),
        remediation: finding.remediation.clone(),
        fix: fix::plan(std::slice::from_ref(finding)).pop().map(|step| step.action),
    };
    SecurityAuditResult {
        ts: report.ts,
        summary: SecuritySummary {
            critical: count(report.summary.critical),
            warn: count(report.summary.warn),
            info: count(report.summary.info),
        },
        findings: report.findings.iter().map(finding).collect(),
    }
}

fn write(
    paths: &Paths,
    env: &Environment,
    change: &ConfigChange,
    base_hash: Option<&str>,
) -> Result<ConfigWriteResult, RpcError> {
    let mut editor = Editor::open(paths, env).map_err(|error| refused(&error))?;
    match base_hash {
        Some(hash) => editor.expect_base(hash).map_err(|error| refused(&error))?,
        None if editor.exists() => {
            let message = "config base hash required; re-run config.get and retry";
            return Err(RpcError::invalid(message));
        }
        None => {}
    }
    let edited = match change {
        ConfigChange::Whole { raw } => editor.replace_with(raw),
        ConfigChange::Patch { raw, replaced } => editor.patch(raw, replaced),
    };
    edited.map_err(|error| refused(&error))?;
    let changed_paths = editor.changed_keys();
    let saved = editor.save().map_err(|error| refused(&error))?;
    let needs_restart = changed_paths
        .iter()
        .filter(|path| ReloadClass::of(path) == ReloadClass::Restart)
        .cloned()
        .collect();
    Ok(ConfigWriteResult {
        ok: true,
        path: saved.path.display().to_string(),
        config: ConfigSnapshot::read(paths, env).config,
        hash: saved.hash,
        changed_paths,
        needs_restart,
    })
}

/// Why the file stays as it is.
pub(super) fn refused(error: &ConfigError) -> RpcError {
    match error {
        ConfigError::Invalid { report } => {
            let mut errors = report.errors().peekable();
            let first = errors.peek().map(|problem| place(problem)).unwrap_or_default();
            let issues: Vec<Value> =
                errors.filter_map(|problem| serde_json::to_value(problem).ok()).collect();
            RpcError::invalid(format!("invalid config{first}"))
                .with_details([("issues", Value::from(issues))])
        }
        ConfigError::BadValue { line, column, .. }
        | ConfigError::BadText { line, column, .. }
        | ConfigError::LostSecret { line, column } => {
            let place = [("line", Value::from(*line)), ("column", Value::from(*column))];
            RpcError::invalid(error.to_string()).with_details(place)
        }
        ConfigError::Read { source, .. } | ConfigError::Write { source, .. } => {
            RpcError::unavailable(format!("{error}: {source}"))
        }
        _ => RpcError::invalid(error.to_string()),
    }
}

fn place(problem: &Problem) -> String {
    let key = if problem.path.is_empty() { "" } else { problem.path.as_str() };
    let line = problem.line.map(|line| format!(": line {line}: ")).unwrap_or(": ".to_owned());
    format!("{line}{key}{} {}", if key.is_empty() { "" } else { ":" }, problem.message)
}

/// The same value in the protocol's own type.
fn wire<T: DeserializeOwned>(value: &impl Serialize) -> Result<T, RpcError> {
    let shaped = serde_json::to_value(value).and_then(serde_json::from_value);
    shaped.map_err(|error| {
        tracing::error!(%error, "configuration answer has an unexpected shape");
        RpcError::unavailable("the configuration cannot be shown")
    })
}
