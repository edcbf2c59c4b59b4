//! Putting our program on another machine: what is there, the copy, and the way back.
//!
//! Everything is POSIX shell over one login each. The program is written beside its place, compared with
//! its digest, started once, and only then moved; what was there before is kept. A connection that is
//! cut on the way leaves what was there.

use std::{collections::BTreeMap, time::Duration};

use openclaw_client::DialError;

use crate::{Login, Said, ssh::program};

/// How long looking around may take.
const LOOK: Duration = Duration::from_secs(30);
/// How long the program there may take to write and start its service.
const SERVICE: Duration = Duration::from_secs(90);
/// Exit codes of the copying script.
const DIFFERS: i32 = 74;
const DOES_NOT_RUN: i32 = 75;

/// Where our program belongs, as a script writes it.
const PLACE: &str = "\"$HOME/.local/bin/openclaw\"";

/// A program called `openclaw` there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: String,
    /// Whether it is one of ours.
    pub ours: bool,
    /// Its version, as it says itself.
    pub version: String,
    /// SHA-256 of the file, if there is a program there that computes it.
    pub sha256: Option<String>,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// `Linux`, `Darwin`, …
    pub system: String,
    /// `x86_64`, `aarch64`, …
    pub machine: String,
    /// The program in the search path.
    pub in_path: Option<Found>,
    /// The program where ours belongs.
    pub own: Option<Found>,
}

/// Why a copy did not take its place.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The login failed.
    #[error(transparent)]
    Login(#[from] DialError),
    /// Fewer or other bytes arrived.
    #[error("the program did not arrive whole; nothing was changed there")]
    Differs,
    /// It cannot be run there.
    #[error("the program does not run there: {0}")]
    DoesNotRun(String),
    /// Something else.
    #[error("the program could not be written there: {0}")]
    Refused(String),
}

/// Looks around, and changes nothing.
///
/// # Errors
/// When the login fails.
pub async fn survey(login: &Login) -> Result<Survey, DialError> {
    // Only our program knows `dial-stdio`: that tells it from the original's.
    let script = format!(
        "look() {{ printf '%s.path=%s\\n' \"$1\" \"$2\"; \
         \"$2\" gateway dial-stdio --help >/dev/null 2>&1 && printf '%s.ours=yes\\n' \"$1\"; \
         printf '%s.version=%s\\n' \"$1\" \"$(\"$2\" --version 2>/dev/null | head -n 1)\"; \
         s=$( {{ sha256sum < \"$2\" || shasum -a 256 < \"$2\"; }} 2>/dev/null ); \
         printf '%s.sha256=%s\\n' \"$1\" \"${{s%% *}}\"; }}; \
         printf 'system=%s\\nmachine=%s\\n' \"$(uname -s)\" \"$(uname -m)\"; \
         p=$(command -v openclaw 2>/dev/null) && look path \"$p\"; \
         [ -e {PLACE} ] && look own {PLACE}; true"
    );
    let said = login.run(&script, LOOK).await?;
    Ok(read(&said.stdout))
}

fn read(text: &str) -> Survey {
    let facts: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.trim_end().split_once('=')).collect();
    let get = |name: &str| facts.get(name).copied().unwrap_or_default().to_owned();
    let found = |kind: &str| {
        let path = facts.get(format!("{kind}.path").as_str())?;
        let sha256 = get(&format!("{kind}.sha256"));
        Some(Found {
            path: (*path).to_owned(),
            ours: facts.contains_key(format!("{kind}.ours").as_str()),
            version: get(&format!("{kind}.version")),
            sha256: (sha256.len() == 64).then_some(sha256),
        })
    };
    Survey {
        system: get("system"),
        machine: get("machine"),
        in_path: found("path"),
        own: found("own"),
    }
}

