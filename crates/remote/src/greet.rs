//! The first contact with a host: a person at a terminal lets OpenSSH ask its questions.

use std::process::Stdio;

use openclaw_client::SshProblem;

use crate::{
    SshError, child,
    classify::{Ending, classify, failure},
    ssh::{SshOptions, base},
    target::SshTarget,
};

/// Whether a person can answer questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Standard input and error are a terminal.
    Yes,
    /// Nobody is there to ask.
    No,
}

/// Logs in once, plainly, so that `ssh` can show the host key and ask for a passphrase. Everything
/// after that runs without questions.
///
/// # Errors
/// [`SshError`] without a terminal, or when the login fails.
pub async fn greet(
    target: &SshTarget,
    options: &SshOptions,
    terminal: Terminal,
) -> Result<(), SshError> {
    if terminal == Terminal::No {
        return Err(SshError::Failed(failure(SshProblem::UnknownHostKey, target, "")));
    }
    let mut command = tokio::process::Command::new(&options.program);
    command
        .args(base(options, target))
        .args(["-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none", "-T", "--"])
        .arg(target.host())
        .arg("true")
        .stdin(Stdio::inherit())
        // Data goes to standard output, and this is none.
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let mut child = child::start(command).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => SshError::Failed(failure(SshProblem::NoSsh, target, "")),
        _ => SshError::Start(error),
    })?;
    let status = child.wait().await.map_err(SshError::Start)?;
    let words = "see above";
    let ending = Ending { code: Some(status.code().unwrap_or(255)), stderr: words.to_owned() };
    classify(&ending, target).map_or(Ok(()), |failure| Err(SshError::Failed(failure)))
}
