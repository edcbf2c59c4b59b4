//! Requests for approval in the chat that gave rise to them: put there with a few answers, and closed
//! with what became of them.

use std::sync::Arc;

use openclaw_channels::{Choice, SendError};
use openclaw_protocol::methods::{
    approvals::{ApprovalDecision, ApprovalReason, ExecApprovalRequest},
    nodes::NodeRow,
};
use openclaw_store::outbox::Route;

use crate::{
    approvals::{Item, Settled},
    node_invoke,
    state::State,
};

/// Longest command that is shown in a chat, in UTF-16 units. What cannot be read cannot be allowed there.
const MAX_SHOWN: usize = 3_000;
/// Letters of a request's id that name it for people.
const SHORT_ID: usize = 8;

/// Puts a request to a chat, and closes it when it is over.
pub(crate) fn put(state: &Arc<State>, item: &Arc<Item>, route: Route) {
    let (weak, item, stop) = (Arc::downgrade(state), Arc::clone(item), state.tasks.token());
    let channels = state.channels.clone();
    drop(state.tasks.spawn("approval in a chat", async move {
        let asking = async {
            let node = match weak.upgrade() {
                Some(state) => node_name(&state, &item.requested.request).await,
                None => return Ok(None),
            };
            let shown = Shown::of(&item, node.as_deref());
            let key = format!("approval:{}", item.requested.id);
            let over = async { shown.closed(&item.wait().await) };
            channels.ask(&key, &route, &shown.question, &shown.choices, over).await
        };
        match stop.run_until_cancelled(asking).await {
            None | Some(Ok(_)) => {}
            Some(Err(error @ (SendError::Refused(_) | SendError::Later { .. }))) => {
                let id = item.requested.id.as_str();
                tracing::warn!(%error, id, "a request for approval is not shown in its chat");
            }
            // It may stand there: a second one would confuse more than none.
            Some(Err(error)) => tracing::warn!(%error, "a request for approval may not be shown"),
        }
    }));
}

/// What people call the node of a request.
async fn node_name(state: &State, request: &ExecApprovalRequest) -> Option<String> {
    let id = request.node_id.as_deref()?;
    let rows = node_invoke::list(state).await.unwrap_or_default();
    let named = |row: &NodeRow| (row.node_id.as_str() == id).then(|| row.display_name.clone());
    Some(rows.iter().find_map(named).flatten().unwrap_or_else(|| id.to_owned()))
}

/// A request as a chat shows it.
struct Shown {
    /// The command, for the question and for what it becomes.
    command: String,
    question: String,
    choices: Vec<Choice>,
}

impl Shown {
    fn of(item: &Item, node: Option<&str>) -> Self {
        let request = &item.requested.request;
        let id = item.requested.id.as_str();
        let short = id.get(..SHORT_ID).unwrap_or(id);
        let whole = request.command.encode_utf16().count() <= MAX_SHOWN;
        let command = if whole {
            fenced(&request.command)
        } else {
            format!("A command of {} bytes.", request.command.len())
        };
        let mut question = format!("🔐 **May I run this?**\n\n{command}\n");
        let place = node.map_or_else(|| "the Gateway".to_owned(), plain);
        question.push_str(&format!("\nOn: {place}"));
        if let Some(cwd) = &request.cwd {
            question.push_str(&format!("\nFolder: {}", plain(cwd)));
        }
        if let Some(why) = request.warning_text.as_deref().filter(|why| !why.is_empty()) {
            question.push_str(&format!("\nWhy I ask: {}", plain(why)));
        }
        if !whole {
            question.push_str("\nIt is too long to be shown here; on the Gateway: ");
            question.push_str("`openclaw approvals list`");
        }
        question.push_str(&format!("\nRequest: {short}"));
        let offered = request.allowed_decisions.iter().copied();
        let offered = offered.filter(|decision| whole || *decision == ApprovalDecision::Deny);
        let choice = |decision: ApprovalDecision| Choice {
            label: label(decision).to_owned(),
            command: format!("/approve {id} {}", decision.as_str()),
        };
        Self { command, question, choices: offered.map(choice).collect() }
    }

    /// What stands in the place of the question when it is over.
    fn closed(&self, settled: &Settled) -> String {
        let outcome = outcome(settled);
        let by = settled.by.as_deref().map(|by| format!(" by {}", plain(by))).unwrap_or_default();
        format!("{}\n\n{outcome}{by}", self.command)
    }
}

const fn label(decision: ApprovalDecision) -> &'static str {
    match decision {
        ApprovalDecision::AllowOnce => "Allow once",
        ApprovalDecision::AllowAlways => "Allow always",
        ApprovalDecision::Deny => "Deny",
    }
}

/// What became of a request, in a few words.
pub(crate) const fn outcome(settled: &Settled) -> &'static str {
    match (settled.decision, settled.reason) {
        (Some(ApprovalDecision::AllowOnce), _) => "✅ Allowed once",
        (Some(ApprovalDecision::AllowAlways), _) => "✅ Allowed always",
        (Some(ApprovalDecision::Deny), _) => "⛔ Denied",
        (None, ApprovalReason::RunAborted) => "⚪ No longer wanted",
        (None, ApprovalReason::User | ApprovalReason::Timeout) => {
            "⌛ Expired: nobody decided in time"
        }
    }
}

/// A text in a block of code that it cannot leave.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1).max(3));
    format!("{fence}\n{text}\n{fence}")
}

/// A text on one line that is no Markdown.
fn plain(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if longest == 0 { format!("`{line}`") } else { format!("{fence} {line} {fence}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_cannot_leave_its_block() {
        assert_eq!(fenced("ls"), "```\nls\n```");
        assert_eq!(fenced("a ```` b"), "`````\na ```` b\n`````");
        assert_eq!(plain("/tmp\n**x**"), "`/tmp **x**`");
        assert_eq!(plain("a`b"), "`` a`b ``");
    }
}
