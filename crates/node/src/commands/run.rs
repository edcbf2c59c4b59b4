//! `system.run`: a program or a line of shell, if this machine's own approvals allow it.
//!
//! Nobody vouches for a command from afar: an `approved` in the params is no approval. What runs is what
//! was judged, with a clean environment, a deadline, and nothing left behind.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_exec::{
    plan::{Plan, PlanError, Request, Surroundings, Verdict, What},
    policy::{Decision, Security},
    run::{Cause, Ended, Event, Limits, RunError, Running, Spec, Stream, Tail},
};
use serde::Deserialize;
use serde_json::{Value, json};

mod asked;

use self::asked::Asked;
use super::Machine;
use crate::command::{Call, CommandError, NodeCommand};

/// Kept of each of the two streams in the result, in bytes.
const KEPT: usize = 100_000;
/// Passed on while it runs, in bytes; a program that prints more is stopped.
const MAX_STREAMED: usize = 32 * 1024 * 1024;
/// Runs no longer than this, whoever asks.
const LONGEST: Duration = Duration::from_hours(24);
/// The agent whose rules hold when the caller names none.
const USUAL_AGENT: &str = "main";

/// Runs programs.
pub(super) struct Run {
    machine: Arc<Machine>,
    asked: Arc<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    #[serde(default)]
    command: Vec<String>,
    raw_command: Option<String>,
    cwd: Option<String>,
    env: Option<BTreeMap<String, String>>,
    timeout_ms: Option<u64>,
    agent_id: Option<String>,
    /// The Gateway says that a person decided.
    #[serde(default)]
    approved: bool,
    /// How.
    approval_decision: Option<String>,
    /// Ours: pass on what it prints as it comes; then the result holds none of it.
    #[serde(default)]
    stream: bool,
}

impl Params {
    /// What is to be run. The text beside a list of arguments is for people, and has to say the same.
    fn what(&self) -> Result<What, CommandError> {
        let raw = self.raw_command.as_deref().map(str::trim).filter(|raw| !raw.is_empty());
        match (self.command.as_slice(), raw) {
            ([], None) => Err(CommandError::invalid("command is empty")),
            ([], Some(raw)) => Ok(What::Shell(raw.to_owned())),
            (argv, None) => Ok(What::Argv(argv.to_vec())),
            ([_, flag, text, ..], Some(raw)) if flag.starts_with('-') && text.trim() == raw => {
                Ok(What::Argv(self.command.clone()))
            }
            (argv, Some(raw)) => {
                let written = openclaw_exec::shell::parse(raw).ok();
                let words = written.as_ref().map(|line| line.commands.as_slice());
                let same =
                    matches!(words, Some([only]) if only.redirects.is_empty() && only.argv == argv);
                if same {
                    return Ok(What::Argv(argv.to_vec()));
                }
                Err(CommandError::invalid("rawCommand does not say what command says"))
            }
        }
    }
}

impl Run {
    pub(super) fn new(machine: Arc<Machine>) -> Self {
        Self { machine, asked: Arc::default() }
    }

    async fn go(&self, call: Call) -> Result<Value, CommandError> {
        let params: Params = call.params()?;
        let what = params.what()?;
        let deadline = params.timeout_ms.filter(|limit| *limit > 0).map(Duration::from_millis);
        let deadline = deadline.or(call.timeout).map_or(LONGEST, |limit| limit.min(LONGEST));
        let stream = params.stream;
        let (machine, asked) = (Arc::clone(&self.machine), Arc::clone(&self.asked));
        let judged =
            tokio::task::spawn_blocking(move || judge(&machine, &asked, params, what, deadline));
        let spec = judged
            .await
            .map_err(|error| CommandError::unavailable(format!("it broke off: {error}")))??;
        if call.cancel.is_cancelled() {
            return Err(CommandError::cancelled());
        }
        follow(&spec, &call, stream).await
    }
}

