//! The security audit: what a person has done to a Gateway's surroundings that lets others in.
//!
//! [`gather`] collects [`Facts`] once: configuration, files, processes, sockets. [`audit`] is a pure
//! function of them. Every check is one row of [`checks`]: id, severity, title, a function from facts to
//! [`Hit`]s, and what to do. [`fix`] does what is safe to do by itself.
//!
//! Ids that the original documents keep their meaning; ours are marked in the table.

pub mod facts;
pub mod fix;

mod check;
mod checks;
mod gather;
mod raw;
mod report;
mod severity;

pub use check::{Check, Fix, Hit, Origin};
pub use checks::all as checks;
pub use facts::Facts;
pub use gather::{Overrides, Sources, gather};
pub use raw::Raw;
pub use report::{Finding, Report, Summary, audit};
pub use severity::Severity;
