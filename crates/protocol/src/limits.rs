//! Sizes and times of the wire, each with its unit.
//!
//! Source: `@openclaw/gateway-protocol@2026.9.1` and the peer's `hello-ok.policy`.

/// Largest inbound message once a connection is authenticated, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 26_214_400;
/// Largest inbound message before authentication, in bytes.
pub const MAX_PREAUTH_BYTES: usize = 65_536;
/// Outbound bytes that may wait for one slow client.
pub const MAX_BUFFERED_BYTES: usize = 52_428_800;
/// Inbound bytes of all connections together that may be in flight.
pub const MAX_IN_FLIGHT_BYTES: usize = 128 * 1024 * 1024;
/// Time from accept to a finished handshake, in milliseconds.
pub const HANDSHAKE_DEADLINE_MS: u64 = 15_000;
/// Interval of the `tick` event, in milliseconds; advertised in `hello-ok.policy`.
pub const TICK_INTERVAL_MS: u64 = 5_000;
/// A socket that answers no WebSocket ping for this long is dropped, in milliseconds.
pub const PONG_DEADLINE_MS: u64 = 25_000;
/// Sockets of one address that may be waiting for authentication.
pub const MAX_PREAUTH_SOCKETS_PER_ADDRESS: usize = 32;
/// Requests of one connection that may run or wait at once.
pub const MAX_REQUESTS_PER_CONNECTION: usize = 256;
/// Role-refused calls after which a socket is closed.
pub const MAX_UNAUTHORIZED_CALLS: u32 = 10;
/// Lifetime of a pending pairing request, in milliseconds.
pub const PAIRING_TTL_MS: u64 = 5 * 60 * 1000;
/// Sockets of one address that may be held open waiting for a pairing decision.
pub const MAX_HELD_SOCKETS_PER_ADDRESS: usize = 8;
/// Accepted clock difference of a device signature, in milliseconds.
pub const SIGNATURE_SKEW_MS: u64 = 10 * 60 * 1000;
/// Time an idempotency key is remembered, in milliseconds.
pub const LEDGER_TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// Shortest interval between two streamed deltas of one run, in milliseconds.
pub const DELTA_INTERVAL_MS: u64 = 150;
/// Longest session key, in characters.
pub const MAX_SESSION_KEY_CHARS: usize = 512;
