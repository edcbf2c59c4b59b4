//! `openclaw gateway dial-stdio`: bridges standard input and output to the owner's door, or with
//! `--role node` to the door that lets in nodes only, so that a login may be restricted to that.
//!
//! This is the far end of `--ssh`: the login is the proof, and the bytes of a Gateway connection are all
//! that ever appears on standard output. The end of either side ends the bridge. When only the input
//! ends, what the Gateway still has to say is passed on for a moment.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::holder::Holder;

/// Bytes moved at once.
const CHUNK: usize = 16 * 1024;
/// How long the Gateway may go on after the input ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the far end is.
#[derive(Args, Debug)]
pub(crate) struct DialStdioArgs {
    /// Role the caller connects with; `node` is let in as nothing else
    #[arg(long, value_enum, default_value_t = DialRole::Operator)]
    role: DialRole,
}

/// Roles, each with a door of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DialRole {
    Operator,
    Node,
}

/// Bridges until one side ends.
pub(crate) fn run(context: &Context, args: &DialStdioArgs) -> Outcome {
    let door = open_door(context, args.role)?;
    tracing::debug!(role = ?args.role, "bridging to a door");
    let upstream = clone(&door)?;
    let (ended, end) = mpsc::sync_channel::<()>(1);
    // The thread may sit in a read of standard input for ever; the end of the process ends it.
    let pump = thread::Builder::new().name("dial-stdio-in".to_owned());
    let started = pump.spawn(move || {
        copy(&mut io::stdin().lock(), &mut &upstream).ok();
        upstream.shutdown(Shutdown::Write).ok();
        // Either the other direction ends by itself, or it is cut after a moment.
        end.recv_timeout(LAST_WORDS).ok();
        upstream.shutdown(Shutdown::Both).ok();
    });
    started.map_err(|error| Failure::local("starting the bridge failed", &error))?;
    let outcome = copy(&mut &door, &mut io::stdout().lock());
    drop(ended);
    match outcome {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) if is_hang_up(&error) => Ok(ExitCode::Done),
        Err(error) => {
            let failure = Failure::local("the link to the Gateway was lost", &error);
            Err(failure.exit_with(ExitCode::LinkLost))
        }
    }
}

fn open_door(context: &Context, role: DialRole) -> Result<UnixStream, Failure> {
    let holder = Holder::read(&context.paths.lock_file());
    let path = match role {
        DialRole::Operator => holder
            .and_then(|holder| holder.socket)
            .or_else(|| crate::target::system_door(context))
            .unwrap_or_else(|| context.paths.socket().to_owned()),
        // Never the owner's instead: the caller was promised to be a node and nothing else.
        DialRole::Node => holder
            .and_then(|holder| holder.node_socket)
            .unwrap_or_else(|| context.paths.node_socket()),
    };
    UnixStream::connect(&path).map_err(|error| {
        let (exit, message, hint) = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => (
                ExitCode::NothingListening,
                format!("no Gateway runs for {}", context.paths.state_dir().display()),
                "start it there with `openclaw gateway run`",
            ),
            io::ErrorKind::PermissionDenied => (
                ExitCode::CredentialRefused,
                format!("{} belongs to another user", path.display()),
                "log in as the user that runs the Gateway",
            ),
            _ => (
                ExitCode::Failed,
                format!("opening {} failed", path.display()),
                "look at it with `openclaw gateway status`",
            ),
        };
        Failure::new(exit, message).caused_by(Some(&error)).hint(hint)
    })
}

fn clone(door: &UnixStream) -> Result<UnixStream, Failure> {
    door.try_clone().map_err(|error| Failure::local("starting the bridge failed", &error))
}

/// Moves bytes as they come: nothing waits in a buffer.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        to.flush()?;
    }
}

/// The other side went away, which is how a connection usually ends.
fn is_hang_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
