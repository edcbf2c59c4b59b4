//! Channels: where people write to agents and are answered.
//!
//! ```text
//! Channel::listen ─► Inbox: backlog, policy, pairing ─► routing: agent, session ─► Intake (a run)
//!                                                                                     │
//! Channel::send ◄── Courier: in order per chat, with back-off ◄── outbox ◄────────────┘ one transaction
//! Channel::draft ◄── Drafts: the answer while it grows
//! ```
//!
//! A channel is a crate of its own behind [`Channel`]; this one holds what all of them share and knows
//! none of them. It does not know agents either: whoever composes them gives it an [`Intake`].

mod accounts;
mod acks;
mod channel;
mod choice;
mod courier;
mod drafts;
mod hub;
mod inbox;
mod media;
pub mod mentions;
mod message;
pub mod pairing;
pub mod policy;
pub mod routing;
mod status;
mod web;

pub use openclaw_store::arrivals::Arrival;

pub use self::{
    channel::{Channel, ChannelError, Draft, Outgoing, OutgoingFile, SendError},
    choice::{Choice, Decide, Decided, Decision, Question},
    hub::{Hub, HubParts},
    inbox::{Inbox, Intake, IntakeError, NotTaken, Taken, Turn},
    media::{Fetched, Received},
    message::{Author, ChatKind, Inbound, Media, Quoted},
    status::{AccountStatus, Condition},
    web::{WebCall, WebReply},
};
