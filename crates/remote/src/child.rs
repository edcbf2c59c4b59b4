//! Children that do not outlive us.
//!
//! A parent-death signal belongs to the thread that started a child, so all are started by one thread
//! that lives as long as the process. The signal is set by `setpriv` (util-linux) where there is one;
//! elsewhere a child still ends when its standard input does.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    process::{ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    task::{Context, Poll},
    time::Duration,
};

use openclaw_base::{CancellationToken, Tasks};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    runtime::Handle,
    sync::oneshot,
    time::timeout,
};

use crate::classify::Ending;

/// How much of standard error is kept, in bytes.
const MAX_STDERR: usize = 16 * 1024;
/// How long a child whose stream is gone gets to end by itself.
const SELF_END: Duration = Duration::from_millis(300);
/// How long a child that was told to end gets before it is killed.
const TERMINATE: Duration = Duration::from_millis(500);
/// How long the rest of standard error is waited for; something of the person's may hold it open.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Children that may wait to be started.
const QUEUE: usize = 16;
/// Where util-linux keeps the program that sets a parent-death signal.
const SETPRIV: [&str; 2] = ["/usr/bin/setpriv", "/bin/setpriv"];

/// A child's standard input and output as one stream. Dropping it ends the child.
#[derive(Debug)]
pub(crate) struct ChildStream {
    stdin: ChildStdin,
    stdout: ChildStdout,
    gone: CancellationToken,
    pid: Option<u32>,
}

impl ChildStream {
    /// The child's process.
    pub(crate) const fn pid(&self) -> Option<u32> {
        self.pid
    }
}

impl Drop for ChildStream {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

impl AsyncRead for ChildStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ChildStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}

/// Starts a program as a stream; the receiver tells how it ended.
pub(crate) async fn open(
    program: &Path,
    arguments: Vec<std::ffi::OsString>,
    tasks: &Tasks,
) -> io::Result<(ChildStream, oneshot::Receiver<Ending>)> {
    let mut command = guarded(program)?;
    command
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = start(command).await?;
    let pid = child.id();
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(io::Error::other("the child has no pipes"));
    };
    let gone = CancellationToken::new();
    let (tell, told) = oneshot::channel();
    let stop = tasks.token();
    let stream = ChildStream { stdin, stdout, gone: gone.clone(), pid };
    // The receiver tells its end; the owner of `tasks` awaits it.
    drop(tasks.spawn("ssh child", async move {
        let gone = async {
            tokio::select! {
                () = gone.cancelled() => {}
                () = stop.cancelled() => {}
            }
        };
        let ending = watch(child, stderr, gone).await;
        // Whoever does not ask does not want to know.
        tell.send(ending).ok();
    }));
    Ok((stream, told))
}

/// Waits for a child to end, and ends it once its stream is gone.
async fn watch(mut child: Child, stderr: ChildStderr, gone: impl Future<Output = ()>) -> Ending {
    let mut words = Vec::new();
    let status = wait(&mut child, stderr, gone, &mut words).await;
    let code = status.ok().and_then(|status| status.code());
    Ending { code, stderr: String::from_utf8_lossy(&words).into_owned() }
}

async fn wait(
    child: &mut Child,
    stderr: ChildStderr,
    gone: impl Future<Output = ()>,
    words: &mut Vec<u8>,
) -> io::Result<ExitStatus> {
    let mut reading = std::pin::pin!(last_words(stderr, words));
    let mut gone = std::pin::pin!(gone);
    let mut read = false;
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status,
            () = &mut reading, if !read => read = true,
            () = &mut gone => break end(child).await,
        }
    };
    if !read {
        // Should it take longer, what came so far is enough.
        timeout(LAST_WORDS, reading).await.ok();
    }
    status
}

/// Ends a child: first by itself, as its input is closed, then by signal.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    if let Ok(status) = timeout(SELF_END, child.wait()).await {
        return status;
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in between, which is what is wanted.
        kill_process(pid, Signal::TERM).ok();
    }
    if let Ok(status) = timeout(TERMINATE, child.wait()).await {
        return status;
    }
    child.kill().await?;
    child.wait().await
}

/// Reads to the end and keeps the beginning.
async fn last_words(mut stderr: ChildStderr, words: &mut Vec<u8>) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let room = MAX_STDERR.saturating_sub(words.len());
        words.extend(buffer.iter().take(count.min(room)));
    }
}

/// A command that gets a signal when we die, where that can be arranged.
fn guarded(program: &Path) -> io::Result<Command> {
    let program = find(program)?;
    let setpriv = SETPRIV.iter().map(Path::new).find(|path| path.exists());
    match setpriv {
        Some(setpriv) if cfg!(target_os = "linux") => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            Ok(command)
        }
        _ => Ok(Command::new(program)),
    }
}

/// A name without a slash is looked up by the system; a path must be there, or `setpriv` would fail
/// with words of its own.
fn find(program: &Path) -> io::Result<PathBuf> {
    if program.components().count() > 1 && !program.exists() {
        return Err(io::Error::from(io::ErrorKind::NotFound));
    }
    Ok(program.to_owned())
}

struct Request {
    command: Command,
    runtime: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Has the one thread start a child.
pub(crate) async fn start(command: Command) -> io::Result<Child> {
    let (reply, started) = oneshot::channel();
    let request = Request { command, runtime: Handle::current(), reply };
    spawner()?.try_send(request).map_err(|_| {
        io::Error::new(io::ErrorKind::WouldBlock, "too many children start at once")
    })?;
    started.await.map_err(|_| io::Error::other("the thread that starts children is gone"))?
}

fn spawner() -> io::Result<&'static mpsc::SyncSender<Request>> {
    static SPAWNER: OnceLock<mpsc::SyncSender<Request>> = OnceLock::new();
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (sender, inbox) = mpsc::sync_channel::<Request>(QUEUE);
    std::thread::Builder::new().name("ssh-spawner".to_owned()).spawn(move || serve(&inbox))?;
    // Of two that race, the loser's thread ends with its sender.
    Ok(SPAWNER.get_or_init(|| sender))
}

fn serve(inbox: &mpsc::Receiver<Request>) {
    while let Ok(Request { mut command, runtime, reply }) = inbox.recv() {
        let _runtime = runtime.enter();
        // A caller that gave up drops the child, which kills it.
        drop(reply.send(command.spawn()));
    }
}
