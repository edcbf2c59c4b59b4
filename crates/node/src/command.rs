//! What a command is, and the table of them.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_base::CancellationToken;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::output::Output;

/// Something a node does when it is asked.
pub trait NodeCommand: Send + Sync {
    /// Its name on the wire.
    fn name(&self) -> &'static str;

    /// Whether doing it twice is the same as doing it once, as with what only looks.
    fn is_repeatable(&self) -> bool {
        false
    }

    /// Does it. When the call is cancelled, it ends soon and leaves nothing running.
    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>>;
}

/// One call of a command.
#[derive(Debug)]
pub struct Call {
    /// What it is given.
    pub params: Value,
    /// How long the caller waits.
    pub timeout: Option<Duration>,
    /// Nobody waits any more.
    pub cancel: CancellationToken,
    /// What it says before its result.
    pub output: Output,
}

impl Call {
    /// The params as a type.
    ///
    /// # Errors
    /// When they are something else.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, CommandError> {
        serde_json::from_value(self.params.clone())
            .map_err(|error| CommandError::invalid(format!("the params cannot be used: {error}")))
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// For programs.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl CommandError {
    /// The caller asked for something that makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: "INVALID_REQUEST".into(), message: message.into() }
    }

    /// It cannot be done here, or not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: "UNAVAILABLE".into(), message: message.into() }
    }

    /// The node's owner did not allow it.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: "FORBIDDEN".into(), message: message.into() }
    }

    /// Nobody waits any more.
    #[must_use]
    pub fn cancelled() -> Self {
        Self { code: "CANCELLED".into(), message: "the call was cancelled".to_owned() }
    }
}

/// The commands of a node, by name.
#[derive(Clone, Default)]
pub struct Registry {
    commands: BTreeMap<&'static str, Arc<dyn NodeCommand>>,
}

impl Registry {
    /// A registry of these; of two with one name the later counts.
    #[must_use]
    pub fn new(commands: impl IntoIterator<Item = Arc<dyn NodeCommand>>) -> Self {
        let commands = commands.into_iter().map(|command| (command.name(), command)).collect();
        Self { commands }
    }

    /// Their names, in order: what the node declares.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.commands.keys().map(|name| (*name).to_owned()).collect()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn NodeCommand>> {
        self.commands.get(name).cloned()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.commands.keys()).finish()
    }
}
