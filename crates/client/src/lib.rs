//! The client side of the Gateway protocol: connect, prove, call, listen, come back.
//!
//! An [`Endpoint`] says how a Gateway is reached ([`Dial`]), what may be told to it
//! ([`credentials::Plan`]), and whose key it must show ([`Pin`]). [`Client::connect`] lets the Gateway
//! prove itself first, sends what `docs/trust.md` allows and nothing else, and hands out a [`Client`]
//! for typed calls and events. [`Reconnecting`] keeps one alive.
//!
//! No secret is ever sent to a pinned Gateway, and none to one that cannot prove itself unless it was
//! given for exactly that endpoint.

pub mod credentials;
pub mod dial;
pub mod endpoint;
pub mod error;
pub mod options;
pub mod saved;

pub mod client;
pub mod events;
pub mod hello;
pub mod knock;
pub mod reconnect;
pub mod resume;

mod handshake;
mod link;
mod stream;

pub use client::{Answers, CallOptions, Client, Step};
pub use credentials::{CredentialError, Plan, Secret, SecretSource};
pub use dial::{
    Dial, DialError, DialStep, DialTimes, Dialed, Fingerprint, NoFingerprint, SshFailure,
    SshProblem, Target, TcpDial, UnixDial,
};
pub use endpoint::{Endpoint, Pin, Proof};
pub use error::{ClientError, CloseReason, ErrorKind, PairingRequired, Stage};
pub use events::{Delivery, Event, Events};
pub use hello::Hello;
pub use options::{ClientOptions, PairingNotice, PairingWait};
pub use reconnect::{LinkState, Reconnecting};
pub use resume::ResumePoint;
pub use saved::{SavedFile, SavedGateway};
