//! Identifiers as types of their own, so that a session key cannot be passed where a run id belongs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($( $(#[doc = $doc:literal])+ $name:ident; )+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a value that is already known to be of this kind.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Gives the text away.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }
    )+};
}

id! {
    /// One WebSocket connection, for as long as it lives.
    ConnId;
    /// Lowercase hex SHA-256 of a device's raw Ed25519 public key.
    DeviceId;
    /// Canonical session key, `agent:AGENT:REST`, lower case.
    SessionKey;
    /// One transcript's identity; a reset gives a session a new one.
    SessionId;
    /// One agent run; for client-started runs it is the idempotency key.
    RunId;
    /// An agent's id, `[a-z0-9][a-z0-9_-]{0,63}`.
    AgentId;
    /// A pending pairing request.
    PairingRequestId;
    /// One transcript row.
    MessageId;
    /// Chosen by the client, echoed by the Gateway on the response.
    FrameId;
}

/// The agent that answers when nobody names another.
pub const DEFAULT_AGENT: &str = "main";
/// The last part of the default agent's main session.
pub const MAIN_KEY: &str = "main";

impl AgentId {
    /// Normalises an agent id as the published contract does: lower case, `[a-z0-9_-]`, at most 64.
    #[must_use]
    pub fn normalise(raw: &str) -> Option<Self> {
        let lower = raw.trim().to_ascii_lowercase();
        let mut chars = lower.chars();
        let starts_well =
            chars.next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let rest_well =
            chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        (starts_well && rest_well && lower.len() <= 64).then_some(Self(lower))
    }
}

impl SessionKey {
    /// The main session of an agent.
    #[must_use]
    pub fn main_of(agent: &AgentId) -> Self {
        Self(format!("agent:{agent}:{MAIN_KEY}"))
    }

    /// Resolves what a person or client typed: empty and `main` mean the default agent's main
    /// session, a bare key belongs to the default agent, everything is lower-cased.
    #[must_use]
    pub fn canonical(raw: &str, default_agent: &AgentId) -> Self {
        let lower = raw.trim().to_lowercase();
        match lower.as_str() {
            "" | MAIN_KEY => Self::main_of(default_agent),
            "global" | "unknown" => Self(lower),
            key if key.starts_with("agent:") => Self(lower),
            key => Self(format!("agent:{default_agent}:{key}")),
        }
    }

    /// The agent named by the key, or `None` for the literals `global` and `unknown`.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        let rest = self.0.strip_prefix("agent:")?;
        let (agent, _) = rest.split_once(':')?;
        AgentId::normalise(agent)
    }

    /// Whether this is some agent's main session.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.agent().is_some_and(|agent| *self == Self::main_of(&agent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> String {
        SessionKey::canonical(raw, &AgentId::new("main")).into_string()
    }

    #[test]
    fn session_keys_have_one_spelling() {
        assert_eq!(canonical(""), "agent:main:main");
        assert_eq!(canonical("MAIN"), "agent:main:main");
        assert_eq!(canonical("Work"), "agent:main:work");
        assert_eq!(canonical("agent:ops:Main"), "agent:ops:main");
        assert_eq!(canonical("global"), "global");
        assert_eq!(SessionKey::new("agent:ops:main").agent(), Some(AgentId::new("ops")));
        assert!(SessionKey::new("agent:ops:main").is_main());
        assert!(!SessionKey::new("agent:ops:work").is_main());
    }

    #[test]
    fn agent_ids_are_bounded() {
        assert_eq!(AgentId::normalise("Ops-1"), Some(AgentId::new("ops-1")));
        for bad in ["", "-x", "a b", "ä", &"x".repeat(65)] {
            assert_eq!(AgentId::normalise(bad), None, "{bad}");
        }
    }
}
