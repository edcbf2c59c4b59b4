//! One command, from start to end.
//!
//! A command leads a process group of its own. When it ends, is aborted, passes its deadline or its
//! [`Running`] is dropped, whatever is left of that group is killed: nothing outlives its owner.

mod confine;
mod environment;
mod output;
mod start;
mod talk;

use std::{path::PathBuf, time::Duration};

pub use confine::{Hidden, can_hide, hide};
pub use environment::{RefusedVariable, base_environment, checked_variables, owners_variables};
pub use output::{Captured, Limits, Tail};
pub use start::{Running, find_program};
pub use talk::{Pipes, Talking};
use tokio_util::sync::CancellationToken;

/// What to run. It is exactly what an approval was given for: nothing is looked up or expanded later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The program's path, then its arguments.
    pub argv: Vec<String>,
    /// Where to run it.
    pub cwd: PathBuf,
    /// The whole environment: nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// When to give up.
    pub deadline: Option<Duration>,
}

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a running command does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It printed something.
    Output(Stream, Vec<u8>),
    /// It is over, and so is its process group.
    Ended(Ended),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub cause: Cause,
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that killed it, if one did.
    pub signal: Option<i32>,
}

impl Ended {
    /// Whether it did what it should.
    #[must_use]
    pub fn success(&self) -> bool {
        self.cause == Cause::Exited && self.code == Some(0)
    }
}

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// By itself, or by somebody else's signal.
    Exited,
    /// It took too long.
    Deadline,
    /// It was told to stop.
    Aborted,
}

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nothing to run.
    #[error("the command is empty")]
    Empty,
    /// An argument or variable holds a zero byte.
    #[error("an argument or variable holds a zero byte")]
    ZeroByte,
    /// The folder to run in is not one.
    #[error("the working directory {0} is not a folder")]
    Folder(PathBuf),
    /// The program is not there.
    #[error("{0}: no such program")]
    NotFound(String),
    /// The system refused.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// What was to be started.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It runs, but cannot be waited for.
    #[error("the command cannot be followed: {0}")]
    Follow(std::io::Error),
}

/// A command that is over, with what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// What it printed on standard output.
    pub stdout: Captured,
    /// What it printed on standard error.
    pub stderr: Captured,
    /// How long it took.
    pub took: Duration,
}

/// Runs a command to its end, keeping what it prints within the limits. Cancelling the token stops it.
///
/// # Errors
/// If it cannot be started or followed. A command that fails is no error.
pub async fn run(
    spec: &Spec,
    limits: Limits,
    cancel: &CancellationToken,
) -> Result<Finished, RunError> {
    let began = tokio::time::Instant::now();
    let mut running = Running::start(spec)?;
    let mut stdout = Tail::new(limits);
    let mut stderr = Tail::new(limits);
    let ended = loop {
        let event = tokio::select! {
            event = running.next() => event?,
            () = cancel.cancelled(), if !running.is_stopping() => {
                running.stop();
                continue;
            }
        };
        match event {
            Event::Output(Stream::Out, bytes) => stdout.push(&bytes),
            Event::Output(Stream::Err, bytes) => stderr.push(&bytes),
            Event::Ended(ended) => break ended,
        }
    };
    Ok(Finished { ended, stdout: stdout.take(), stderr: stderr.take(), took: began.elapsed() })
}
