//! Between the wire and the domain of the conversation: what a request means, and how stored rows,
//! runs and models are shown. Nothing here decides anything; handlers call it on both sides of the
//! domain.

pub mod attachments;
pub mod device;
pub mod extra;
pub mod failure;
pub mod history;
pub mod message;
pub mod models;
pub mod route;
pub mod run;
pub mod session;
pub mod target;
pub mod words;
