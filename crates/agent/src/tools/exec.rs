//! The `exec` tool: a command on the Gateway's machine, if its owner lets it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_exec::{
    approvals::{Approvals, Rules},
    plan::{Plan, Request, Surroundings, Verdict, What},
    policy::{Ask, Decision, Security},
    run::{Cause, Ended, Hidden, Running, can_hide},
};
use openclaw_store::Store;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::processes::{Process, Processes};
use crate::{
    approval::{Answer, Approver, Question},
    settings::AgentSettings,
    tool::{Tool, ToolContext, ToolOutcome},
    workspace::{Workspace, Workspaces, blocking},
};

/// How long a command may run when nobody says, in seconds.
const TIMEOUT_S: u64 = 1800;
/// How long a call waits before it leaves a command to `process`, in milliseconds.
const YIELD_MS: u64 = 10_000;
/// Longest a call waits.
const MAX_YIELD_MS: u64 = 120_000;
/// How long people have to decide.
const APPROVAL: Duration = Duration::from_secs(120);
/// Longest a call takes in all.
const LIMIT: Duration = Duration::from_secs(300);

/// What the tool is made of.
#[derive(Clone)]
pub struct ExecParts {
    /// What sessions may.
    pub store: Store,
    /// Whose workspaces there are.
    pub settings: watch::Receiver<Arc<AgentSettings>>,
    /// What may run without asking.
    pub approvals: Arc<Approvals>,
    /// Who asks people.
    pub approver: Arc<dyn Approver>,
    /// Commands that go on.
    pub processes: Processes,
    /// The environment commands get.
    pub environment: Vec<(String, String)>,
    /// The Gateway's own folder, which commands do not see.
    pub state_dir: PathBuf,
}

/// The tool.
pub struct ExecTool {
    parts: ExecParts,
    workspaces: Workspaces,
}

impl ExecTool {
    /// A tool of these parts.
    #[must_use]
    pub fn new(parts: ExecParts) -> Self {
        let workspaces = Workspaces(parts.settings.clone());
        Self { parts, workspaces }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    command: String,
    #[serde(default, alias = "cwd")]
    workdir: Option<String>,
    #[serde(default)]
    env: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    yield_ms: Option<u64>,
    #[serde(default)]
    background: bool,
    /// In seconds.
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    security: Option<Security>,
    #[serde(default)]
    ask: Option<Ask>,
}

impl Tool for ExecTool {
    fn name(&self) -> &str {
        "exec"
    }

    fn description(&self) -> &str {
        "Runs a shell command on the Gateway's machine. The owner may be asked first, and may refuse: do not \
         try to get around a refusal. Plain commands with literal words are allowed more easily than scripts. \
         A command that takes longer than `yieldMs` goes on; look after it with `process`."
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "command": {"type": "string"},
                "workdir": {"type": "string", "description": "the workspace when left out"},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "yieldMs": {"type": "integer", "minimum": 10, "maximum": MAX_YIELD_MS},
                "background": {"type": "boolean", "description": "do not wait at all"},
                "timeout": {"type": "integer", "minimum": 1, "description": "seconds until it is stopped"},
                "security": {"type": "string", "enum": ["deny", "allowlist", "full"]},
                "ask": {"type": "string", "enum": ["off", "on-miss", "always"]},
            },
            "required": ["command"],
        })
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(LIMIT)
    }

    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let outcome = match serde_json::from_value(arguments) {
                Ok(arguments) => self.call(arguments, context).await,
                Err(error) => Err(format!("the arguments do not fit: {error}")),
            };
            outcome.unwrap_or_else(ToolOutcome::error)
        })
    }
}

