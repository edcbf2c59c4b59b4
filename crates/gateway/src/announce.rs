//! Telling operators, and the device that waits, what happens to a pairing request.

use openclaw_protocol::{
    events::pairing::{
        DevicePairRequested, DevicePairResolved, DevicePairResolvedPayload, PairingDecision,
    },
    ids::{DeviceId, PairingRequestId},
};
use openclaw_store::devices::PairingRequest;

use crate::{shape::device::wire_request, state::State};

/// Tells operators that somebody asks.
pub fn request_filed(state: &State, request: &PairingRequest) {
    tracing::info!(
        request = %request.request_id,
        device = %request.ask.info.device_id,
        role = %request.ask.role,
        "pairing requested"
    );
    state.events.publish::<DevicePairRequested>(&wire_request(request));
}

/// Tells operators and the waiting client what was decided.
pub fn request_decided(
    state: &State,
    request: &PairingRequestId,
    device: &DeviceId,
    decision: PairingDecision,
) {
    let resolved = DevicePairResolvedPayload {
        request_id: request.clone(),
        device_id: device.clone(),
        decision,
        ts: state.clock.now_ms(),
    };
    state.events.publish::<DevicePairResolved>(&resolved);
    state.pairing.resolve(&resolved);
}
