//! From what `ssh` wrote and how it ended to what a person can do.
//!
//! `ssh` has one exit code for all its own failures (255), so its words decide. They are those of
//! OpenSSH in the C locale, which the children are started with.

use openclaw_client::{SshFailure, SshProblem};

use crate::target::SshTarget;

/// Exit code of `ssh` itself.
const SSH_FAILED: i32 = 255;
/// Exit code of a shell that found no such command.
const NOT_FOUND: i32 = 127;
/// What the program that starts `ssh` says when there is none.
const NOT_STARTED: &str = "setpriv: failed to execute";
/// Exit code of our own program when nothing listens.
const NOTHING_LISTENS: i32 = 3;

/// Sentences of `ssh`, the telling ones first.
const SENTENCES: &[(&str, SshProblem)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", SshProblem::ChangedHostKey),
    ("Host key verification failed", SshProblem::UnknownHostKey),
    ("host key is known for", SshProblem::UnknownHostKey),
    ("stdio forwarding failed", SshProblem::ForwardRefused),
    ("administratively prohibited", SshProblem::ForwardRefused),
    ("open failed", SshProblem::ForwardRefused),
    ("Permission denied", SshProblem::PermissionDenied),
    ("Too many authentication failures", SshProblem::PermissionDenied),
    ("No supported authentication methods", SshProblem::PermissionDenied),
    ("Could not resolve hostname", SshProblem::Unreachable),
    ("No route to host", SshProblem::Unreachable),
    ("Network is unreachable", SshProblem::Unreachable),
    ("timed out", SshProblem::TimedOut),
    ("not responding", SshProblem::TimedOut),
    ("Connection refused", SshProblem::Refused),
];

/// Sentences of programs called `openclaw` that know no `dial-stdio`.
const STRANGERS: &[&str] =
    &["unknown command", "unrecognized subcommand", "too many arguments", "unexpected argument"];

/// How a child ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// Its exit code; `None` if it was killed.
    pub(crate) code: Option<i32>,
    /// The beginning of what it wrote to standard error.
    pub(crate) stderr: String,
}

/// What went wrong, or `None` if nothing did.
pub(crate) fn classify(ending: &Ending, target: &SshTarget) -> Option<SshFailure> {
    let code = ending.code?;
    if code == 0 {
        return None;
    }
    let problem = match code {
        _ if ending.stderr.starts_with(NOT_STARTED) => SshProblem::NoSsh,
        SSH_FAILED => SENTENCES
            .iter()
            .find(|(sentence, _)| ending.stderr.contains(sentence))
            .map_or(SshProblem::Other, |(_, problem)| *problem),
        NOT_FOUND => SshProblem::NoOpenclaw,
        NOTHING_LISTENS => SshProblem::RemoteDoor,
        _ if STRANGERS.iter().any(|words| ending.stderr.contains(words)) => SshProblem::NoOpenclaw,
        _ => SshProblem::Other,
    };
    Some(failure(problem, target, &ending.stderr))
}

/// The words for a problem.
pub(crate) fn failure(problem: SshProblem, target: &SshTarget, stderr: &str) -> SshFailure {
    let host = target.host();
    let line = target.command_line();
    let (message, hint) = match problem {
        SshProblem::NoSsh => (
            "there is no ssh on this machine".to_owned(),
            "install the OpenSSH client, then try again".to_owned(),
        ),
        SshProblem::Target => (
            format!("{target} is no SSH target"),
            "give a target such as --ssh me@server".to_owned(),
        ),
        SshProblem::UnknownHostKey => (
            format!("the host key of {host} is not known yet"),
            format!("log in once on a terminal and compare the key: ssh {line} true"),
        ),
        SshProblem::ChangedHostKey => (
            format!("{host} shows another host key than before"),
            format!(
                "find out why; only if the machine was set up anew: ssh-keygen -R {}",
                known(target)
            ),
        ),
        SshProblem::PermissionDenied => (
            format!("{host} does not let you in with any of your keys"),
            format!("see which keys are tried: ssh -v {line} true"),
        ),
        SshProblem::Unreachable => (
            format!("{host} cannot be found or reached"),
            "check the name and the network".to_owned(),
        ),
        SshProblem::Refused => (
            format!("no SSH server listens at {target}"),
            "check the port; on that machine, start its SSH server".to_owned(),
        ),
        SshProblem::TimedOut => (
            format!("{host} does not answer in time"),
            format!("check the network: ssh {line} true"),
        ),
        SshProblem::NoOpenclaw => (
            format!("{host} has no openclaw that knows `gateway dial-stdio`"),
            "install openclaw there, or add --token TOKEN of the Gateway there".to_owned(),
        ),
        SshProblem::ForwardRefused => (
            format!("{host} does not connect to the Gateway's port"),
            format!(
                "start the Gateway there, and check --remote-port: ssh {line} openclaw gateway status"
            ),
        ),
        SshProblem::RemoteDoor => (
            format!("no Gateway runs on {host}"),
            format!("start it there: ssh {line} openclaw gateway run"),
        ),
        SshProblem::Other => (
            format!("ssh to {host} failed: {}", last_line(stderr)),
            format!("see what it says: ssh -v {line} true"),
        ),
    };
    SshFailure { problem, message, hint }
}