/// Copies a program of `size` bytes with this digest to its place.
///
/// # Errors
/// [`CopyError`]; then what was there is there still.
pub async fn copy(
    login: &Login,
    file: &std::path::Path,
    size: u64,
    sha256: &str,
    sent: impl FnMut(u64),
) -> Result<(), CopyError> {
    let script = format!(
        "set -e; d=\"$HOME/.local/bin\"; mkdir -p \"$d\"; umask 077; \
         t=$(mktemp \"$d/.openclaw.XXXXXX\"); trap 'rm -f \"$t\"' EXIT; trap 'exit 76' HUP INT TERM; \
         head -c {size} > \"$t\"; \
         s=$( {{ sha256sum < \"$t\" || shasum -a 256 < \"$t\"; }} 2>/dev/null ); \
         [ \"${{s%% *}}\" = {sha256} ] || exit {DIFFERS}; \
         chmod 755 \"$t\"; \"$t\" --version >/dev/null || exit {DOES_NOT_RUN}; \
         sync \"$t\" 2>/dev/null || sync; \
         if [ -e {PLACE} ]; then ln -f {PLACE} \"$d/openclaw.previous\" 2>/dev/null || \
         cp -p {PLACE} \"$d/openclaw.previous\"; fi; \
         mv -f \"$t\" {PLACE}; trap - EXIT"
    );
    let said = login.send(&script, file, LOOK, sent).await?;
    match said.code {
        Some(0) => Ok(()),
        Some(DIFFERS) => Err(CopyError::Differs),
        Some(DOES_NOT_RUN) => Err(CopyError::DoesNotRun(last_line(&said))),
        _ => Err(CopyError::Refused(last_line(&said))),
    }
}

/// Puts the program back that was there before.
///
/// # Errors
/// When the login fails, or nothing was kept.
pub async fn roll_back(login: &Login) -> Result<(), CopyError> {
    let script = format!("mv -f \"$HOME/.local/bin/openclaw.previous\" {PLACE}");
    settled(&login.run(&script, LOOK).await?)
}

/// Removes the program and what was kept of the one before, if they are ours.
///
/// # Errors
/// When the login fails, or it cannot be removed.
pub async fn remove(login: &Login) -> Result<(), CopyError> {
    let script = format!(
        "set -e; if [ -e {PLACE} ]; then \
         {PLACE} gateway dial-stdio --help >/dev/null 2>&1 || exit {DOES_NOT_RUN}; \
         rm -f {PLACE} \"$HOME/.local/bin/openclaw.previous\"; fi"
    );
    settled(&login.run(&script, LOOK).await?)
}

/// Removes what our Gateway keeps in its state folder. Configuration, `.env` and workspace may be the
/// original's as well, and stay.
///
/// # Errors
/// When the login fails, or something cannot be removed.
pub async fn purge(login: &Login) -> Result<(), CopyError> {
    let script = "set -e; d=\"$HOME/.openclaw\"; [ -d \"$d\" ] || exit 0; cd \"$d\"; \
                  rm -rf gateway.db gateway.db-shm gateway.db-wal gateway.db.*.bak gateway.lock \
                  gateway.sock node.sock gateway-token identity clients gateways remote tls logs; \
                  cd ..; rmdir \"$d\" 2>/dev/null || true";
    settled(&login.run(script, LOOK).await?)
}

/// Runs our program there, and gives what it printed.
///
/// # Errors
/// When the login fails.
pub async fn ask(login: &Login, words: &str) -> Result<Said, DialError> {
    // The words are ours; the search path is that of every other use.
    login.run(&program(words), SERVICE).await
}

fn settled(said: &Said) -> Result<(), CopyError> {
    if said.code == Some(0) { Ok(()) } else { Err(CopyError::Refused(last_line(said))) }
}

/// What the far side complained of last.
fn last_line(said: &Said) -> String {
    let mut lines = said.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next_back().unwrap_or("it did not say why").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_read() {
        let digest = "a".repeat(64);
        let text = format!(
            "Welcome!\nsystem=Linux\nmachine=x86_64\npath.path=/usr/bin/openclaw\n\
             path.version=2026.9.6\npath.sha256=\nown.path=/home/me/.local/bin/openclaw\n\
             own.ours=yes\nown.version=openclaw 0.1.0\nown.sha256={digest}\n"
        );
        let survey = read(&text);
        assert_eq!((survey.system.as_str(), survey.machine.as_str()), ("Linux", "x86_64"));
        let (path, own) = (survey.in_path.expect("one"), survey.own.expect("one"));
        assert!(!path.ours && path.sha256.is_none());
        assert!(own.ours && own.version == "openclaw 0.1.0");
        assert_eq!(own.sha256, Some(digest));
        let nothing = read("system=Linux\nmachine=armv7l\n");
        assert_eq!((nothing.in_path, nothing.own), (None, None));
    }
}
