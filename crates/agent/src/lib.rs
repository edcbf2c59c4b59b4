//! The agent: from a person's message to an answer, with the model, the tools and the transcript.
//!
//! [`Agent::start`] stores a message and its run in one transaction and returns; the rest is told as
//! [`AgentEvent`]s. One run of a session goes on at a time, and only so many over all sessions; messages
//! that arrive meanwhile wait by the rules in [`queue`]. A run asks a [`Model`], runs the [`Tool`]s it
//! calls, and writes every step to the transcript before the next one, so a run cut by the end of the
//! process goes on from there ([`Agent::recover`]).
//!
//! Nothing here knows a socket, a vendor's JSON, or where settings come from.

mod agent;
mod answer;
pub mod approval;
mod attach;
mod bootstrap;
mod commands;
mod compact;
mod error;
mod events;
mod fence;
mod gate;
mod inner;
mod lanes;
mod live;
pub mod model;
mod models;
mod nodes;
mod outcome;
mod prompt;
pub mod queue;
mod recover;
mod resets;
mod rows;
mod run;
mod settings;
mod silent;
pub mod skills;
mod slash;
mod standing;
mod start;
mod status;
mod stop;
mod throttle;
mod tool;
mod tool_policy;
pub mod tools;
mod turn;
mod waiting;
mod worker;
mod workspace;

pub use self::{
    agent::{Agent, AgentParts, Compacted},
    attach::{MAX_FILES, of_bytes, shown},
    bootstrap::{BOOTSTRAP_FILES, Bootstrap, BootstrapError, BootstrapFile},
    commands::{COMMANDS, CommandInfo, is_known_command, is_stop},
    compact::{Checkpoint, CompactReason},
    error::AgentError,
    events::{AgentEvent, AgentEventKind, AgentEvents, NoEvents},
    fence::fenced,
    model::{Model, ModelError, ModelRef},
    models::{
        AuthState, KeySource, ModelInfo, Models, ModelsError, ProviderAuth, Resolved, RestReason,
        RestingKey,
    },
    nodes::{NodeCall, NodeReach, NodesTool},
    queue::{Overflow, QueueMode},
    resets::{ResetRule, ResetRules},
    run::{
        AbortReason, ActiveRun, Attachment, FinalState, RunError, RunOutcome, SessionActivity,
        Start, StartRun,
    },
    settings::{
        AgentProfile, AgentSettings, ChannelOwners, QueueSettings, RetrySettings, SessionRules,
        SessionVisibility,
    },
    standing::Standing,
    tool::{Tool, ToolContext, ToolOrigin, ToolOutcome, ToolSource},
    tool_policy::{ChatTools, ToolPolicy, ToolProfile, is_in_group, means, name_matches},
};
