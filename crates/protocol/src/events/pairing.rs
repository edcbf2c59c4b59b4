//! Devices that ask to be let in, and what became of them.

pub use crate::methods::devices::DevicePairRequestedPayload;
use crate::{
    ids::{DeviceId, PairingRequestId},
    macros::{names, record},
    row::{Gate, Since, events},
    scope::Scope,
};

record! {
    /// Payload of `device.pair.resolved`.
    DevicePairResolvedPayload {
        /// The request.
        request_id: PairingRequestId,
        /// The device.
        device_id: DeviceId,
        /// What was decided.
        decision: PairingDecision,
        /// When, in milliseconds since 1970.
        ts: u64,
    }

    /// Payload of `device.pair.changed`.
    DevicePairChangedPayload {
        /// The device whose pairing, name or tokens changed.
        device_id?: DeviceId,
    }
}

names! {
    /// What was decided about a device.
    PairingDecision = Rejected {
        /// It is let in.
        Approved = "approved",
        /// It is turned away.
        Rejected = "rejected",
    }
}

events! {
    /// A device asks to be let in, or for more than it has.
    DevicePairRequested = "device.pair.requested", Gate::Scope(Scope::Pairing),
        DevicePairRequestedPayload;
    /// A request was decided. A waiting device of ours is told over the socket it holds open.
    DevicePairResolved = "device.pair.resolved", Gate::Scope(Scope::Pairing),
        DevicePairResolvedPayload;
    /// The list of paired devices changed.
    DevicePairChanged = "device.pair.changed", Gate::Scope(Scope::Pairing),
        DevicePairChangedPayload { since: Since::V4, coalesces: true }
        [
            fn coalesce_key(_: &DevicePairChangedPayload) -> Option<String> {
                Some(String::new())
            }
        ];
}
