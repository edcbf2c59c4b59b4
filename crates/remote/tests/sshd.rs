//! Streams through a real `sshd` on loopback.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of a test may fail it")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use openclaw_base::Tasks;
use openclaw_client::{Dial, DialError, Dialed, SshProblem};
use openclaw_protocol::{Role, trust::Binding};
use openclaw_remote::{SshDial, SshError, SshOptions, SshTarget, Terminal, greet};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

// The fixture needs nothing of ours; linking its crate would build the whole Gateway for this test.
#[path = "../../testkit/src/sshd.rs"]
#[expect(unreachable_pub, reason = "public where it lives")]
#[expect(dead_code, reason = "not all of it is used here")]
mod sshd;

use sshd::{Sshd, SshdOptions};

fn options(sshd: &Sshd) -> SshOptions {
    SshOptions { extra: sshd.arguments(), ..SshOptions::new(Tasks::new()) }
}

fn target(sshd: &Sshd) -> SshTarget {
    SshTarget::parse(&sshd.target()).unwrap()
}

fn door(sshd: &Sshd) -> SshDial {
    SshDial::door(target(sshd), Role::Operator, options(sshd))
}

/// An `openclaw` that answers `dial-stdio` by sending everything back.
fn install(folder: &Path) {
    let text = "test \"$1 $2\" = \"gateway dial-stdio\" || exit 2\nexec cat";
    Sshd::script(folder, "openclaw", text).unwrap();
}

async fn echo(dialed: &mut Dialed) -> String {
    dialed.io.write_all(b"hello\n").await.unwrap();
    let mut answer = [0; 6];
    dialed.io.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

/// Dials, reads to the end, and asks why it ended.
async fn failure(dial: SshDial) -> (SshProblem, String) {
    let mut dialed = match dial.dial().await {
        Ok(dialed) => dialed,
        Err(DialError::Ssh(failure)) => return (failure.problem, failure.message),
        Err(error) => panic!("{error:?}"),
    };
    let mut rest = Vec::new();
    dialed.io.read_to_end(&mut rest).await.unwrap();
    drop(dialed.io);
    match dialed.failure.unwrap().await {
        Some(DialError::Ssh(failure)) => {
            assert!(!failure.hint.is_empty());
            (failure.problem, failure.message)
        }
        other => panic!("{other:?}"),
    }
}

/// The processes that name a text in their arguments.
fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| {
        let pid = entry.file_name().into_string().ok()?.parse::<u32>().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(text).then(|| format!("{pid} {line}"))
    });
    lines.collect()
}

/// Waits until no process names a text any more, and none of those that did waits to be reaped by us.
async fn gone(text: &str, ours: &[String], within: Duration) {
    let deadline = Instant::now() + within;
    let mut look = tokio::time::interval(Duration::from_millis(10));
    loop {
        look.tick().await;
        let mut left = processes(text);
        left.extend(ours.iter().filter(|line| exists(line)).cloned());
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {left:?}");
    }
}

