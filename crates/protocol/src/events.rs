//! The event table: one row per event, listed once in `with_events!`.

use crate::row::{Event, EventRow};

pub mod approvals;
pub mod chat;
pub mod core;
pub mod nodes;
pub mod pairing;
pub mod sessions;
pub mod voicewake;

/// Hands the path of every event row to another macro, as `with_methods!` does for methods.
#[macro_export]
macro_rules! with_events {
    ($callback:path) => {
        $callback! {
            $crate::events::core::ConnectChallenge,
            $crate::events::core::Tick,
            $crate::events::core::Health,
            $crate::events::core::Presence,
            $crate::events::core::Shutdown,
            $crate::events::core::ConfigChanged,
            $crate::events::chat::Chat,
            $crate::events::chat::Agent,
            $crate::events::chat::SessionTool,
            $crate::events::chat::ChatMetadataChanged,
            $crate::events::sessions::SessionsChanged,
            $crate::events::sessions::SessionMessage,
            $crate::events::pairing::DevicePairRequested,
            $crate::events::pairing::DevicePairResolved,
            $crate::events::pairing::DevicePairChanged,
            $crate::events::approvals::ExecApprovalRequested,
            $crate::events::approvals::ExecApprovalResolved,
            $crate::events::nodes::NodeInvokeRequest,
            $crate::events::nodes::NodeInvokeCancel,
            $crate::events::voicewake::VoicewakeChanged,
            $crate::events::voicewake::VoicewakeRoutingChanged,
        }
    };
}

/// Visits every event with its payload type in hand.
pub trait Visitor {
    /// Called once per row.
    fn visit<E: Event>(&mut self);
}

macro_rules! table {
    ($($row:path),+ $(,)?) => {
        /// Every row, in the order of the list.
        pub const EVENTS: &[EventRow] = &[$(<$row as Event>::ROW),+];

        /// Visits every row.
        pub fn visit_events(visitor: &mut impl Visitor) {
            $(visitor.visit::<$row>();)+
        }
    };
}
with_events!(table);

/// The row of an event.
#[must_use]
pub fn find(name: &str) -> Option<&'static EventRow> {
    EVENTS.iter().find(|row| row.name == name)
}

/// The names listed in `hello-ok.features.events`, sorted.
#[must_use]
pub fn advertised() -> Vec<String> {
    let mut names: Vec<_> =
        EVENTS.iter().filter(|row| row.advertised).map(|row| row.name.to_owned()).collect();
    names.sort();
    names
}
