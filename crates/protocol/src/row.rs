//! The columns of the method table and of the event table.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ids::SessionKey,
    scope::{Role, Scope},
};

/// Which generation of the protocol first had a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Served by protocol 3 already.
    V3,
    /// New in protocol 4.
    V4,
    /// Ours; advertised as a capability.
    Ours,
}

/// What an idempotency key means to a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// The method takes no key.
    None,
    /// A key may be given.
    Optional,
    /// The params require a key.
    Required,
    /// The key is the run id: the run table remembers, not the ledger.
    Run,
}

/// The scope a method needs, before its params are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseScope {
    /// Always this one.
    Fixed(Scope),
    /// At least this one; [`Rpc::scope_for`] may ask for more once the params are decoded.
    Dynamic(Scope),
}

impl BaseScope {
    /// The least scope that is ever enough.
    #[must_use]
    pub const fn least(self) -> Scope {
        match self {
            Self::Fixed(scope) | Self::Dynamic(scope) => scope,
        }
    }
}

/// One method of the protocol, apart from its types.
#[derive(Clone, Copy, Debug)]
pub struct MethodRow {
    /// Name on the wire.
    pub name: &'static str,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// Scope needed.
    pub scope: BaseScope,
    /// Who may call it.
    pub role: Role,
    /// What an idempotency key means.
    pub idempotency: Idempotency,
    /// Whether a first response with `status: "accepted"` may precede the final one.
    pub interim: bool,
    /// Whether requests with one queue key run in arrival order. A row that may answer twice gives
    /// its place up with the first answer, so that a run never holds back what would stop it.
    pub queued: bool,
    /// Whether the result holds a secret, so the ledger does not keep it.
    pub secret_result: bool,
    /// Whether it may take as long as it takes: it waits for a run.
    pub unbounded: bool,
    /// Whether `hello-ok.features.methods` lists it.
    pub advertised: bool,
    /// First generation that had it.
    pub since: Since,
}

impl MethodRow {
    /// A plain operator method of protocol 3; rows override what differs.
    #[must_use]
    pub const fn new(name: &'static str, doc: &'static str, scope: Scope) -> Self {
        Self {
            name,
            doc,
            scope: BaseScope::Fixed(scope),
            role: Role::Operator,
            idempotency: Idempotency::None,
            interim: false,
            queued: false,
            secret_result: false,
            unbounded: false,
            advertised: true,
            since: Since::V3,
        }
    }

    /// Whether it only reads: it may be asked twice, and given up on the way.
    #[must_use]
    pub const fn only_reads(&self) -> bool {
        !self.queued
            && !self.interim
            && matches!(self.idempotency, Idempotency::None)
            && matches!(self.scope.least(), Scope::Read)
    }
}

/// A method, named by a type.
pub trait Rpc: Send + Sync + 'static {
    /// Its row.
    const ROW: MethodRow;
    /// Its name on the wire, `ROW.name` as a constant that patterns can use.
    const NAME: &'static str = Self::ROW.name;
    /// What the request carries.
    type Params: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;
    /// What the response carries.
    type Result: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The scope needed for these params.
    fn scope_for(_params: &Self::Params) -> Scope {
        Self::ROW.scope.least()
    }

    /// Requests with the same key run in arrival order (rows with `queued`).
    fn queue_key(_params: &Self::Params) -> Option<String> {
        None
    }

    /// The idempotency key, if these params carry one.
    fn idempotency_key(_params: &Self::Params) -> Option<&str> {
        None
    }
}

/// Declares methods: `NAME = "wire.name", Scope, Params => Result { row overrides } [trait overrides]`.
///
/// ```text
/// methods! {
///     /// Sends a message to a session.
///     ChatSend = "chat.send", Write, ChatSendParams => ChatSendResult
///     { queued: true, idempotency: Idempotency::Required }
///     [
///         fn queue_key(params: &ChatSendParams) -> Option<String> { … }
///         fn idempotency_key(params: &ChatSendParams) -> Option<&str> { … }
///     ];
/// }
/// ```
macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $wire:literal, $scope:ident, $params:ty => $result:ty
        $({ $($field:ident : $value:expr),+ $(,)? })?
        $([ $($extra:item)+ ])?;
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl $crate::row::Rpc for $name {
            const ROW: $crate::row::MethodRow = $crate::row::MethodRow {
                $($($field: $value,)+)?
                ..$crate::row::MethodRow::new($wire, concat!($($doc),+), $crate::scope::Scope::$scope)
            };
            const NAME: &'static str = $wire;
            type Params = $params;
            type Result = $result;
            $($($extra)+)?
        }
    )+};
}
pub(crate) use methods;

/// Who may see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Sent before authentication.
    PreAuth,
    /// Every connection.
    Everyone,
    /// Operators that hold the scope.
    Scope(Scope),
    /// Operators that hold the scope; those with the capability
    /// [`crate::client_info::CAP_SESSION_SCOPED_EVENTS`] only for sessions whose messages they
    /// subscribed to.
    Session(Scope),
    /// Operators that hold the scope and called `sessions.subscribe`.
    SessionList(Scope),
    /// Operators that hold the scope and subscribed to this session's messages.
    SessionMessages(Scope),
    /// Connections named by whoever sends it.
    Direct,
}

/// One event of the protocol, apart from its payload type.
#[derive(Clone, Copy, Debug)]
pub struct EventRow {
    /// Name on the wire.
    pub name: &'static str,
    /// When it is sent, in a sentence.
    pub doc: &'static str,
    /// Who may see it.
    pub gate: Gate,
    /// Whether a slow client may miss it.
    pub droppable: bool,
    /// Whether a newer one with the same key may replace one that still waits.
    pub coalesces: bool,
    /// Whether `hello-ok.features.events` lists it.
    pub advertised: bool,
    /// First generation that had it.
    pub since: Since,
}

impl EventRow {
    /// A row; fields that differ are overridden.
    #[must_use]
    pub const fn new(name: &'static str, doc: &'static str, gate: Gate) -> Self {
        Self {
            name,
            doc,
            gate,
            droppable: false,
            coalesces: false,
            advertised: true,
            since: Since::V3,
        }
    }
}

/// An event, named by a type.
pub trait Event: Send + Sync + 'static {
    /// Its row.
    const ROW: EventRow;
    /// What it carries.
    type Payload: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The session it is about, for gates that ask.
    fn session_key(_payload: &Self::Payload) -> Option<&SessionKey> {
        None
    }

    /// While an event with this key waits for a slow client, a newer one may take its place (rows
    /// with `coalesces`).
    fn coalesce_key(_payload: &Self::Payload) -> Option<String> {
        None
    }
}

/// Declares events: `Name = "wire.name", Gate, Payload { row overrides } [trait overrides];`.
macro_rules! events {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $wire:literal, $gate:expr, $payload:ty
        $({ $($field:ident : $value:expr),+ $(,)? })?
        $([ $($extra:item)+ ])?;
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl $crate::row::Event for $name {
            const ROW: $crate::row::EventRow = $crate::row::EventRow {
                $($($field: $value,)+)?
                ..$crate::row::EventRow::new($wire, concat!($($doc),+), $gate)
            };
            type Payload = $payload;
            $($($extra)+)?
        }
    )+};
}
pub(crate) use events;
