//! How a request for approval goes: opened, told, decided, written down.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_agent::approval::{Answer, Approver, Question};
use openclaw_exec::{
    approvals::{Approvals, Used},
    policy::Decision,
};
use openclaw_protocol::{
    RpcError,
    events::approvals::{ExecApprovalRequested, ExecApprovalResolved, ExecApprovalResolvedPayload},
    methods::approvals::{
        ApprovalDecision, ApprovalKind, ApprovalReason, ExecApprovalRequest,
        ExecApprovalRequested as Requested,
    },
};
use openclaw_store::{
    outbox::Route,
    trail::{TrailEvent, TrailKind},
};

use crate::{
    approval_chat, approval_grants,
    approvals::{Item, Settled},
    state::State,
};

/// How long a request waits when nobody says.
const DEFAULT_TIMEOUT_MS: u64 = 120_000;
/// Longest a request waits.
const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a decided request is still known, for those who ask late.
const LINGER: Duration = Duration::from_secs(15);
/// Longest command that is shown, in bytes.
const MAX_COMMAND: usize = 64 * 1024;

/// Opens a request and tells those who may decide.
///
/// # Errors
/// If the id is taken, too many wait, or the command is longer than anybody could look through.
pub(crate) fn open(
    state: &Arc<State>,
    id: Option<String>,
    mut request: ExecApprovalRequest,
    timeout_ms: Option<u64>,
) -> Result<Arc<Item>, RpcError> {
    if request.command.len() > MAX_COMMAND {
        return Err(RpcError::invalid(format!("the command is longer than {MAX_COMMAND} bytes")));
    }
    request.command = openclaw_exec::plan::visible(&request.command);
    let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS).clamp(1, MAX_TIMEOUT_MS);
    let created_at_ms = state.clock.now_ms();
    let item = state.approvals.insert(Requested {
        id: id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string()),
        approval_kind: ApprovalKind::Exec,
        request,
        created_at_ms,
        expires_at_ms: created_at_ms.saturating_add(timeout_ms),
    })?;
    state.events.publish::<ExecApprovalRequested>(&item.requested);
    let expiry =
        expire(Arc::downgrade(state), Arc::clone(&item), Duration::from_millis(timeout_ms));
    let stop = state.tasks.token();
    drop(state.tasks.spawn("approval", async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = expiry => {}
        }
    }));
    Ok(item)
}

/// Ends a request when its time is up, and forgets it a while after its end.
async fn expire(state: Weak<State>, item: Arc<Item>, after: Duration) {
    let decided = tokio::time::timeout(after, item.wait()).await;
    if decided.is_err()
        && let Some(state) = state.upgrade()
    {
        settle(&state, &item, None, ApprovalReason::Timeout, None);
    }
    tokio::time::sleep(LINGER).await;
    if let Some(state) = state.upgrade() {
        state.approvals.remove(&item.requested.id);
    }
}

/// Decides. False if somebody was faster.
///
/// # Errors
/// If this decision is not offered.
pub(crate) fn resolve(
    state: &Arc<State>,
    item: &Item,
    decision: ApprovalDecision,
    by: (&str, &str),
) -> Result<bool, RpcError> {
    if !item.requested.request.allowed_decisions.contains(&decision) {
        let message = format!(
            "{} is not offered for this command: it could become another one; use allow-once or deny",
            decision.as_str()
        );
        return Err(RpcError::invalid(message));
    }
    Ok(settle(state, item, Some(decision), ApprovalReason::User, Some(by)))
}

fn settle(
    state: &Arc<State>,
    item: &Item,
    decision: Option<ApprovalDecision>,
    reason: ApprovalReason,
    by: Option<(&str, &str)>,
) -> bool {
    let settled = Settled {
        decision,
        reason,
        by: by.map(|(who, _)| who.to_owned()),
        at_ms: state.clock.now_ms(),
    };
    if !item.settle(&settled) {
        return false;
    }
    let outcome = decision.map_or(settled.status().as_str(), ApprovalDecision::as_str);
    state.events.publish::<ExecApprovalResolved>(&ExecApprovalResolvedPayload {
        id: item.requested.id.clone(),
        decision: decision.unwrap_or(ApprovalDecision::Deny),
        resolved_by: settled.by,
        ts: settled.at_ms,
    });
    let (who, origin) = by.unwrap_or(("nobody", ""));
    record(state, outcome, who, origin, &item.requested.request);
    approval_grants::decided(state, decision, (who, origin), &item.requested.request);
    true
}

