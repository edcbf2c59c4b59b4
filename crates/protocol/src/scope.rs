//! Roles and scopes, and the one function that says which scope implies which.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A person's client: CLI, UI, app. What a client is that does not say.
    #[default]
    Operator,
    /// A machine that offers commands.
    Node,
}

impl Role {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw {
            "operator" => Ok(Self::Operator),
            "node" => Ok(Self::Node),
            _ => Err(()),
        }
    }
}

macro_rules! scopes {
    ($( $(#[doc = $doc:literal])+ $name:ident = $wire:literal; )+) => {
        /// What an operator may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Scope {
            $( $(#[doc = $doc])+ #[serde(rename = $wire)] $name, )+
        }

        impl Scope {
            /// Every scope, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)+ }
            }
        }

        impl FromStr for Scope {
            type Err = ();

            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                match raw { $($wire => Ok(Self::$name),)+ _ => Err(()) }
            }
        }
    };
}

scopes! {
    /// Everything.
    Admin = "operator.admin";
    /// Read methods and events.
    Read = "operator.read";
    /// Everyday changes: chat, agent, send, invoke.
    Write = "operator.write";
    /// Exec and plugin approvals.
    Approvals = "operator.approvals";
    /// Questions asked by an agent.
    Questions = "operator.questions";
    /// Device and node pairing, and their tokens.
    Pairing = "operator.pairing";
    /// Voice sessions.
    Talk = "operator.talk";
    /// Voice configuration with its secrets.
    TalkSecrets = "operator.talk.secrets";
    /// Narrow session reading for external users.
    SessionsRead = "operator.sessions.read";
    /// Narrow session writing for external users.
    SessionsWrite = "operator.sessions.write";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scope {
    /// Whether holding `self` is enough where `needed` is asked for.
    ///
    /// Admin implies everything; write implies read, talk and session writing; read implies session
    /// reading; session writing implies session reading. The same for protocol 3 and 4.
    #[must_use]
    pub const fn implies(self, needed: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Write => matches!(
                needed,
                Self::Write | Self::Read | Self::Talk | Self::SessionsRead | Self::SessionsWrite
            ),
            Self::Read => matches!(needed, Self::Read | Self::SessionsRead),
            Self::SessionsWrite => matches!(needed, Self::SessionsWrite | Self::SessionsRead),
            Self::Approvals => matches!(needed, Self::Approvals),
            Self::Questions => matches!(needed, Self::Questions),
            Self::Pairing => matches!(needed, Self::Pairing),
            Self::Talk => matches!(needed, Self::Talk),
            Self::TalkSecrets => matches!(needed, Self::TalkSecrets),
            Self::SessionsRead => matches!(needed, Self::SessionsRead),
        }
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// The scopes a connection holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(u16);

impl ScopeSet {
    /// No scope at all.
    pub const EMPTY: Self = Self(0);

    /// Every scope there is.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// Reads the names a client asked for; names we do not know are dropped.
    pub fn parse<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        names.into_iter().filter_map(|name| name.as_ref().parse().ok()).collect()
    }

    /// Whether the set literally holds this scope.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether some scope of the set implies `needed`.
    #[must_use]
    pub fn allows(self, needed: Scope) -> bool {
        self.iter().any(|held| held.implies(needed))
    }

    /// Whether every scope of `wanted` is implied by this set.
    #[must_use]
    pub fn covers(self, wanted: Self) -> bool {
        wanted.iter().all(|scope| self.allows(scope))
    }

    /// The scopes of `self` that `limit` implies.
    #[must_use]
    pub fn limited_to(self, limit: Self) -> Self {
        self.iter().filter(|scope| limit.allows(*scope)).collect()
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no scope is held.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes held, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }

    /// The names held, sorted, as `hello-ok` and stored grants list them.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<_> = self.iter().map(|scope| scope.as_str().to_owned()).collect();
        names.sort();
        names
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(Vec::<String>::deserialize(deserializer)?))
    }
}

impl JsonSchema for ScopeSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScopeSet".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<Scope>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implication_is_reflexive_and_admin_is_top() {
        for scope in Scope::ALL {
            assert!(scope.implies(*scope), "{scope}");
            assert!(Scope::Admin.implies(*scope), "{scope}");
            assert!(*scope == Scope::Admin || !scope.implies(Scope::Admin), "{scope}");
        }
    }

    #[test]
    fn write_reads_but_read_does_not_write() {
        let write: ScopeSet = [Scope::Write].into_iter().collect();
        let read: ScopeSet = [Scope::Read].into_iter().collect();
        assert!(write.allows(Scope::Read) && write.covers(read));
        assert!(!read.allows(Scope::Write) && !read.covers(write));
        assert_eq!(write.limited_to(read), ScopeSet::EMPTY);
        assert_eq!(ScopeSet::parse(["operator.read", "nonsense"]), read);
        assert_eq!(read.names(), ["operator.read"]);
    }
}
