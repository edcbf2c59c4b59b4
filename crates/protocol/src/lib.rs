//! The Gateway protocol as types: frames, handshake, errors, scopes, and one row per method and event.
//!
//! Nothing here touches a socket, a file, or a clock. Router, client, documentation and tests all read
//! the same rows ([`methods`], [`events`]), so a fact about the wire stands in exactly one place.
//!
//! Names, field shapes and limits follow the published contract `@openclaw/gateway-protocol@2026.9.1`
//! and, where the contract is silent, what the peer `openclaw@2026.9.6` was seen to send.

mod macros;
mod object;

pub mod ids;
pub mod limits;
pub mod list;
pub mod patch;
pub mod text;

pub mod client_info;
pub mod error;
pub mod frame;
pub mod scope;

pub mod connect;
pub mod hello;
pub mod presence;
pub mod resume;
pub mod trust;

pub mod params;
pub mod row;
pub mod transcript;

pub mod events;
pub mod methods;

pub use error::{DetailCode, ErrorCode, RpcError};
pub use patch::Patch;
pub use row::{EventRow, MethodRow, Rpc};
pub use scope::{Role, Scope, ScopeSet};

/// The protocol version this project calls home.
pub const PROTOCOL_V4: u32 = 4;
/// The older protocol version that is served as well.
pub const PROTOCOL_V3: u32 = 3;
/// The TCP port a Gateway listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 18789;
