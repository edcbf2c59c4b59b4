//! Doing what is safe to do without asking: closing files, and taking dangerous keys out.
//!
//! A key is taken out through the one editor of the configuration, so comments stay and nothing invalid is
//! written.

use std::{
    fs::Permissions,
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use openclaw_config::{Editor, Environment, Paths};
use serde::Serialize;

use crate::{check::Fix, report::Finding, severity::Severity};

/// One step, before or after it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Which check asks for it.
    pub check_id: &'static str,
    /// What is done, as a command.
    pub action: String,
    /// Whether it was done.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip)]
    fix: Fix,
}

/// Every step that the findings ask for, once each.
#[must_use]
pub fn plan(findings: &[Finding]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        if steps.iter().any(|step| step.fix == *fix) {
            continue;
        }
        let action = match fix {
            Fix::Close { path } => format!("chmod go-rwx {}", path.display()),
            Fix::Unset { key } => format!("openclaw config unset {key}"),
        };
        let check_id = finding.check_id;
        steps.push(Step { check_id, action, ok: false, error: None, fix: fix.clone() });
    }
    steps
}

/// Findings for which a person is needed.
pub fn left(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let worth = |finding: &&Finding| finding.severity != Severity::Info;
    findings.iter().filter(|finding| finding.fix.is_none()).filter(worth)
}

/// Takes one step.
pub fn apply(step: &mut Step, paths: &Paths, env: &Environment) {
    let done = match &step.fix {
        Fix::Close { path } => close(path).map_err(|error| error.to_string()),
        Fix::Unset { key } => unset(key, paths, env).map_err(|error| error.to_string()),
    };
    step.ok = done.is_ok();
    step.error = done.err();
}

/// Never through a link or in a folder of somebody else's: whoever could put another file in the place of
/// this one would choose what is closed.
fn close(path: &Path) -> io::Result<()> {
    let own = |uid: u32| uid == 0 || uid == rustix::process::getuid().as_raw();
    let refuse = |text: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    let meta = std::fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return refuse("it is a symbolic link; close the file it leads to");
    }
    let folder = path
        .parent()
        .map_or(Ok(true), |folder| std::fs::symlink_metadata(folder).map(|meta| own(meta.uid())))?;
    if !folder || !own(meta.uid()) {
        return refuse("it belongs to another user; run the audit as that user");
    }
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o7777;
    std::fs::set_permissions(path, Permissions::from_mode(mode & !0o077))
}

fn unset(key: &str, paths: &Paths, env: &Environment) -> Result<(), openclaw_config::ConfigError> {
    let mut editor = Editor::open(paths, env)?;
    if editor.unset(key)? {
        editor.save()?;
    }
    Ok(())
}