/// Whether the process of a line of [`processes`] is there, be it as a zombie.
fn exists(line: &str) -> bool {
    let pid = line.split(' ').next().unwrap();
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_door_is_a_stream_and_leaves_no_process() {
    let sshd = Sshd::start().unwrap();
    install(&sshd.bin());
    let config = sshd.config().display().to_string();
    let mut dialed = door(&sshd).dial().await.unwrap();
    assert_eq!(echo(&mut dialed).await, "hello\n", "{}", sshd.log());
    assert_eq!((dialed.binding, dialed.host.as_str()), (Binding::Unix, "localhost"));
    let ssh = processes(&config);
    assert_eq!(ssh.len(), 1, "one ssh, without a wrapper around it");
    drop(dialed);
    gone(&config, &ssh, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn the_usual_places_are_tried_as_well() {
    let sshd = Sshd::start().unwrap();
    install(&sshd.home().join(".local/bin"));
    let mut dialed = door(&sshd).dial().await.unwrap();
    assert_eq!(echo(&mut dialed).await, "hello\n", "{}", sshd.log());
}

/// An `openclaw` that answers once and then does not notice that its input ends. It lives longer than
/// the tests wait, and not much longer.
const DEAF: &str = "head -c 6; exec sleep 9";

#[tokio::test]
async fn a_child_that_does_not_listen_is_ended_by_signal() {
    let sshd = Sshd::start().unwrap();
    Sshd::script(&sshd.bin(), "openclaw", DEAF).unwrap();
    let config = sshd.config().display().to_string();
    let mut dialed = door(&sshd).dial().await.unwrap();
    assert_eq!(echo(&mut dialed).await, "hello\n", "{}", sshd.log());
    let ssh = processes(&config);
    drop(dialed);
    gone(&config, &ssh, Duration::from_secs(3)).await;
}

#[tokio::test]
async fn a_port_is_forwarded() {
    let sshd = Sshd::start().unwrap();
    let tasks = Tasks::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tasks.spawn("echo", async move {
        let (mut io, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = io.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let dial = SshDial::port(target(&sshd), port, options(&sshd));
    let mut dialed = dial.dial().await.unwrap();
    assert_eq!(echo(&mut dialed).await, "hello\n", "{}", sshd.log());
    assert_eq!((dialed.binding, dialed.host), (Binding::None, format!("127.0.0.1:{port}")));
}

#[tokio::test]
async fn failures_are_told_apart() {
    let sshd = Sshd::start().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let at = |host: &str, options: SshOptions| {
        SshDial::door(SshTarget::parse(host).unwrap(), Role::Operator, options)
    };

    let (problem, message) = failure(door(&sshd)).await;
    assert_eq!(problem, SshProblem::NoOpenclaw, "{message}");

    let old = "echo \"error: unknown command 'dial-stdio'\" >&2; exit 1";
    Sshd::script(&sshd.bin(), "openclaw", old).unwrap();
    assert_eq!(failure(door(&sshd)).await.0, SshProblem::NoOpenclaw);

    Sshd::script(&sshd.bin(), "openclaw", "echo 'no Gateway listens' >&2; exit 3").unwrap();
    assert_eq!(failure(door(&sshd)).await.0, SshProblem::RemoteDoor);

    let nothing = SshDial::port(target(&sshd), closed, options(&sshd));
    assert_eq!(failure(nothing).await.0, SshProblem::ForwardRefused);

    let refused = at(&format!("127.0.0.1:{closed}"), options(&sshd));
    assert_eq!(failure(refused).await.0, SshProblem::Refused);

    let nowhere = at("host.invalid", options(&sshd));
    assert_eq!(failure(nowhere).await.0, SshProblem::Unreachable);

    for program in ["/nowhere/ssh", "no-such-ssh"] {
        let missing = SshOptions { program: program.into(), ..options(&sshd) };
        assert_eq!(failure(at("127.0.0.1", missing)).await.0, SshProblem::NoSsh, "{program}");
    }
}

#[tokio::test]
async fn a_server_may_refuse_to_forward_or_to_let_in() {
    let strict = SshdOptions { forwarding: false, ..SshdOptions::default() };
    let sshd = Sshd::start_with(&strict).unwrap();
    let dial = SshDial::port(target(&sshd), sshd.port(), options(&sshd));
    assert_eq!(failure(dial).await.0, SshProblem::ForwardRefused, "{}", sshd.log());

    let stranger = SshdOptions { accept_key: false, ..SshdOptions::default() };
    let sshd = Sshd::start_with(&stranger).unwrap();
    assert_eq!(failure(door(&sshd)).await.0, SshProblem::PermissionDenied, "{}", sshd.log());
}

#[tokio::test]
async fn host_keys_are_never_taken_on_trust() {
    let sshd = Sshd::start().unwrap();
    install(&sshd.bin());
    sshd.remember_other_host_key().unwrap();
    assert_eq!(failure(door(&sshd)).await.0, SshProblem::ChangedHostKey);
    sshd.forget_host_key().unwrap();
    assert_eq!(failure(door(&sshd)).await.0, SshProblem::UnknownHostKey);

    let (target, options) = (target(&sshd), options(&sshd));
    let SshError::Failed(error) = greet(&target, &options, Terminal::No).await.unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(error.problem, SshProblem::UnknownHostKey);
    assert!(error.hint.contains("ssh -p"), "{}", error.hint);
}

#[tokio::test]
async fn a_known_host_is_greeted_without_questions() {
    let sshd = Sshd::start().unwrap();
    greet(&target(&sshd), &options(&sshd), Terminal::Yes).await.unwrap();
}

#[tokio::test]
async fn killing_us_leaves_no_ssh_behind() {
    let sshd = Sshd::start().unwrap();
    // Only the signal can end this one's ssh: the far end does not notice that its input ended.
    Sshd::script(&sshd.bin(), "openclaw", DEAF).unwrap();
    let config = sshd.config().display().to_string();
    let examples = std::env::current_exe().unwrap();
    let program = examples.parent().unwrap().parent().unwrap().join("examples/hold_ssh");
    let mut holder =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(holder.stdin.take().unwrap(), "{config}\n{}", sshd.target()).unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    assert_eq!(processes(&config).len(), 1, "its ssh");
    holder.kill().unwrap();
    holder.wait().unwrap();
    // Reaping it is for whoever inherits orphans.
    gone(&config, &[], Duration::from_secs(2)).await;
}
