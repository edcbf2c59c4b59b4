//! Starting a command, following it, and ending it.

use std::{
    ffi::OsStr,
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    pin::Pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::{Instant, Sleep},
};

use super::{Cause, Ended, Event, Hidden, RunError, Spec, Stream};

/// How long a command has between being asked to end and being killed.
const GRACE: Duration = Duration::from_secs(2);

/// How long what a command left running may go on printing after it has ended.
const DRAIN: Duration = Duration::from_millis(250);

/// How much may be in the pipes when all is killed, with room to spare.
const LEFT_IN_PIPES: usize = 1024 * 1024;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// A deadline so far away that it is none.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A command that runs. Dropping it kills all of it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Group,
    stdout: Option<Box<dyn Pipe>>,
    stderr: Option<Box<dyn Pipe>>,
    out_buffer: Vec<u8>,
    err_buffer: Vec<u8>,
    /// When something is due: the deadline, the end of the grace, or the end of draining.
    timer: Pin<Box<Sleep>>,
    phase: Phase,
    cause: Cause,
}

trait Pipe: AsyncRead + Unpin + Send + Sync + std::fmt::Debug {}
impl<P: AsyncRead + Unpin + Send + Sync + std::fmt::Debug> Pipe for P {}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The timer is the deadline.
    Runs,
    /// It was asked to end; the timer is the grace.
    Stopping,
    /// It was killed.
    Killed,
    /// The command has ended; the timer is for what it left running.
    Drains(ExitStatus),
    /// What it left was killed; so much of what is in the pipes is still fetched.
    Empties(ExitStatus, usize),
    /// All of it is over.
    Over(ExitStatus),
}

/// A process group that is killed when dropped.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// That of a child that was just started as the leader of one.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // It may have ended meanwhile, which is what was wanted.
            kill_process_group(leader, signal).ok();
        }
    }

    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    /// If there is nothing to start, or the system refuses.
    pub fn start(spec: &Spec) -> Result<Self, RunError> {
        Self::start_hiding(spec, &Hidden::default())
    }

    /// Starts a command that does not see some folders.
    ///
    /// # Errors
    /// As [`Running::start`], and if the kernel cannot hide folders; see [`super::can_hide`].
    pub fn start_hiding(spec: &Spec, hidden: &Hidden) -> Result<Self, RunError> {
        let mut child = begin(spec, Stdio::null(), hidden)?;
        let deadline = spec.deadline.unwrap_or(NEVER).min(NEVER);
        Ok(Self {
            group: Group::of(&child),
            stdout: child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Pipe>),
            stderr: child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Pipe>),
            out_buffer: vec![0; CHUNK],
            err_buffer: vec![0; CHUNK],
            child,
            timer: Box::pin(tokio::time::sleep(deadline)),
            phase: Phase::Runs,
            cause: Cause::Exited,
        })
    }

    /// The process id, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        !matches!(self.phase, Phase::Runs)
    }

    /// Asks all of it to end, and kills what has not in two seconds. [`Running::next`] must be called on.
    pub fn stop(&mut self) {
        self.end(Cause::Aborted);
    }

    fn end(&mut self, cause: Cause) {
        if matches!(self.phase, Phase::Runs) {
            self.cause = cause;
            self.phase = Phase::Stopping;
            self.group.signal(Signal::TERM);
            self.set_timer(GRACE);
        }
    }

    fn set_timer(&mut self, after: Duration) {
        self.timer.as_mut().reset(Instant::now() + after);
    }

    /// What it does next; nothing is lost if the future is dropped. The command waits for its output to be
    /// fetched. After [`Event::Ended`] it gives the same again.
    ///
    /// # Errors
    /// If the command cannot be waited for.
    pub async fn next(&mut self) -> Result<Event, RunError> {
        loop {
            if let Phase::Over(status) = self.phase {
                return Ok(Event::Ended(self.ended(status)));
            }
            if let Phase::Drains(status) | Phase::Empties(status, _) = self.phase
                && self.stdout.is_none()
                && self.stderr.is_none()
            {
                self.over(status);
                continue;
            }
            // A command that prints without end must not keep its own deadline from being seen.
            let fetches_first = matches!(self.phase, Phase::Empties(..));
            if !fetches_first && self.timer.deadline() <= Instant::now() {
                self.due();
                continue;
            }
            let waits = !matches!(self.phase, Phase::Drains(_) | Phase::Empties(..));
            tokio::select! {
                biased;
                read = read(&mut self.stdout, &mut self.out_buffer), if self.stdout.is_some() => {
                    if let Some(bytes) = kept(&read, &mut self.stdout, &self.out_buffer) {
                        return Ok(self.fetched(Stream::Out, bytes));
                    }
                }
                read = read(&mut self.stderr, &mut self.err_buffer), if self.stderr.is_some() => {
                    if let Some(bytes) = kept(&read, &mut self.stderr, &self.err_buffer) {
                        return Ok(self.fetched(Stream::Err, bytes));
                    }
                }
                status = self.child.wait(), if waits => {
                    self.phase = Phase::Drains(status.map_err(RunError::Follow)?);
                    self.set_timer(DRAIN);
                }
                () = self.timer.as_mut() => self.due(),
            }
        }
    }

    /// The timer has run out.
    fn due(&mut self) {
        match self.phase {
            Phase::Runs => self.end(Cause::Deadline),
            Phase::Stopping => {
                self.group.signal(Signal::KILL);
                self.phase = Phase::Killed;
                self.set_timer(NEVER);
            }
            Phase::Drains(status) => {
                self.group.kill();
                self.phase = Phase::Empties(status, LEFT_IN_PIPES);
                self.set_timer(DRAIN);
            }
            Phase::Empties(status, _) => self.over(status),
            Phase::Killed | Phase::Over(_) => self.set_timer(NEVER),
        }
    }

    /// Only what left its group can print on after all was killed, and it is not followed for ever.
    fn fetched(&mut self, stream: Stream, bytes: Vec<u8>) -> Event {
        if let Phase::Empties(status, left) = self.phase {
            self.phase = Phase::Empties(status, left.saturating_sub(bytes.len()));
            if left <= bytes.len() {
                self.over(status);
            }
        }
        Event::Output(stream, bytes)
    }

    fn over(&mut self, status: ExitStatus) {
        self.group.kill();
        self.stdout = None;
        self.stderr = None;
        self.phase = Phase::Over(status);
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        Ended { cause: self.cause, code: status.code(), signal: status.signal() }
    }
}

