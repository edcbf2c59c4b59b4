use std::{path::Path, time::Duration};

use openclaw_exec::run::{self, Cause, Event, Limits, RunError, Running, Spec, Stream};
use tokio_util::sync::CancellationToken;

fn spec(argv: &[&str], cwd: &Path) -> Spec {
    Spec {
        argv: argv.iter().map(|part| (*part).to_owned()).collect(),
        cwd: cwd.to_owned(),
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        deadline: Some(Duration::from_secs(20)),
    }
}

async fn finished(spec: &Spec) -> run::Finished {
    run::run(spec, Limits::default(), &CancellationToken::new()).await.expect("it runs")
}

/// Whether a process runs; one that nobody has reaped yet does not.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" Z")))
}

async fn gone(pid: &str) {
    let ended = async {
        while alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the process has ended");
}

#[tokio::test]
async fn both_streams_and_the_code_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let done =
        finished(&spec(&["sh", "-c", "echo out; echo err >&2; exit 7"], folder.path())).await;
    assert_eq!((done.stdout.text().as_str(), done.stderr.text().as_str()), ("out\n", "err\n"));
    assert_eq!(
        (done.ended.code, done.ended.signal, done.ended.cause),
        (Some(7), None, Cause::Exited)
    );
    let done = finished(&spec(&["sh", "-c", "kill -9 $$"], folder.path())).await;
    assert_eq!((done.ended.code, done.ended.signal), (None, Some(9)));
}

#[tokio::test]
async fn arguments_are_not_expanded_and_nothing_is_inherited() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = finished(&spec(&["printf", "%s", "$(id); *"], folder.path())).await;
    assert_eq!(done.stdout.text(), "$(id); *");
    let done = finished(&spec(&["env"], folder.path())).await;
    assert_eq!(done.stdout.text(), "PATH=/usr/bin:/bin\n");
    let done = finished(&spec(&["pwd", "-P"], folder.path())).await;
    let real = folder.path().canonicalize().expect("real");
    assert_eq!(Path::new(done.stdout.text().trim_end()), real);
    let done = finished(&spec(&["cat"], folder.path())).await;
    assert!(done.ended.success(), "standard input is empty, not open");
}

#[tokio::test]
async fn a_long_output_is_cut_in_the_middle_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = spec(&["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"], folder.path());
    let limits = Limits::total(1000);
    let done = run::run(&command, limits, &CancellationToken::new()).await.expect("it runs");
    assert_eq!(done.stdout.cut, 2_999_000);
    assert!(done.stdout.text().contains("[2999000 bytes left out]"));
}

#[tokio::test]
async fn the_deadline_ends_the_whole_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "sleep 1000 & echo $!; trap '' TERM; wait; sleep 1000";
    let mut command = spec(&["bash", "-c", script], folder.path());
    command.deadline = Some(Duration::from_millis(300));
    let done = finished(&command).await;
    assert_eq!(done.ended.cause, Cause::Deadline);
    assert_eq!(done.ended.code, None, "it ignores the first signal and is killed");
    gone(done.stdout.text().trim()).await;
}

#[tokio::test]
async fn printing_without_end_does_not_hide_the_deadline() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = spec(&["yes"], folder.path());
    command.deadline = Some(Duration::from_millis(200));
    let done = finished(&command).await;
    assert_eq!((done.ended.cause, done.ended.signal), (Cause::Deadline, Some(15)));
    assert!(done.stdout.is_cut());
}

#[tokio::test]
async fn a_slow_reader_gets_all_that_was_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(&spec(&["head", "-c", "60000", "/dev/zero"], folder.path()))
        .expect("started");
    let mut seen = 0;
    while let Event::Output(_, bytes) = running.next().await.expect("an event") {
        seen += bytes.len();
        // Slower than anybody waits for output of a command that has ended.
        tokio::time::timeout(Duration::from_millis(400), std::future::pending::<()>()).await.ok();
    }
    assert_eq!(seen, 60_000);
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = finished(&spec(&["sh", "-c", "sleep 1000 & echo $!"], folder.path())).await;
    assert!(done.ended.success());
    gone(done.stdout.text().trim()).await;
}

async fn end(mut running: Running) -> run::Ended {
    loop {
        if let Event::Ended(ended) = running.next().await.expect("an event") {
            return ended;
        }
    }
}

#[tokio::test]
async fn an_abort_and_a_drop_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = spec(&["sh", "-c", "sleep 1000 & echo $!; wait"], folder.path());
    for drops in [false, true] {
        let mut running = Running::start(&command).expect("started");
        let Event::Output(Stream::Out, pid) = running.next().await.expect("an event") else {
            panic!("no output first");
        };
        let pid = String::from_utf8(pid).expect("text");
        assert!(alive(pid.trim()));
        if drops {
            drop(running);
        } else {
            running.stop();
            let ended = end(running).await;
            assert_eq!((ended.cause, ended.signal), (Cause::Aborted, Some(15)));
        }
        gone(pid.trim()).await;
    }
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_the_command_not_the_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Running::start(&spec(&["yes"], folder.path())).expect("started");
    for _ in 0..3 {
        let Event::Output(_, bytes) = running.next().await.expect("an event") else {
            panic!("it ended");
        };
        assert!(bytes.len() <= 16 * 1024);
    }
}

#[test]
fn what_cannot_run_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    let _inside = runtime.enter();
    let start = |argv: &[&str], cwd: &Path| Running::start(&spec(argv, cwd)).expect_err("refused");
    assert!(matches!(start(&[], folder.path()), RunError::Empty));
    assert!(matches!(start(&["no-such-program"], folder.path()), RunError::NotFound(_)));
    assert!(matches!(start(&["echo", "a\0b"], folder.path()), RunError::ZeroByte));
    assert!(matches!(start(&["true"], &folder.path().join("no")), RunError::Folder(_)));
    std::fs::write(folder.path().join("ls"), "#!/bin/sh\n").expect("written");
    assert!(matches!(start(&["./ls"], folder.path()), RunError::NotFound(_)), "not executable");
}