/// Puts a decision into the audit trail.
fn record(state: &State, outcome: &str, who: &str, origin: &str, request: &ExecApprovalRequest) {
    let agent = request.agent_id.as_deref().unwrap_or("-");
    let host = request.node_id.as_deref().or(request.host.as_deref()).unwrap_or("gateway");
    state.record(TrailEvent {
        kind: TrailKind::Approval,
        outcome: outcome.to_owned(),
        who: who.to_owned(),
        origin: origin.to_owned(),
        detail: format!("agent {agent} on {host}: {}", request.command),
    });
}

/// The agent's way to people. It leads nowhere until the Gateway serves it.
#[derive(Debug)]
pub struct AgentApprover {
    file: Arc<Approvals>,
    state: OnceLock<Weak<State>>,
}

impl AgentApprover {
    /// A way that notes in this file when its entries were used.
    #[must_use]
    pub fn new(file: Arc<Approvals>) -> Self {
        Self { file, state: OnceLock::new() }
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &Arc<Approvals> {
        &self.file
    }

    /// Leads to the people of this Gateway from now on.
    pub(crate) fn serve(&self, state: &Arc<State>) {
        self.state.get_or_init(|| Arc::downgrade(state));
    }

    pub(crate) fn state(&self) -> Option<Arc<State>> {
        self.state.get().and_then(Weak::upgrade).filter(|state| !state.is_draining())
    }
}

/// A request that is given up when nobody waits for it any more.
struct Waiter {
    state: Arc<State>,
    item: Arc<Item>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        settle(&self.state, &self.item, None, ApprovalReason::RunAborted, None);
    }
}

/// Asks people, those of the chat at `route` among them, and waits until somebody decides or the time is up; `None`: nobody did.
///
/// # Errors
/// As [`open`].
pub(crate) async fn ask(
    state: &Arc<State>,
    mut request: ExecApprovalRequest,
    route: Option<Route>,
    timeout_ms: Option<u64>,
) -> Result<Option<ApprovalDecision>, RpcError> {
    if let Some(route) = &route {
        request.turn_source_channel = Some(route.channel.clone());
        request.turn_source_to = Some(route.chat.clone());
        request.turn_source_account_id = Some(route.account.clone());
    }
    let item = open(state, None, request, timeout_ms)?;
    if let Some(route) = route {
        approval_chat::put(state, &item, route);
    }
    let waiter = Waiter { state: Arc::clone(state), item };
    Ok(waiter.item.wait().await.decision)
}

impl Approver for AgentApprover {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let Some(state) = self.state() else {
                return Answer::Failed("the Gateway is starting or stopping".to_owned());
            };
            let timeout = u64::try_from(question.timeout.as_millis()).ok();
            let route = question.context.route.clone();
            match ask(&state, shown(question), route, timeout).await {
                Ok(Some(ApprovalDecision::AllowOnce)) => Answer::Decided(Decision::AllowOnce),
                Ok(Some(ApprovalDecision::AllowAlways)) => Answer::Decided(Decision::AllowAlways),
                Ok(Some(ApprovalDecision::Deny)) => Answer::Decided(Decision::Deny),
                Ok(None) => Answer::Unanswered,
                Err(error) => Answer::Failed(error.message),
            }
        })
    }

    fn ran(&self, agent: &str, command: &str, used: &[Used], how: &str) {
        let Some(state) = self.state() else { return };
        if let Err(error) = self.file.used(command, used, state.clock.now_ms()) {
            tracing::warn!(%error, "when an approval was used is not kept");
        }
        state.record(TrailEvent {
            kind: TrailKind::Approval,
            outcome: how.to_owned(),
            who: agent.to_owned(),
            origin: String::new(),
            detail: command.to_owned(),
        });
    }
}

fn shown(question: Question) -> ExecApprovalRequest {
    let mut allowed = vec![ApprovalDecision::AllowOnce];
    if question.lasting {
        allowed.push(ApprovalDecision::AllowAlways);
    }
    allowed.push(ApprovalDecision::Deny);
    ExecApprovalRequest {
        command: question.command,
        command_argv: Some(question.argv),
        cwd: Some(question.cwd),
        host: Some("gateway".to_owned()),
        security: Some(question.policy.security.word().to_owned()),
        ask: Some(question.policy.ask.word().to_owned()),
        warning_text: Some(question.reason),
        allowed_decisions: allowed,
        agent_id: Some(question.context.agent_id.to_string()),
        resolved_path: question.resolved_path,
        session_key: Some(question.context.session_key.to_string()),
        session_id: Some(question.context.session_id.to_string()),
        run_id: Some(question.context.run_id.to_string()),
        tool_call_id: Some(question.context.call_id),
        ..ExecApprovalRequest::default()
    }
}
