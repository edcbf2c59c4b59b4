//! Running one command on another machine, over one login.

use std::{ffi::OsString, io, path::Path, time::Duration};

use openclaw_client::{DialError, SshProblem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    SshError, child,
    classify::{Ending, classify, failure},
    ssh::{SshOptions, base, quiet, set},
    target::SshTarget,
};

/// Most that is read of what a command prints, in bytes.
const MAX_ANSWER: u64 = 256 * 1024;
/// Bytes that are sent at a time.
const PIECE: usize = 64 * 1024;

/// A machine that can be logged in to.
#[derive(Clone, Debug)]
pub struct Login {
    target: SshTarget,
    options: SshOptions,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Login {
    /// Logs in to `target` as `options` say.
    #[must_use]
    pub const fn new(target: SshTarget, options: SshOptions) -> Self {
        Self { target, options }
    }

    /// Where this leads.
    #[must_use]
    pub const fn target(&self) -> &SshTarget {
        &self.target
    }

    /// Runs a POSIX shell script of one line there.
    ///
    /// # Errors
    /// When the login fails, or nothing is heard for longer than `within`.
    pub async fn run(&self, script: &str, within: Duration) -> Result<Said, DialError> {
        self.talk(script, None, within, |_| {}).await
    }

    /// The same with a file on its standard input, whose whole length the script has to read. `sent` is
    /// told how many bytes are on their way so far.
    ///
    /// # Errors
    /// As [`Login::run`], and when the file cannot be read.
    pub async fn send(
        &self,
        script: &str,
        file: &Path,
        within: Duration,
        sent: impl FnMut(u64),
    ) -> Result<Said, DialError> {
        self.talk(script, Some(file), within, sent).await
    }

    async fn talk(
        &self,
        script: &str,
        file: Option<&Path>,
        within: Duration,
        mut sent: impl FnMut(u64),
    ) -> Result<Said, DialError> {
        let mut arguments = base(&self.options, &self.target);
        quiet(&mut arguments);
        set(&mut arguments, "ClearAllForwardings=yes");
        let command = format!("sh -c {}", quoted(script));
        arguments.extend([OsString::from("--"), self.target.host().into(), command.into()]);
        let opened = child::open(&self.options.program, arguments, &self.options.tasks).await;
        let (mut stream, ending) = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                SshError::Failed(failure(SshProblem::NoSsh, &self.target, ""))
            }
            _ => SshError::Start(error),
        })?;
        if let Some(file) = file {
            let mut source = tokio::fs::File::open(file).await.map_err(DialError::Local)?;
            let mut piece = vec![0; PIECE];
            let mut count = 0_u64;
            loop {
                let read = source.read(&mut piece).await.map_err(DialError::Local)?;
                let bytes = piece.get(..read).unwrap_or_default();
                // Who stops listening says why in its answer, so a broken pipe is not the end.
                if bytes.is_empty() || stream.write_all(bytes).await.is_err() {
                    break;
                }
                count = count.saturating_add(u64::try_from(read).unwrap_or_default());
                sent(count);
            }
            stream.flush().await.ok();
        }
        let mut stdout = Vec::new();
        let mut reading = (&mut stream).take(MAX_ANSWER);
        let limit = self.options.connect_timeout + within;
        let late = || SshError::Failed(failure(SshProblem::TimedOut, &self.target, ""));
        timeout(limit, reading.read_to_end(&mut stdout)).await.map_err(|_| late())?.ok();
        drop(stream);
        let Ending { code, stderr } = ending.await.unwrap_or_default();
        let said = Said { code, stdout: String::from_utf8_lossy(&stdout).into_owned(), stderr };
        // `ssh` itself ends with 255; the script never does.
        if said.code == Some(255) || said.code.is_none() {
            let ending = Ending { code: Some(255), stderr: said.stderr.clone() };
            if let Some(failure) = classify(&ending, &self.target) {
                return Err(DialError::Ssh(failure));
            }
        }
        Ok(said)
    }
}

/// Quotes a text for any shell that a login may have.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_one_word() {
        assert_eq!(quoted("a 'b' $c"), r"'a '\''b'\'' $c'");
    }
}