/// Says what runs exactly, if it may.
fn judge(
    machine: &Machine,
    asked: &Asked,
    params: Params,
    what: What,
    deadline: Duration,
) -> Result<Spec, CommandError> {
    let cwd = params.cwd.as_deref().filter(|cwd| !cwd.is_empty());
    let request = Request {
        what,
        cwd: cwd.map_or_else(|| machine.home.clone(), PathBuf::from),
        environment: params.env.unwrap_or_default().into_iter().collect(),
    };
    let surroundings = Surroundings {
        environment: machine.environment.clone(),
        changeable: machine.roots.paths().map(PathBuf::from).collect(),
    };
    let plan = Plan::new(request, &surroundings).map_err(|error| plan_error(&error))?;
    let agent = params.agent_id.as_deref().filter(|agent| !agent.is_empty());
    let approvals = &machine.approvals;
    let rules = approvals
        .rules(agent.unwrap_or(USUAL_AGENT))
        .map_err(|error| CommandError::unavailable(format!("SYSTEM_RUN_DENIED: {error}")))?;
    match plan.judge(&rules) {
        Verdict::Allow(used) => {
            // That an entry was used is worth knowing, and no reason not to run.
            if let Err(error) = approvals.used(&plan.command(), &used, now_ms()) {
                tracing::warn!(%error, "the use of an approval could not be written down");
            }
        }
        Verdict::Ask(why) => {
            let word = params.approval_decision.as_deref().filter(|_| params.approved);
            match asked.answer(&plan, word) {
                Some(Decision::AllowOnce) => {}
                Some(Decision::AllowAlways) => {
                    let granted = plan.grants(now_ms()).unwrap_or_default();
                    approvals.remember(agent.unwrap_or(USUAL_AGENT), granted).map_err(|error| {
                        CommandError::unavailable(format!("SYSTEM_RUN_DENIED: {error}"))
                    })?;
                }
                Some(Decision::Deny) => {
                    return Err(CommandError::unavailable("SYSTEM_RUN_DENIED: user denied"));
                }
                None => {
                    asked.about(&plan);
                    let hint = hint(&plan);
                    let text = format!("SYSTEM_RUN_DENIED: approval required: {why}; {hint}");
                    return Err(CommandError::unavailable(text));
                }
            }
        }
        Verdict::Refuse(why) => {
            let off = rules.policy.security == Security::Deny;
            let text = if off {
                "SYSTEM_RUN_DISABLED: security=deny".to_owned()
            } else {
                format!("SYSTEM_RUN_DENIED: allowlist miss: {why}")
            };
            return Err(CommandError::unavailable(text));
        }
    }
    plan.spec(Some(deadline)).map_err(|error| plan_error(&error))
}

/// What the node's owner does about a command that nobody allowed.
fn hint(plan: &Plan) -> String {
    match plan.resolved_path() {
        Some(path) => {
            format!("allow it: openclaw approvals allow --node NODE {}", path.display())
        }
        None => {
            "write it as one plain command, or see openclaw approvals get --node NODE".to_owned()
        }
    }
}

fn plan_error(error: &PlanError) -> CommandError {
    CommandError::invalid(error.to_string())
}

fn run_error(error: &RunError) -> CommandError {
    match error {
        RunError::NotFound(_) => {
            CommandError { code: "NOT_FOUND".into(), message: error.to_string() }
        }
        _ => CommandError::unavailable(error.to_string()),
    }
}

/// Follows a command to its end.
async fn follow(spec: &Spec, call: &Call, stream: bool) -> Result<Value, CommandError> {
    let mut running = Running::start(spec).map_err(|error| run_error(&error))?;
    let limits = Limits::total(KEPT);
    let (mut stdout, mut stderr) = (Tail::new(limits), Tail::new(limits));
    let mut streamed = 0usize;
    let ended = loop {
        let event = tokio::select! {
            event = running.next() => event.map_err(|error| run_error(&error))?,
            () = call.cancel.cancelled(), if !running.is_stopping() => {
                running.stop();
                continue;
            }
        };
        let (which, bytes) = match event {
            Event::Ended(ended) => break ended,
            Event::Output(which, bytes) => (which, bytes),
        };
        if !stream {
            match which {
                Stream::Out => stdout.push(&bytes),
                Stream::Err => stderr.push(&bytes),
            }
            continue;
        }
        streamed = streamed.saturating_add(bytes.len());
        if streamed > MAX_STREAMED && !running.is_stopping() {
            running.stop();
        }
        if streamed <= MAX_STREAMED {
            let name = if which == Stream::Out { "stdout" } else { "stderr" };
            tokio::select! {
                () = call.output.stream(name, &bytes) => {}
                () = call.cancel.cancelled() => {}
            }
        }
    };
    if call.cancel.is_cancelled() {
        return Err(CommandError::cancelled());
    }
    let error = said(ended, streamed);
    let (stdout, stderr) = (stdout.take(), stderr.take());
    Ok(json!({
        "exitCode": ended.code,
        "signal": ended.signal,
        "timedOut": ended.cause == Cause::Deadline,
        "success": ended.success(),
        "stdout": stdout.text(),
        "stderr": stderr.text(),
        "truncated": stdout.is_cut() || stderr.is_cut() || streamed > MAX_STREAMED,
        "error": error,
    }))
}

