//! Commands that wait for a person's word.
//!
//! Whoever wants to run something opens a request and waits for the decision; any operator with the
//! approvals scope may give it, the first one counts, and every one is in the audit trail. What is
//! waiting is kept in memory: whoever waits for it is gone as well when the Gateway ends.

use std::{
    collections::HashMap,
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
    DetailCode, RpcError,
    events::approvals::{ExecApprovalRequested, ExecApprovalResolved, ExecApprovalResolvedPayload},
    methods::approvals::{
        ApprovalDecision, ApprovalKind, ApprovalReason, ApprovalStatus, ExecApprovalRequest,
        ExecApprovalRequested as Requested,
    },
};
use openclaw_store::trail::{TrailEvent, TrailKind};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::state::State;

/// How long a request waits when nobody says.
pub const DEFAULT_TIMEOUT_MS: u64 = 120_000;
/// Longest a request waits.
pub const MAX_TIMEOUT_MS: u64 = 24 * 60 * 60 * 1000;
/// How long a decided request is still known, for those who ask late.
const LINGER: Duration = Duration::from_secs(15);
/// Requests that are known at once.
const MAX_OPEN: usize = 256;
/// Longest command that is shown, in bytes.
const MAX_COMMAND: usize = 64 * 1024;

/// One request.
#[derive(Debug)]
pub struct Item {
    /// What is shown of it.
    pub requested: Requested,
    settled: watch::Sender<Option<Settled>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The decision; none if nobody made one.
    pub decision: Option<ApprovalDecision>,
    /// Why.
    pub reason: ApprovalReason,
    /// Who decided.
    pub by: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Settled {
    /// In one word.
    #[must_use]
    pub const fn status(&self) -> ApprovalStatus {
        match (self.decision, self.reason) {
            (Some(ApprovalDecision::AllowOnce | ApprovalDecision::AllowAlways), _) => {
                ApprovalStatus::Allowed
            }
            (Some(ApprovalDecision::Deny), _) => ApprovalStatus::Denied,
            (None, ApprovalReason::RunAborted) => ApprovalStatus::Cancelled,
            (None, ApprovalReason::User | ApprovalReason::Timeout) => ApprovalStatus::Expired,
        }
    }
}

impl Item {
    /// What became of it, if anything did.
    #[must_use]
    pub fn settled(&self) -> Option<Settled> {
        self.settled.borrow().clone()
    }

