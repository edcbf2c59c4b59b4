//! What the agent can do besides talking.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_base::CancellationToken;
use openclaw_protocol::ids::{AgentId, RunId, SessionId, SessionKey};
use openclaw_store::outbox::Route;
use serde_json::Value;

use crate::model::ToolSpec;

/// A tool that a model may call. The loop gives every call a deadline and drops the future when it has
/// passed or the run is aborted, so `run` must be safe to drop at any await.
pub trait Tool: Send + Sync {
    /// The name models call it by, `[a-z0-9_]`.
    fn name(&self) -> &str;

    /// When to use it, for the model.
    fn description(&self) -> &str;

    /// JSON Schema of the arguments, an object schema.
    fn schema(&self) -> Value;

    /// How long a call may take, if it is not what the settings say for all.
    fn time_limit(&self) -> Option<Duration> {
        None
    }

    /// Whether calls of it change nothing, so that they may run beside other such calls of one answer.
    fn may_overlap(&self) -> bool {
        false
    }

    /// Where it comes from.
    fn origin(&self) -> ToolOrigin {
        ToolOrigin::Core
    }

    /// Does it.
    fn run<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome>;

    /// The tool as a model sees it.
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name().to_owned(),
            description: self.description().to_owned(),
            schema: self.schema(),
        }
    }
}

/// Where a tool comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolOrigin {
    /// It comes with the Gateway.
    Core,
    /// A server of tools has it.
    Server {
        /// The server's name.
        server: String,
        /// The tool's name there.
        tool: String,
    },
}

/// Tools that come and go while the Gateway runs, as those of servers do.
pub trait ToolSource: Send + Sync {
    /// What is known without asking anybody.
    fn known(&self) -> Vec<Arc<dyn Tool>>;

    /// What there is for a turn that begins, in the same order each time. `wanted` says of the beginning
    /// of the names that tools of one place share whether any of them may be used at all; what nobody may
    /// use is not started for it. Must not take long, and is dropped when the run is aborted.
    fn ready<'a>(
        &'a self,
        wanted: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Vec<Arc<dyn Tool>>>;
}

/// On whose behalf a tool runs.
#[derive(Clone, Debug)]
pub struct ToolContext {
    /// The run.
    pub run_id: RunId,
    /// Its session.
    pub session_key: SessionKey,
    /// The session's transcript.
    pub session_id: SessionId,
    /// The agent.
    pub agent_id: AgentId,
    /// The provider's id of this call.
    pub call_id: String,
    /// Who asked, as the Gateway named them.
    pub principal: String,
    /// The chat that is answered, if one is.
    pub route: Option<Route>,
    /// Cancelled when the run is.
    pub cancel: CancellationToken,
}

/// What a tool gave.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolOutcome {
    /// The result as the model reads it.
    pub text: String,
    /// The result as programs read it.
    pub details: Option<Value>,
    /// Whether it failed; the model is told.
    pub is_error: bool,
}

impl ToolOutcome {
    /// A result.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: None, is_error: false }
    }

    /// A failure, in words that help the model to do better.
    pub fn error(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: None, is_error: true }
    }

    /// Adds the result for programs.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}
