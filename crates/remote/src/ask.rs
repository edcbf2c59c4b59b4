//! Asking the program on another machine where its Gateway is.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use openclaw_client::DialError;
use serde::Deserialize;
use tokio::{io::AsyncReadExt, time::timeout};

use crate::{
    SshError, child,
    classify::classify,
    ssh::{SshOptions, base, program, quiet, set},
    target::SshTarget,
};

/// Largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// How long the program there may take once it was reached.
const ANSWER: Duration = Duration::from_secs(10);

/// Where the Gateway of another machine is, on that machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The owner's door.
    pub door: Option<PathBuf>,
    /// The port.
    pub port: Option<u16>,
}

#[derive(Deserialize)]
struct Report {
    lock: Lock,
}

#[derive(Deserialize)]
struct Lock {
    holder: Option<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    socket: Option<PathBuf>,
    port: Option<u16>,
}

/// Asks `openclaw gateway status` there. What it does not say is not known.
///
/// # Errors
/// [`SshError`] when the login fails.
pub async fn published(target: &SshTarget, options: &SshOptions) -> Result<Published, DialError> {
    let mut arguments = base(options, target);
    quiet(&mut arguments);
    set(&mut arguments, "ClearAllForwardings=yes");
    let command = program("gateway status --json");
    arguments.extend([OsString::from("--"), target.host().into(), command.into()]);
    let opened = child::open(&options.program, arguments, &options.tasks).await;
    let (stream, ending) = opened.map_err(SshError::Start)?;
    let mut answer = Vec::new();
    let reading = stream.take(MAX_ANSWER);
    let mut reading = std::pin::pin!(reading);
    // An answer that is cut short is not JSON and says nothing.
    timeout(options.connect_timeout + ANSWER, reading.read_to_end(&mut answer)).await.ok();
    if let Ok(report) = serde_json::from_slice::<Report>(&answer) {
        let holder = report.lock.holder;
        let (door, port) = holder.map_or((None, None), |holder| (holder.socket, holder.port));
        return Ok(Published { door: door.filter(|path| path.is_absolute()), port });
    }
    match timeout(Duration::from_secs(1), ending).await {
        Ok(Ok(ending)) => match classify(&ending, target) {
            Some(failure) => Err(DialError::Ssh(failure)),
            None => Ok(Published::default()),
        },
        _ => Ok(Published::default()),
    }
}
