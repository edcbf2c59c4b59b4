//! What can be chosen from: sessions, and the words about a command that waits.

use openclaw_protocol::methods::{
    approvals::{ApprovalDecision, ExecApprovalRequested as Waiting},
    sessions::SessionRow,
};

use crate::{
    app::App,
    overlay::{Overlay, decisions, title},
};

impl App {
    /// Sessions that fit the filter.
    pub(crate) fn fitting<'s>(&'s self, filter: &str) -> Vec<&'s SessionRow> {
        let wanted = filter.to_lowercase();
        let fits = |row: &&SessionRow| {
            row.key.as_str().to_lowercase().contains(&wanted)
                || title(row).to_lowercase().contains(&wanted)
        };
        self.sessions.iter().filter(fits).collect()
    }

    /// Opens the oldest command that waits. Refusing is chosen, so that Enter alone allows nothing.
    pub(crate) fn review(&mut self) {
        let Some(waiting) = self.approvals.first() else { return };
        let at = decisions(waiting)
            .iter()
            .position(|decision| *decision == ApprovalDecision::Deny)
            .unwrap_or_default();
        self.overlay = Some(Overlay::Review { id: waiting.id.clone(), at });
    }

    /// The command that is open.
    pub(crate) fn reviewed(&self) -> Option<(&Waiting, usize)> {
        let Some(Overlay::Review { id, at }) = &self.overlay else { return None };
        let waiting = self.approvals.iter().find(|waiting| waiting.id == *id)?;
        Some((waiting, *at))
    }
}
