//! Asking people whether a command may run.

use std::time::Duration;

use futures_util::future::BoxFuture;
use openclaw_exec::{
    approvals::Used,
    policy::{Decision, Policy},
};

use crate::tool::ToolContext;

/// Whoever puts questions to people.
pub trait Approver: Send + Sync {
    /// Asks, and waits for the answer. Dropping the future takes the question back.
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer>;

    /// Notes that a command was run without asking, or was refused: `how` says which.
    fn ran(&self, agent: &str, command: &str, used: &[Used], how: &str);
}

/// What people are asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The command as text.
    pub command: String,
    /// What would be run.
    pub argv: Vec<String>,
    /// Where.
    pub cwd: String,
    /// The first program's real path.
    pub resolved_path: Option<String>,
    /// Why they are asked.
    pub reason: String,
    /// Whether "always" may be answered.
    pub lasting: bool,
    /// How strict the rules are.
    pub policy: Policy,
    /// On whose behalf.
    pub context: ToolContext,
    /// How long to wait.
    pub timeout: Duration,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Somebody decided.
    Decided(Decision),
    /// Nobody did in time.
    Unanswered,
    /// Nobody could be asked, and this is why.
    Failed(String),
}
