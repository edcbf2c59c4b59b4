//! The chat in a terminal: what is shown, what keys do, and nothing of how a Gateway is reached.
//!
//! [`App`] is a state machine without I/O. It is handed keys and what the Gateway said ([`Told`]), and
//! hands back what to ask of the Gateway ([`Ask`]). Whatever was asked while the link was down is asked
//! again once it is up; a message keeps its idempotency key, so none is ever said twice. [`Screen`] is
//! the only part that touches a terminal.

mod app;
mod choices;
mod conversation;
mod keys;
mod overlay;
mod screen;
mod view;

pub use app::{App, Ask, Options, Outgoing, Told};
pub use screen::{Screen, TerminalEvent};
pub use view::Picture;