impl ExecTool {
    async fn call(&self, given: Arguments, context: &ToolContext) -> Result<ToolOutcome, String> {
        if let Some(host) = given.host.as_deref().filter(|host| !["auto", "gateway"].contains(host))
        {
            return Err(format!(
                "commands of this tool run on the gateway, not on {host:?}; use `nodes` for a node"
            ));
        }
        let workspace = self.workspaces.of(&context.agent_id)?;
        let plan = self.plan(&given, &workspace).await?;
        let mut rules = self.rules(context).await?;
        // Where the Gateway's own folder cannot be hidden, a person looks at each command.
        let ask = if can_hide() { given.ask } else { Some(Ask::Always) };
        let settings = Arc::clone(&self.parts.settings.borrow());
        let owners = rules.policy.stricter(settings.exec_security, settings.exec_ask);
        let (security, asks) = self.of_session(context).await?;
        rules.policy = owners.stricter(security, asks).stricter(given.security, ask);
        self.permitted(&plan, &rules, context).await?;

        let timeout = Duration::from_secs(given.timeout.unwrap_or(TIMEOUT_S).clamp(1, 24 * 3600));
        let skills = settings.skills.shared().map(Path::to_owned);
        let hidden = Hidden {
            folders: vec![self.parts.state_dir.clone()],
            except: vec![workspace.real.clone()],
            readable: skills.collect(),
        };
        let checked = plan.clone();
        let spec = blocking(move || checked.spec(Some(timeout)).map_err(|error| error.to_string()));
        let spec = spec.await?;
        let running =
            if can_hide() { Running::start_hiding(&spec, &hidden) } else { Running::start(&spec) };
        let running = running.map_err(|error| error.to_string())?;
        let process = self.parts.processes.follow(
            running,
            plan.command(),
            &context.agent_id,
            &context.session_key,
        )?;
        let wait = match given.background {
            true => Duration::ZERO,
            false => Duration::from_millis(given.yield_ms.unwrap_or(YIELD_MS).min(MAX_YIELD_MS)),
        };
        // If the run is stopped before the command is handed over, the command ends with it.
        let mut guard = StopOnDrop(Some(Arc::clone(&process)));
        let ended = tokio::time::timeout(wait, process.wait()).await;
        guard.0 = None;
        Ok(match ended {
            Ok(ended) => {
                self.parts.processes.forget(&process.id);
                finished(&process, ended)
            }
            Err(_) => still_running(&process),
        })
    }

    /// What was set for the session; it can only make things stricter.
    async fn of_session(
        &self,
        context: &ToolContext,
    ) -> Result<(Option<Security>, Option<Ask>), String> {
        let entry = self.parts.store.sessions().get(&context.session_key).await;
        let entry = entry.map_err(|error| format!("the session cannot be read: {error}"))?;
        let Some(set) = entry.map(|entry| entry.settings) else { return Ok((None, None)) };
        Ok((word(set.exec_security), word(set.exec_ask)))
    }

    async fn plan(&self, given: &Arguments, workspace: &Workspace) -> Result<Plan, String> {
        let cwd = match &given.workdir {
            Some(folder) => workspace.real.join(folder),
            None => workspace.real.clone(),
        };
        let request = Request {
            what: What::Shell(given.command.clone()),
            cwd,
            environment: given.env.clone().into_iter().collect(),
        };
        let surroundings = Surroundings {
            environment: self.parts.environment.clone(),
            changeable: vec![workspace.real.clone()],
        };
        blocking(move || Plan::new(request, &surroundings).map_err(|error| error.to_string())).await
    }

    async fn rules(&self, context: &ToolContext) -> Result<Rules, String> {
        let (approvals, agent) = (Arc::clone(&self.parts.approvals), context.agent_id.to_string());
        blocking(move || approvals.rules(&agent).map_err(|error| error.to_string())).await
    }

