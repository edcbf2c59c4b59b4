//! Events of the connection and of the Gateway itself.

use crate::{
    macros::record,
    methods::system::HealthSnapshot,
    presence::PresenceEntry,
    row::{Gate, Since, events},
    scope::Scope,
    trust::GatewayProof,
};

record! {
    /// Payload of `connect.challenge`.
    ChallengePayload {
        /// What the client signs.
        nonce: String,
        /// The Gateway's clock, in milliseconds since 1970.
        ts: u64,
        /// What `connect` may ask for.
        capabilities?: Vec<String>,
        /// The Gateway's own proof; only for clients that sent a nonce in the upgrade request.
        gateway?: GatewayProof,
    }

    /// Payload of `tick`.
    TickPayload {
        /// The Gateway's clock, in milliseconds since 1970.
        ts: u64,
    }

    /// Payload of `presence`.
    PresencePayload {
        /// Who is connected now.
        presence: Vec<PresenceEntry>,
    }

    /// Payload of `shutdown`.
    ShutdownPayload {
        /// Why.
        reason: String,
        /// How long until the Gateway is back, in milliseconds; absent when it is not coming back.
        restart_expected_ms?: u64,
    }

    /// Payload of `config.changed`.
    ConfigChangedPayload {
        /// Names the new state of the configuration, as `config.get` does.
        hash?: String,
        /// Keys that changed.
        paths: Vec<String>,
    }
}

events! {
    /// Sent at once on every new socket; the client answers with `connect`.
    ConnectChallenge = "connect.challenge", Gate::PreAuth, ChallengePayload;
    /// Sent at the advertised interval, so that a silent link is noticed.
    Tick = "tick", Gate::Everyone, TickPayload { droppable: true };
    /// The health snapshot was taken anew.
    Health = "health", Gate::Everyone, HealthSnapshot { droppable: true, coalesces: true }
        [
            fn coalesce_key(_: &HealthSnapshot) -> Option<String> {
                Some(String::new())
            }
        ];
    /// Somebody came or went.
    Presence = "presence", Gate::Scope(Scope::Read), PresencePayload
        { droppable: true, coalesces: true }
        [
            fn coalesce_key(_: &PresencePayload) -> Option<String> {
                Some(String::new())
            }
        ];
    /// The Gateway is about to stop.
    Shutdown = "shutdown", Gate::Everyone, ShutdownPayload;
    /// The configuration was read anew.
    ConfigChanged = "config.changed", Gate::Scope(Scope::Read), ConfigChangedPayload
        { since: Since::V4 };
}