/// The name under which `known_hosts` keeps a host.
fn known(target: &SshTarget) -> String {
    match target.port() {
        None | Some(22) => target.host().to_owned(),
        Some(port) => format!("'[{}]:{port}'", target.host()),
    }
}

/// The last line that says something, fit for a message.
fn last_line(stderr: &str) -> String {
    let line = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or("it said nothing");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: i32, stderr: &str, expected: SshProblem) {
        let target = SshTarget::parse("me@server:2222").expect("a target");
        let ending = Ending { code: Some(code), stderr: stderr.to_owned() };
        let failure = classify(&ending, &target).expect("a failure");
        assert_eq!(failure.problem, expected, "{stderr}");
        assert!(!failure.message.is_empty() && !failure.hint.is_empty());
    }

    #[test]
    fn words_become_problems() {
        let refused = "ssh: connect to host server port 2222: Connection refused";
        let forward = "channel 0: open failed: connect failed: Connection refused\r\n\
                       stdio forwarding failed";
        let changed = "@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\r\n\
                       Host key verification failed.";
        check(255, refused, SshProblem::Refused);
        check(255, forward, SshProblem::ForwardRefused);
        check(255, changed, SshProblem::ChangedHostKey);
        check(255, "Host key verification failed.", SshProblem::UnknownHostKey);
        check(255, "me@server: Permission denied (publickey).", SshProblem::PermissionDenied);
        check(255, "ssh: Could not resolve hostname x: Name", SshProblem::Unreachable);
        check(255, "ssh: connect to host x port 22: Connection timed out", SshProblem::TimedOut);
        check(255, "Timeout, server x not responding.", SshProblem::TimedOut);
        check(255, "Bad configuration option", SshProblem::Other);
        check(127, "sh: 1: openclaw: not found", SshProblem::NoOpenclaw);
        check(1, "error: unknown command 'dial-stdio'", SshProblem::NoOpenclaw);
        check(3, "no Gateway listens", SshProblem::RemoteDoor);
        check(127, "setpriv: failed to execute ssh: No such file", SshProblem::NoSsh);
        check(1, "boom", SshProblem::Other);
    }

    #[test]
    fn a_good_or_killed_child_has_no_problem() {
        let target = SshTarget::parse("server").expect("a target");
        for code in [None, Some(0)] {
            let ending = Ending { code, stderr: "Permission denied".to_owned() };
            assert_eq!(classify(&ending, &target), None);
        }
    }

    #[test]
    fn words_of_ssh_are_shown_without_control_characters() {
        let target = SshTarget::parse("server").expect("a target");
        let ending = Ending { code: Some(255), stderr: "one\r\n\u{1b}[31mtwo\r\n\n".to_owned() };
        let failure = classify(&ending, &target).expect("a failure");
        assert_eq!(failure.message, "ssh to server failed: [31mtwo");
    }

    #[test]
    fn the_command_that_forgets_a_key_names_the_port() {
        let target = SshTarget::parse("me@server:2222").expect("a target");
        let failure = failure(SshProblem::ChangedHostKey, &target, "");
        assert!(failure.hint.ends_with("ssh-keygen -R '[server]:2222'"), "{}", failure.hint);
    }
}
