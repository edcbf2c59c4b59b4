//! What happened about access: the audit trail. Ours, no part of the published contract.

use crate::{
    macros::{names, params, record},
    row::{Since, methods},
    text::{Int, Int0},
};

params! {
    /// Params of `security.trail`.
    #[derive(Default)]
    SecurityTrailParams {
        /// Only entries of this kind.
        kind?: TrailKindName,
        /// Only entries older than this id.
        before?: Int0,
        /// Most entries; 100 if absent.
        limit?: Int<1, 1_000>,
    }
}

names! {
    /// What an entry is about.
    TrailKindName = Connect {
        /// Somebody connected.
        Connect = "connect",
        /// Somebody was refused.
        Refusal = "refusal",
        /// An address has to wait.
        Lockout = "lockout",
        /// A device asked, was let in, turned away, or removed.
        Pairing = "pairing",
        /// The shared secret was replaced.
        Secret = "secret",
        /// Somebody decided on a command, or the list did.
        Approval = "approval",
        /// The configuration was changed.
        Config = "config",
        /// The Gateway started or stopped.
        Gateway = "gateway",
    }
}

record! {
    /// Result of `security.trail`: the newest entries, newest first.
    SecurityTrailResult {
        /// The entries.
        entries: Vec<TrailRecord>,
    }

    /// One entry.
    TrailRecord {
        /// Grows with every entry.
        id: u64,
        /// When it happened first, in milliseconds since 1970.
        at_ms: u64,
        /// When it happened last; what repeats within a minute is one entry.
        last_ms: u64,
        /// How often.
        count: u64,
        /// What it is about.
        kind: String,
        /// What came of it: how somebody was admitted, an error code, `approved`, …
        outcome: String,
        /// Who: a device id, `owner`, or a program.
        who: String,
        /// From where: an address, or the owner's door.
        origin: String,
        /// The rest.
        detail: String,
    }
}

methods! {
    /// Lists who connected, who was refused, and what was changed about rights.
    SecurityTrail = "security.trail", Admin, SecurityTrailParams => SecurityTrailResult
        { since: Since::Ours };
}
