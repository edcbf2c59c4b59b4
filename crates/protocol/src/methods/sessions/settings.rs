//! What can be set about a session.

use std::collections::BTreeMap;

use crate::{
    macros::{names, params},
    text::{NonEmpty, Shape, Text},
};

/// A session's label: unique among sessions.
pub type SessionLabel = Text<1, 512>;

params! {
    /// Settings of tools.
    #[derive(Default)]
    ToolOverrides {
        /// Tool servers, on or off.
        mcp_servers?: BTreeMap<String, bool>,
        /// Tools of servers that are off.
        mcp_tools_deny?: BTreeMap<String, Vec<NonEmpty>>,
        /// Skills, on or off.
        skills?: BTreeMap<String, bool>,
        /// Whether the web is searched.
        web_search?: bool,
    }
}

/// The name of a Git worktree.
#[derive(Clone, Copy, Debug)]
pub struct WorktreeNameShape;

impl Shape for WorktreeNameShape {
    const PATTERN: &'static str = "^[a-z0-9][a-z0-9-]{0,63}$";
    const MAX: usize = 64;

    fn fits(text: &str) -> bool {
        !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    }
}

names! {
    /// Order of a session list.
    SessionSort {
        /// Last change.
        UpdatedAt = "updatedAt",
        /// Last time somebody wrote.
        LastInteractionAt = "lastInteractionAt",
        /// Either.
        Activity = "activity",
    }

    /// How a session is shown.
    BoardFace {
        /// As a conversation.
        Chat = "chat",
        /// As a board.
        Dashboard = "dashboard",
    }

    /// What a session waits for.
    Attention {
        /// A person.
        Hand = "hand",
        /// A credential.
        Key = "key",
        /// A look.
        Alert = "alert",
        /// A decision.
        Flag = "flag",
        /// A permission.
        Lock = "lock",
        /// Time.
        Hourglass = "hourglass",
    }

    /// What a session may do.
    PermissionMode {
        /// Only read.
        ReadOnly = "read-only",
        /// Ask before it changes anything.
        Guarded = "guarded",
        /// Change its workspace.
        Workspace = "workspace",
        /// Everything.
        Full = "full",
    }

    /// Who may see a session.
    SessionVisibility {
        /// All, and write.
        Shared = "shared",
        /// All, and only read.
        ReadOnly = "read-only",
        /// All, and propose.
        Suggest = "suggest",
        /// Only the owner.
        Draft = "draft",
    }

    /// Whether answers end with what they used.
    ResponseUsage {
        /// They do not.
        Off = "off",
        /// With tokens.
        Tokens = "tokens",
        /// With everything.
        Full = "full",
        /// They do.
        On = "on",
    }

    /// Whether answers go out.
    SendPolicy {
        /// They do.
        Allow = "allow",
        /// They do not.
        Deny = "deny",
    }

    /// When an agent speaks in a group.
    GroupActivation {
        /// When it is named.
        Mention = "mention",
        /// Always.
        Always = "always",
    }

    /// Which command started a session anew.
    ResetReason {
        /// `/new`.
        New = "new",
        /// `/reset`.
        Reset = "reset",
    }

    /// From where a session goes on.
    ForkFrom {
        /// After the last finished turn.
        LastCompleted = "last-completed",
    }
}
