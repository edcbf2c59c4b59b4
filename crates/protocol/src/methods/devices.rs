//! Paired devices, those that wait, and their tokens.

use crate::{
    ids::{DeviceId, PairingRequestId},
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    scope::ScopeSet,
    text::{NonEmpty, SecretText, Text},
};

params! {
    /// Params of `device.pair.approve` and `device.pair.reject`.
    PairingDecisionParams {
        /// Which request.
        request_id: NonEmpty,
    }

    /// Params of `device.pair.remove`.
    DevicePairRemoveParams {
        /// Which device.
        device_id: NonEmpty,
    }

    /// Params of `device.pair.rename`.
    DevicePairRenameParams {
        /// Which device.
        device_id: NonEmpty,
        /// Its name from now on.
        label: Text<1, 64>,
    }

    /// Params of `device.token.rotate`.
    DeviceTokenRotateParams {
        /// Which device.
        device_id: NonEmpty,
        /// Which of its roles.
        role: NonEmpty,
        /// Scopes of the new token; absent means those it had.
        scopes?: Vec<NonEmpty>,
    }

    /// Params of `device.token.revoke`.
    DeviceTokenRevokeParams {
        /// Which device.
        device_id: NonEmpty,
        /// Which of its roles.
        role: NonEmpty,
    }
}

record! {
    /// Payload of `device.pair.requested`, and a line of `device.pair.list`.
    DevicePairRequestedPayload {
        /// Names the request; stays the same while the request does.
        request_id: PairingRequestId,
        /// The device.
        device_id: DeviceId,
        /// Raw Ed25519 key, unpadded base64url.
        public_key: String,
        /// What it calls itself.
        display_name?: String,
        /// Operating system.
        platform?: String,
        /// Kind of device.
        device_family?: String,
        /// Program that asks.
        client_id?: String,
        /// Coarse kind of program.
        client_mode?: String,
        /// Page it asks from.
        browser_origin?: String,
        /// Role it asks for.
        role?: String,
        /// All roles it would have.
        roles?: Vec<String>,
        /// Scopes it asks for.
        scopes?: Vec<String>,
        /// Commands it offers, as a node.
        commands?: Vec<String>,
        /// Address it asks from.
        remote_ip?: String,
        /// Whether nobody need be asked.
        silent?: bool,
        /// Whether the device is known and asks for more.
        is_repair?: bool,
        /// When it last asked, in milliseconds since 1970.
        ts: u64,
    }

    /// Result of `device.pair.list`.
    DevicePairListResult {
        /// Requests that wait for a decision.
        pending: Vec<DevicePairRequestedPayload>,
        /// Paired devices.
        paired: Vec<PairedDevice>,
    }

    /// A paired device, without its secrets.
    PairedDevice {
        /// The device.
        device_id: DeviceId,
        /// Raw Ed25519 key, unpadded base64url.
        public_key: String,
        /// What it called itself.
        display_name?: String,
        /// What the owner calls it.
        operator_label?: String,
        /// Operating system.
        platform?: String,
        /// Kind of device.
        device_family?: String,
        /// Program that paired.
        client_id?: String,
        /// Coarse kind of program.
        client_mode?: String,
        /// First role.
        role?: String,
        /// All roles.
        #[serde(default)]
        roles: Vec<String>,
        /// All scopes.
        #[serde(default)]
        scopes: ScopeSet,
        /// Address it paired from.
        remote_ip?: String,
        /// One entry per role.
        #[serde(default)]
        tokens: Vec<DeviceTokenSummary>,
        /// When it first asked, in milliseconds since 1970.
        created_at_ms: u64,
        /// When it was approved, in milliseconds since 1970.
        approved_at_ms: u64,
        /// Who approved: `silent`, or a person's way.
        approved_via?: String,
        /// When it was last connected, in milliseconds since 1970.
        last_seen_at_ms?: u64,
        /// What for.
        last_seen_reason?: String,
        /// Whether it is connected now.
        connected?: bool,
    }

    /// A device's right to act in one role.
    DeviceTokenSummary {
        /// The role.
        role: String,
        /// Its scopes.
        scopes: ScopeSet,
        /// When it was granted, in milliseconds since 1970.
        created_at_ms: u64,
        /// When its token was last rotated, in milliseconds since 1970.
        rotated_at_ms?: u64,
        /// When it was revoked, in milliseconds since 1970.
        revoked_at_ms?: u64,
        /// When it was last used, in milliseconds since 1970.
        last_used_at_ms?: u64,
    }

    /// Result of `device.pair.approve`.
    DevicePairApproveResult {
        /// The request.
        request_id: PairingRequestId,
        /// The device it became.
        device: PairedDevice,
    }

    /// Result of `device.pair.reject`.
    DevicePairRejectResult {
        /// The request.
        request_id: PairingRequestId,
        /// The device that is turned away.
        device_id: DeviceId,
    }

    /// Result of `device.pair.remove`.
    DevicePairRemoveResult {
        /// The device.
        device_id: DeviceId,
    }

    /// Result of `device.pair.rename`.
    DevicePairRenameResult {
        /// The device.
        device_id: DeviceId,
        /// Its name now.
        label: String,
    }

    /// Result of `device.token.rotate`.
    DeviceTokenRotateResult {
        /// The device.
        device_id: DeviceId,
        /// The role.
        role: String,
        /// The new token; only for the device itself.
        token?: SecretText,
        /// Its scopes.
        scopes: ScopeSet,
        /// When, in milliseconds since 1970.
        rotated_at_ms: u64,
        /// Whether the token is here.
        token_delivery?: TokenDelivery,
    }

    /// Result of `device.token.revoke`.
    DeviceTokenRevokeResult {
        /// The device.
        device_id: DeviceId,
        /// The role.
        role: String,
        /// When, in milliseconds since 1970.
        revoked_at_ms: u64,
    }
}

names! {
    /// Whether a new token is in the answer.
    TokenDelivery {
        /// It is: the device rotated its own.
        InBand = "in-band",
        /// It is not: somebody else asked, and the device gets it when it connects.
        WithheldCrossDevice = "withheld-cross-device",
    }
}

methods! {
    /// Lists paired devices and pending requests.
    DevicePairList = "device.pair.list", Pairing, NoParams => DevicePairListResult;
    /// Lets a waiting device in.
    DevicePairApprove = "device.pair.approve", Pairing, PairingDecisionParams
        => DevicePairApproveResult;
    /// Turns a waiting device away.
    DevicePairReject = "device.pair.reject", Pairing, PairingDecisionParams => DevicePairRejectResult;
    /// Forgets a device and cuts its connections.
    DevicePairRemove = "device.pair.remove", Pairing, DevicePairRemoveParams
        => DevicePairRemoveResult;
    /// Gives a device a name.
    DevicePairRename = "device.pair.rename", Pairing, DevicePairRenameParams
        => DevicePairRenameResult { since: Since::V4 };
    /// Replaces a device's token and cuts connections that used the old one.
    DeviceTokenRotate = "device.token.rotate", Pairing, DeviceTokenRotateParams
        => DeviceTokenRotateResult { secret_result: true };
    /// Ends a device's right to act in a role and cuts its connections.
    DeviceTokenRevoke = "device.token.revoke", Pairing, DeviceTokenRevokeParams
        => DeviceTokenRevokeResult;
}