/// Starts what a specification says, in a process group of its own.
pub(super) fn begin(spec: &Spec, input: Stdio, hidden: &Hidden) -> Result<Child, RunError> {
    let (program, arguments) = spec.argv.split_first().ok_or(RunError::Empty)?;
    let pairs = spec.environment.iter().flat_map(|(name, value)| [name, value]);
    if spec.argv.iter().chain(pairs).any(|text| text.contains('\0')) {
        return Err(RunError::ZeroByte);
    }
    if !spec.cwd.is_dir() {
        return Err(RunError::Folder(spec.cwd.clone()));
    }
    let search = spec.environment.iter().find(|(name, _)| name == "PATH");
    let search = search.map_or("", |(_, value)| value.as_str());
    let path = find_program(program, &spec.cwd, search)
        .ok_or_else(|| RunError::NotFound(program.clone()))?;
    let mut command = Command::new(&path);
    command
        .arg0(program)
        .args(arguments)
        .current_dir(&spec.cwd)
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    spawn(command, hidden).map_err(|source| RunError::Start { program: program.clone(), source })
}

/// Starts it, from a thread that is restricted first if something is hidden: a restriction is the
/// thread's, what it starts inherits it, and it cannot be taken off.
fn spawn(mut command: Command, hidden: &Hidden) -> io::Result<Child> {
    if hidden.folders.is_empty() {
        return command.spawn();
    }
    let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
    let restricted = move || {
        let _inside = runtime.enter();
        super::hide(hidden)?;
        command.spawn()
    };
    std::thread::scope(|scope| scope.spawn(restricted).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread that starts commands failed")))
}

async fn read(pipe: &mut Option<Box<dyn Pipe>>, buffer: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(buffer).await,
        None => Ok(0),
    }
}

/// The bytes that were read; at the end of the stream the pipe is given up.
fn kept(
    read: &io::Result<usize>,
    pipe: &mut Option<Box<dyn Pipe>>,
    buffer: &[u8],
) -> Option<Vec<u8>> {
    match read {
        Ok(length) if *length > 0 => buffer.get(..*length).map(<[u8]>::to_vec),
        _ => {
            *pipe = None;
            None
        }
    }
}

/// Where a program is: as written if it holds a slash, otherwise the first executable file of that name
/// in the absolute folders of `search`. The working directory is never searched for a bare name.
#[must_use]
pub fn find_program(name: &str, cwd: &Path, search: &str) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        let path = cwd.join(name);
        return is_program(&path).then_some(path);
    }
    search
        .as_bytes()
        .split(|byte| *byte == b':')
        .map(|folder| Path::new(OsStr::from_bytes(folder)))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
