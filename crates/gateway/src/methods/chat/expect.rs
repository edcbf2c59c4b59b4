//! What a caller believes of a session before it acts on it.

use openclaw_protocol::{
    ids::{MessageId, RunId},
    methods::sessions::{PermissionMode, ToolOverrides},
    patch::Patch,
    text::Number0,
};
use openclaw_store::sessions::SessionEntry;

use crate::{
    router::{Cx, Failure},
    shape::{
        extra::{self, field},
        failure::{self, session_changed},
        target::Target,
    },
};

/// Beliefs; what is not named is not compared, and `null` means that there is none.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The last message of the transcript.
    pub(crate) leaf: Patch<MessageId>,
    /// What the session may do.
    pub(crate) permission_mode: Patch<PermissionMode>,
    /// Its settings of tools.
    pub(crate) tool_overrides: Patch<ToolOverrides>,
    /// When it was marked unread.
    pub(crate) marked_unread_at: Patch<Number0>,
}

impl Expected {
    const fn is_nothing(&self) -> bool {
        self.leaf.is_keep() && self.is_nothing_stored()
    }

    const fn is_nothing_stored(&self) -> bool {
        self.permission_mode.is_keep()
            && self.tool_overrides.is_keep()
            && self.marked_unread_at.is_keep()
    }

    /// Whether the session's settings are as they are believed to be.
    pub(crate) fn holds_for(&self, entry: Option<&SessionEntry>) -> bool {
        let stored = entry.map(|entry| &entry.extra);
        let number = |name| stored.and_then(|fields| field::<f64>(fields, name));
        let mode = stored.and_then(|fields| field(fields, extra::PERMISSION_MODE));
        let overrides = stored.and_then(|fields| field(fields, extra::TOOL_OVERRIDES));
        let unread = self.marked_unread_at.map(Number0::get);
        same(&self.permission_mode, mode.as_ref())
            && same(&self.tool_overrides, overrides.as_ref())
            && same(&unread, number(extra::MARKED_UNREAD_AT).as_ref())
    }
}

fn same<T: PartialEq>(expected: &Patch<T>, actual: Option<&T>) -> bool {
    match expected {
        Patch::Keep => true,
        Patch::Clear => actual.is_none(),
        Patch::Set(expected) => actual == Some(expected),
    }
}

/// Refuses a message for a session that is not as its sender saw it. A repeat is not compared, and
/// neither is the end of a transcript that grows just now.
///
/// # Errors
/// When the session is another.
pub(crate) async fn require(
    cx: &Cx,
    target: &Target,
    run: &RunId,
    expected: Expected,
) -> Result<(), Failure> {
    if expected.is_nothing() {
        return Ok(());
    }
    let store = &cx.state.store;
    let failed = |error| failure::store(&cx.state, &error);
    if store.runs().get(run).await.map_err(failed)?.is_some() {
        return Ok(());
    }
    let entry = store.sessions().get(&target.key).await.map_err(failed)?;
    if !expected.holds_for(entry.as_ref()) {
        return Err(session_changed().into());
    }
    let activity = cx.state.agent.activity(&target.key);
    if expected.leaf.is_keep() || activity.active.is_some() || !activity.queued.is_empty() {
        return Ok(());
    }
    let last = match &entry {
        Some(entry) => {
            store.transcripts().tail(&entry.session_id, 1, None).await.map_err(failed)?
        }
        None => Vec::new(),
    };
    let actual = last.first().map(|row| &row.message_id);
    if same(&expected.leaf, actual) { Ok(()) } else { Err(session_changed().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beliefs_are_compared() {
        assert!(same(&Patch::<u8>::Keep, Some(&1)));
        assert!(same(&Patch::<u8>::Clear, None) && !same(&Patch::Clear, Some(&1)));
        assert!(same(&Patch::Set(1), Some(&1)) && !same(&Patch::Set(1), Some(&2)));
        assert!(!same(&Patch::Set(1), None));
        let nothing = Expected::default();
        assert!(nothing.is_nothing() && nothing.holds_for(None));
        let mode =
            Expected { permission_mode: Patch::Set(PermissionMode::Full), ..Expected::default() };
        assert!(!mode.is_nothing() && !mode.holds_for(None));
    }
}