    /// Whether it may run: by the list, or because somebody says so now.
    async fn permitted(
        &self,
        plan: &Plan,
        rules: &Rules,
        context: &ToolContext,
    ) -> Result<(), String> {
        let agent = context.agent_id.to_string();
        let command = plan.command();
        let approver = &self.parts.approver;
        let by_list = |verdict: Verdict| match verdict {
            Verdict::Allow(used) => {
                approver.ran(&agent, &command, &used, "allowed");
                Ok(())
            }
            Verdict::Ask(why) | Verdict::Refuse(why) => {
                approver.ran(&agent, &command, &[], "refused");
                Err(format!("The command was not run: {why}."))
            }
        };
        let reason = match plan.judge(rules) {
            Verdict::Ask(reason) => reason,
            decided @ (Verdict::Allow(_) | Verdict::Refuse(_)) => return by_list(decided),
        };
        let granted = plan.grants(now_ms());
        let question = Question {
            command: command.clone(),
            argv: plan.argv().to_vec(),
            cwd: plan.cwd().display().to_string(),
            resolved_path: plan.resolved_path().map(|path| path.display().to_string()),
            reason,
            lasting: granted.is_some(),
            policy: rules.policy,
            context: context.clone(),
            timeout: APPROVAL,
        };
        match approver.ask(question).await {
            Answer::Decided(Decision::AllowOnce) => Ok(()),
            Answer::Decided(Decision::AllowAlways) => {
                let approvals = Arc::clone(&self.parts.approvals);
                let granted = granted.unwrap_or_default();
                let kept = blocking(move || {
                    approvals.remember(&agent, granted).map_err(|error| error.to_string())
                });
                // It was allowed; that it is asked about again next time is the lesser harm.
                if let Err(error) = kept.await {
                    tracing::warn!(%error, "an approval could not be kept");
                }
                Ok(())
            }
            Answer::Decided(Decision::Deny) => {
                Err("A person looked at the command and refused it. Do not try it another way."
                    .to_owned())
            }
            Answer::Unanswered => by_list(plan.unanswered(rules)),
            Answer::Failed(why) => {
                Err(format!("The command was not run: nobody could be asked: {why}."))
            }
        }
    }
}

/// A word of the session's settings; they hold no others.
fn word<T: serde::de::DeserializeOwned>(set: Option<String>) -> Option<T> {
    serde_json::from_value(Value::String(set?)).ok()
}

fn now_ms() -> u64 {
    use openclaw_base::Clock;
    openclaw_base::SystemClock.now_ms()
}

/// Ends a command unless it was taken out.
struct StopOnDrop(Option<Arc<Process>>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.stop();
        }
    }
}

/// A command that is over, as a model reads it.
pub(super) fn finished(process: &Process, ended: Result<Ended, String>) -> ToolOutcome {
    let captured = process.log();
    let text = captured.text();
    let (note, ok, details) = match ended {
        Ok(ended) => (
            told(ended),
            ended.success(),
            json!({
                "status": if ended.success() { "completed" } else { "failed" },
                "exitCode": ended.code, "signal": ended.signal,
                "timedOut": ended.cause == Cause::Deadline,
                "durationMs": u64::try_from(process.began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "truncatedBytes": captured.cut,
            }),
        ),
        Err(error) => (Some(error), false, json!({"status": "failed"})),
    };
    let mut shown = if text.is_empty() { "(no output)".to_owned() } else { text };
    if let Some(note) = note {
        shown.push_str(&format!("\n({note})"));
    }
    let outcome = if ok { ToolOutcome::ok(shown) } else { ToolOutcome::error(shown) };
    outcome.with_details(details)
}

fn told(ended: Ended) -> Option<String> {
    match (ended.cause, ended.code, ended.signal) {
        (Cause::Deadline, _, _) => Some("it took too long and was stopped".to_owned()),
        (Cause::Aborted, _, _) => Some("it was stopped".to_owned()),
        (Cause::Exited, Some(0), _) => None,
        (Cause::Exited, Some(code), _) => Some(format!("exit code {code}")),
        (Cause::Exited, None, Some(signal)) => Some(format!("killed by signal {signal}")),
        (Cause::Exited, None, None) => Some("it ended in an unknown way".to_owned()),
    }
}

fn still_running(process: &Process) -> ToolOutcome {
    let fresh = process.fresh().text();
    let id = &process.id;
    let text = format!(
        "{fresh}\n[still running as session {id}: use process with action poll, log or kill]"
    );
    ToolOutcome::ok(text.trim_start()).with_details(json!({"status": "running", "sessionId": id}))
}
