//! A program that is talked to for as long as it runs, instead of being waited for.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    Hidden, RunError, Spec,
    start::{Group, begin},
};

/// A program that is talked to. Dropping it kills all of its process group.
#[derive(Debug)]
pub struct Talking {
    child: Child,
    group: Group,
}

/// The other ends of its three streams.
#[derive(Debug)]
pub struct Pipes {
    /// What it reads.
    pub input: ChildStdin,
    /// What it says.
    pub output: ChildStdout,
    /// What it complains of.
    pub errors: ChildStderr,
}

impl Talking {
    /// Starts it; the deadline of the specification does not count.
    ///
    /// # Errors
    /// If there is nothing to start, the system refuses, or the kernel cannot hide folders.
    pub fn start(spec: &Spec, hidden: &Hidden) -> Result<(Self, Pipes), RunError> {
        let mut child = begin(spec, Stdio::piped(), hidden)?;
        let group = Group::of(&child);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(RunError::Follow(std::io::ErrorKind::BrokenPipe.into()));
        };
        Ok((Self { child, group }, Pipes { input, output, errors }))
    }

    /// The process id, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended by itself; nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus, RunError> {
        self.child.wait().await.map_err(RunError::Follow)
    }

    /// Gives it `patience` to end by itself, then as much again after a request to end, then kills all
    /// of it. Its input should have been closed before.
    pub async fn stop(mut self, patience: Duration) {
        if timeout(patience, self.child.wait()).await.is_err() {
            self.group.signal(Signal::TERM);
            timeout(patience, self.child.wait()).await.ok();
        }
        self.group.kill();
        // What was killed ends at once; it is only fetched, so that no dead process is left.
        timeout(patience, self.child.wait()).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;

    fn shell(script: &str) -> Spec {
        Spec {
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            cwd: "/".into(),
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            deadline: None,
        }
    }

    fn alive(pid: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn it_is_talked_to_and_leaves_nothing_behind() {
        let script = "sleep 600 & echo $!; read line; echo got $line; trap '' TERM; sleep 600";
        let (talking, mut pipes) =
            Talking::start(&shell(script), &Hidden::default()).expect("started");
        let mut lines = BufReader::new(pipes.output).lines();
        let kept = lines.next_line().await.expect("read").expect("a line");
        let kept: u32 = kept.parse().expect("a process id");
        pipes.input.write_all(b"hello\n").await.expect("written");
        assert_eq!(lines.next_line().await.expect("read").as_deref(), Some("got hello"));
        assert!(alive(kept));
        let own = talking.pid().expect("a process id");
        drop(pipes.input);
        talking.stop(Duration::from_millis(50)).await;
        while alive(kept) || alive(own) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn its_end_is_seen() {
        let (mut talking, _pipes) =
            Talking::start(&shell("exit 7"), &Hidden::default()).expect("started");
        assert_eq!(talking.ended().await.expect("an end").code(), Some(7));
    }
}
