//! Taking up where a lost connection ended: what our own client and Gateway say about it.
//!
//! A client that puts [`CAPABILITY`] among its capabilities may name, in the `connect` of its next
//! connection, what it had ([`ResumeParams`]). The Gateway then either sends exactly what was missed, or
//! says what to read anew ([`ResumeOutcome`] in `hello-ok`). Other clients notice nothing. The contract
//! is in `docs/resume.md`.

use crate::{
    ids::SessionKey,
    macros::{names, params, record},
    text::{Int0, NonEmpty},
};

/// In `connect.caps`: the client can take up; in `hello-ok.features.capabilities`: the Gateway can.
pub const CAPABILITY: &str = "event-resume-v1";
/// Sessions whose messages one connection watches at most.
pub const MAX_SESSIONS: usize = 256;

params! {
    /// What a client had when its last connection ended.
    ResumeParams {
        /// `server.bootId` of that connection's `hello-ok`.
        boot_id: NonEmpty,
        /// `server.connId` of that connection's `hello-ok`.
        conn_id: NonEmpty,
        /// `seq` of the last event that came; 0 if none did.
        last_seq: Int0,
        /// Whether `sessions.subscribe` was in force.
        #[serde(default)]
        session_list: bool,
        /// Sessions whose messages were watched; at most [`MAX_SESSIONS`] are taken.
        #[serde(default)]
        messages: Vec<SessionKey>,
    }
}

record! {
    /// What came of it, in `hello-ok`.
    ResumeOutcome {
        /// Whether the events that follow are exactly those that were missed.
        resumed: bool,
        /// How many were missed and follow at once.
        replayed?: u64,
        /// Why not, and what to do.
        resync?: Resync,
    }

    /// Why a connection cannot take up, and what to read anew.
    Resync {
        /// Why.
        reason: ResyncReason,
        /// Methods whose answers may have changed.
        reload: Vec<String>,
    }
}

names! {
    /// Why a connection cannot take up.
    ResyncReason = UnknownBoot {
        /// The Gateway was started anew.
        UnknownBoot = "unknown-boot",
        /// The connection was never there, could not resume, or has been gone for too long.
        UnknownConnection = "unknown-connection",
        /// What was missed is not kept any more.
        RingOverrun = "ring-overrun",
        /// The connection was somebody else's.
        OtherPrincipal = "other-principal",
    }
}
