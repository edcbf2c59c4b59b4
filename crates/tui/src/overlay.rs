//! What lies over the conversation for a moment.

use openclaw_protocol::methods::{
    approvals::{ApprovalDecision, ExecApprovalRequested as Waiting},
    sessions::SessionRow,
};

/// What is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// The sessions there are.
    Sessions {
        /// What their name or title must hold.
        filter: String,
        /// Which is chosen.
        at: usize,
    },
    /// A command that waits for a word.
    Review {
        /// Which.
        id: String,
        /// Which of its decisions is chosen.
        at: usize,
    },
    /// What the keys do.
    Help,
}

/// What may be decided about a command.
pub(crate) fn decisions(waiting: &Waiting) -> Vec<ApprovalDecision> {
    let allowed = &waiting.request.allowed_decisions;
    if allowed.is_empty() {
        return vec![ApprovalDecision::AllowOnce, ApprovalDecision::Deny];
    }
    allowed.clone()
}

/// What a session is called.
pub(crate) fn title(row: &SessionRow) -> &str {
    let names = [&row.label, &row.display_name, &row.derived_title];
    let name = names.into_iter().find_map(|name| name.as_deref().filter(|name| !name.is_empty()));
    name.unwrap_or_else(|| row.key.as_str())
}