    /// Waits until something does.
    pub async fn wait(&self) -> Settled {
        let mut changes = self.settled.subscribe();
        loop {
            let settled = changes.borrow_and_update().clone();
            if let Some(settled) = settled {
                return settled;
            }
            // The sender is in `self`, so there is a change to wait for.
            changes.changed().await.ok();
        }
    }
}

/// All requests, and the file of what needs none.
#[derive(Debug)]
pub struct Desk {
    file: Arc<Approvals>,
    items: Mutex<HashMap<String, Arc<Item>>>,
    state: OnceLock<Weak<State>>,
}

impl Desk {
    /// A desk over this file. It takes no requests until a Gateway serves it.
    #[must_use]
    pub fn new(file: Arc<Approvals>) -> Self {
        Self { file, items: Mutex::default(), state: OnceLock::new() }
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> &Arc<Approvals> {
        &self.file
    }

    pub(crate) fn serve(&self, state: &Arc<State>) {
        self.state.get_or_init(|| Arc::downgrade(state));
    }

    fn state(&self) -> Result<Arc<State>, RpcError> {
        let state = self.state.get().and_then(Weak::upgrade).filter(|state| !state.is_draining());
        state.ok_or_else(|| RpcError::unavailable("the Gateway is starting or stopping"))
    }

    /// Opens a request and tells those who may decide.
    ///
    /// # Errors
    /// If the id is taken, too many wait, or the command is longer than anybody could look through.
    pub fn open(
        &self,
        id: Option<String>,
        mut request: ExecApprovalRequest,
        timeout_ms: Option<u64>,
    ) -> Result<Arc<Item>, RpcError> {
        let state = self.state()?;
        if request.command.len() > MAX_COMMAND {
            return Err(RpcError::invalid(format!(
                "the command is longer than {MAX_COMMAND} bytes"
            )));
        }
        request.command = openclaw_exec::plan::visible(&request.command);
        let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS).clamp(1, MAX_TIMEOUT_MS);
        let created_at_ms = state.clock.now_ms();
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let item = Arc::new(Item {
            requested: Requested {
                id: id.clone(),
                approval_kind: ApprovalKind::Exec,
                request,
                created_at_ms,
                expires_at_ms: created_at_ms.saturating_add(timeout_ms),
            },
            settled: watch::Sender::new(None),
        });
        {
            let mut items = self.items.lock();
            if items.contains_key(&id) {
                return Err(RpcError::invalid("approval id already pending"));
            }
            if items.len() >= MAX_OPEN {
                let message = "too many commands wait for approval; decide some of them first";
                return Err(RpcError::unavailable(message).retry_after(5_000));
            }
            items.insert(id, Arc::clone(&item));
        }
        state.events.publish::<ExecApprovalRequested>(&item.requested);
        let watched = Arc::clone(&item);
        let stop = state.tasks.token();
        let owner = Arc::downgrade(&state);
        drop(state.tasks.spawn("approval", async move {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tokio::time::timeout(Duration::from_millis(timeout_ms), watched.wait()) => {}
            }
            let Some(state) = owner.upgrade() else { return };
            state.approvals.settle(&watched, None, ApprovalReason::Timeout, None);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LINGER) => {}
            }
            state.approvals.items.lock().remove(&watched.requested.id);
        }));
        Ok(item)
    }

    /// A request, waiting or decided a moment ago.
    ///
    /// # Errors
    /// If there is none of this id.
    pub fn find(&self, id: &str) -> Result<Arc<Item>, RpcError> {
        self.items.lock().get(id).cloned().ok_or_else(|| {
            RpcError::invalid("unknown or expired approval id")
                .with_details([("reason", serde_json::json!(DetailCode::ApprovalNotFound))])
        })
    }

    /// Those that wait, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Requested> {
        let items = self.items.lock();
        let waiting = items.values().filter(|item| item.settled.borrow().is_none());
        let mut waiting: Vec<Requested> = waiting.map(|item| item.requested.clone()).collect();
        waiting.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        waiting
    }

    /// Decides. False if somebody was faster.
    ///
    /// # Errors
    /// If this decision is not offered.
    pub fn resolve(
        &self,
        item: &Item,
        decision: ApprovalDecision,
        by: &str,
        origin: &str,
    ) -> Result<bool, RpcError> {
        if !item.requested.request.allowed_decisions.contains(&decision) {
            let message = format!(
                "{} is not offered for this command: it could become another one; use allow-once or deny",
                decision.as_str()
            );
            return Err(RpcError::invalid(message));
        }
        Ok(self.settle(item, Some(decision), ApprovalReason::User, Some((by, origin))))
    }

    fn settle(
        &self,
        item: &Item,
        decision: Option<ApprovalDecision>,
        reason: ApprovalReason,
        by: Option<(&str, &str)>,
    ) -> bool {
        let Ok(state) = self.state() else { return false };
        let settled = Settled {
            decision,
            reason,
            by: by.map(|(who, _)| who.to_owned()),
            at_ms: state.clock.now_ms(),
        };
        let status = settled.status();
        let first = item.settled.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(settled.clone());
            }
            first
        });
        if first {
            state.events.publish::<ExecApprovalResolved>(&ExecApprovalResolvedPayload {
                id: item.requested.id.clone(),
                decision: decision.unwrap_or(ApprovalDecision::Deny),
                resolved_by: settled.by.clone(),
                ts: settled.at_ms,
            });
            let outcome = decision.map_or(status.as_str(), ApprovalDecision::as_str);
            let (who, origin) = by.unwrap_or(("nobody", ""));
            record(&state, outcome, who, origin, &item.requested.request);
        }
        first
    }
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

/// A request that is given up when nobody waits for it any more.
struct Waiter<'d> {
    desk: &'d Desk,
    item: Arc<Item>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.desk.settle(&self.item, None, ApprovalReason::RunAborted, None);
    }
}

impl Approver for Desk {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let timeout = u64::try_from(question.timeout.as_millis()).ok();
            let opened = self.open(None, shown(question), timeout);
            let item = match opened {
                Ok(item) => item,
                Err(error) => return Answer::Failed(error.message),
            };
            let waiter = Waiter { desk: self, item };
            let settled = waiter.item.wait().await;
            match settled.decision {
                Some(ApprovalDecision::AllowOnce) => Answer::Decided(Decision::AllowOnce),
                Some(ApprovalDecision::AllowAlways) => Answer::Decided(Decision::AllowAlways),
                Some(ApprovalDecision::Deny) => Answer::Decided(Decision::Deny),
                None => Answer::Unanswered,
            }
        })
    }

    fn ran(&self, agent: &str, command: &str, used: &[Used], how: &str) {
        let Ok(state) = self.state() else { return };
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
