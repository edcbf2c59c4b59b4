//! Devices that ask, as lists and events show them.

use openclaw_protocol::events::pairing::DevicePairRequestedPayload;
use openclaw_store::devices::PairingRequest;

/// A pending request as lists and events show it.
#[must_use]
pub fn wire_request(request: &PairingRequest) -> DevicePairRequestedPayload {
    let ask = &request.ask;
    DevicePairRequestedPayload {
        request_id: request.request_id.clone(),
        device_id: ask.info.device_id.clone(),
        public_key: ask.info.public_key.clone(),
        display_name: ask.info.display_name.clone(),
        platform: ask.info.platform.clone(),
        device_family: ask.info.device_family.clone(),
        client_id: ask.info.client_id.clone(),
        client_mode: ask.info.client_mode.clone(),
        browser_origin: None,
        role: Some(ask.role.as_str().to_owned()),
        roles: Some(vec![ask.role.as_str().to_owned()]),
        scopes: Some(ask.scopes.names()),
        commands: (!ask.commands.is_empty()).then(|| ask.commands.clone()),
        remote_ip: ask.info.remote_ip.clone(),
        silent: Some(false),
        is_repair: Some(ask.reason != "not-paired"),
        ts: request.created_at_ms,
    }
}
