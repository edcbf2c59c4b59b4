//! What tests share: a whole Gateway, a client that speaks the wire by hand, and stand-ins for what is
//! outside.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::allow_attributes,
    reason = "test code: a failed expectation is the result"
)]

pub mod dns;
pub mod fake_tailscale;
pub mod fake_telegram;
pub mod fault_proxy;
pub mod gateway;
pub mod http;
pub mod mcp_stand_in;
pub mod network;
pub mod played_model;
pub mod scripted_model;
pub mod service_manager;
pub mod squatter;
pub mod sshd;
pub mod tls_relay;
pub mod wire;

pub use fake_tailscale::FakeTailscale;
pub use fault_proxy::FaultProxy;
pub use gateway::{GatewayOptions, TestGateway};
pub use service_manager::FakeServiceManager;
pub use wire::{Closed, WireClient, connect_params};
