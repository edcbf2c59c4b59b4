//! The event table: one row per event, listed once in `with_events!`.

use crate::row::{Event, EventRow};

pub mod core;

/// Hands the path of every event row to another macro, as `with_methods!` does for methods.
#[macro_export]
macro_rules! with_events {
    ($callback:path) => {
        $callback! {
            $crate::events::core::ConnectChallenge,
            $crate::events::core::Tick,
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

/// The names listed in `hello-ok.features.events`, sorted.
#[must_use]
pub fn advertised() -> Vec<String> {
    let mut names: Vec<_> =
        EVENTS.iter().filter(|row| row.advertised).map(|row| row.name.to_owned()).collect();
    names.sort();
    names
}
