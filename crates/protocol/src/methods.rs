//! The method table: one row per method, grouped by family, listed once in `with_methods!`.
//!
//! To add a method, write its row in its family's file and add its path to the list below. The router
//! then fails to compile until somebody handles it, and documentation, contract test and rights test
//! pick it up by themselves.

use crate::row::{MethodRow, Rpc};

pub mod system;

/// Hands the path of every row to another macro: `with_methods!(callback)` calls
/// `callback! { path, path, … }`.
#[macro_export]
macro_rules! with_methods {
    ($callback:path) => {
        $callback! {
            $crate::methods::system::Health,
        }
    };
}

/// Visits every method with its types in hand.
pub trait Visitor {
    /// Called once per row.
    fn visit<M: Rpc>(&mut self);
}

macro_rules! table {
    ($($row:path),+ $(,)?) => {
        /// Every row, in the order of the list.
        pub const METHODS: &[MethodRow] = &[$(<$row as Rpc>::ROW),+];

        /// Visits every row.
        pub fn visit_methods(visitor: &mut impl Visitor) {
            $(visitor.visit::<$row>();)+
        }
    };
}
with_methods!(table);

/// The row of a method.
#[must_use]
pub fn find(name: &str) -> Option<&'static MethodRow> {
    METHODS.iter().find(|row| row.name == name)
}

/// The names listed in `hello-ok.features.methods`, sorted.
#[must_use]
pub fn advertised() -> Vec<String> {
    let mut names: Vec<_> =
        METHODS.iter().filter(|row| row.advertised).map(|row| row.name.to_owned()).collect();
    names.sort();
    names
}