/// Why it did not end by itself.
fn said(ended: Ended, streamed: usize) -> Option<String> {
    match ended {
        _ if streamed > MAX_STREAMED => {
            Some(format!("it printed more than {MAX_STREAMED} bytes and was stopped"))
        }
        Ended { cause: Cause::Deadline, .. } => Some("it took too long and was stopped".to_owned()),
        Ended { signal: Some(signal), .. } => Some(format!("it was killed by signal {signal}")),
        Ended { .. } => None,
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl NodeCommand for Run {
    fn name(&self) -> &'static str {
        "system.run"
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        self.go(call).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_for_people_says_what_runs() {
        let what = |params: Value| serde_json::from_value::<Params>(params).expect("params").what();
        let argv = |words: &[&str]| Ok(What::Argv(words.iter().map(|w| (*w).to_owned()).collect()));
        assert_eq!(what(json!({"command": ["ls", "-l"]})), argv(&["ls", "-l"]));
        let same = json!({"command": ["ls", "a b"], "rawCommand": "ls 'a b'"});
        assert_eq!(what(same), argv(&["ls", "a b"]));
        let shell = json!({"command": ["sh", "-c", "ls | wc"], "rawCommand": "ls | wc"});
        assert_eq!(what(shell), argv(&["sh", "-c", "ls | wc"]));
        assert_eq!(what(json!({"rawCommand": "ls | wc"})), Ok(What::Shell("ls | wc".to_owned())));
        for bad in [
            json!({}),
            json!({"command": [], "rawCommand": " "}),
            json!({"command": ["rm", "-rf", "/"], "rawCommand": "ls"}),
            json!({"command": ["rm", "x"], "rawCommand": "rm x > y"}),
            json!({"command": ["sh", "-c", "rm x"], "rawCommand": "ls"}),
        ] {
            assert!(what(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_decision_counts_for_what_was_asked_about_once() {
        let folder = tempfile::tempdir().expect("folder");
        let machine = Machine {
            environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            home: folder.path().to_owned(),
            approvals: Arc::new(openclaw_exec::approvals::Approvals::new(
                folder.path().join("exec-approvals.json"),
                folder.path().to_owned(),
            )),
            roots: crate::Roots::open(&[]).expect("no folders"),
        };
        let run = Run::new(Arc::new(machine));
        let params = |text: &str| -> Params { serde_json::from_str(text).expect("params") };
        let judge = |text: &str| {
            let params = params(text);
            let what = params.what().expect("what");
            judge(&run.machine, &run.asked, params, what, LONGEST)
                .map(drop)
                .map_err(|it| it.message)
        };
        let asked = |text: &str| {
            let message = judge(text).expect_err("nobody allowed it");
            assert!(message.starts_with("SYSTEM_RUN_DENIED: approval required"), "{message}");
        };
        let plain = r#"{"command":["uname","-a"]}"#;
        let once = r#"{"command":["uname","-a"],"approved":true,"approvalDecision":"allow-once"}"#;
        asked(once);
        judge(once).expect("it was asked about");
        asked(once);
        asked(plain);
        let other = once.replace("-a", "-r");
        asked(&other);
        let deny = once.replace("allow-once", "deny");
        assert!(judge(&deny).expect_err("no").contains("user denied"));
        asked(plain);
        judge(&once.replace("allow-once", "allow-always")).expect("allowed");
        judge(plain).expect("for ever");
    }
}
