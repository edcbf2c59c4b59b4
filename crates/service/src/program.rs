//! Running one of the system's programs to its end.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::error::ServiceError;

/// How much of a program's last words is kept, in characters.
const MAX_SAID: usize = 2_000;

/// What a program printed and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) command: String,
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The last words, on one line.
    pub(crate) fn words(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let words: String = lines.join("; ").chars().take(MAX_SAID).collect();
        if words.is_empty() { "it gave no reason".to_owned() } else { words }
    }

    /// Fails if the program did.
    pub(crate) fn done(self) -> Result<Self, ServiceError> {
        if self.ok {
            return Ok(self);
        }
        let said = self.words();
        if said.contains("not been booted with systemd") {
            return Err(ServiceError::NotSystemd);
        }
        if said.contains("Failed to connect to") && said.contains("bus") {
            return Err(ServiceError::NoBus { said });
        }
        Err(ServiceError::Refused { command: self.command, said })
    }
}

/// Runs a program; it is killed when the deadline passes.
pub(crate) async fn run(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, String)],
    deadline: Duration,
) -> Result<Said, ServiceError> {
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let command = format!("{name} {}", arguments.join(" "));
    let mut child = Command::new(program);
    child.args(arguments).env("LC_ALL", "C").env("SYSTEMD_COLORS", "0").env("SYSTEMD_PAGER", "");
    child.envs(environment.iter().map(|(key, value)| (key, value)));
    child.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(deadline, child.output())
        .await
        .map_err(|_| ServiceError::Silent {
            command: command.clone(),
            seconds: deadline.as_secs(),
        })?
        .map_err(|source| ServiceError::Program { program: name, source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said {
        command,
        ok: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}
