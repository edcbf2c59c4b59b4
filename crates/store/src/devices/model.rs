//! Devices, grants and requests as values.

use openclaw_protocol::{
    ids::{DeviceId, PairingRequestId},
    scope::{Role, ScopeSet},
};

/// What a device says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Lowercase hex SHA-256 of the key.
    pub device_id: DeviceId,
    /// The raw Ed25519 key as unpadded base64url.
    pub public_key: String,
    /// The name it gave itself.
    pub display_name: Option<String>,
    /// `linux`, `darwin`, …
    pub platform: Option<String>,
    /// The kind of machine, as protocol 4 knows it.
    pub device_family: Option<String>,
    /// Which client program.
    pub client_id: Option<String>,
    /// What the client is for.
    pub client_mode: Option<String>,
    /// Where it connected from.
    pub remote_ip: Option<String>,
}

/// A device that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it says about itself, as of the last pairing.
    pub info: DeviceInfo,
    /// The name an operator gave it.
    pub label: Option<String>,
    /// First pairing.
    pub created_at_ms: u64,
    /// Last approval.
    pub approved_at_ms: u64,
    /// Who or what approved it last: `owner`, `silent`, an operator's device id, …
    pub approved_via: String,
    /// Last successful connect.
    pub last_seen_at_ms: Option<u64>,
    /// What that was for.
    pub last_seen_reason: Option<String>,
}

impl Device {
    /// The operator's name for it, else its own.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.label.as_deref().or(self.info.display_name.as_deref())
    }
}

/// What a device may do in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub device_id: DeviceId,
    /// In which role.
    pub role: Role,
    /// As an operator: the scopes approved so far. Empty for a node.
    pub scopes: ScopeSet,
    /// As a node: the commands approved so far.
    pub commands: Vec<String>,
    /// Part of the device token; a higher one makes all earlier tokens worthless.
    pub generation: u64,
    /// First approval of the role.
    pub created_at_ms: u64,
    /// When its token was last made anew.
    pub rotated_at_ms: Option<u64>,
    /// When it was taken away. Such a grant allows nothing.
    pub revoked_at_ms: Option<u64>,
    /// Last connect in this role.
    pub last_used_at_ms: Option<u64>,
}

impl Grant {
    /// Whether it still allows anything.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.revoked_at_ms.is_none()
    }
}

/// A device with all its grants, revoked ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// The device.
    pub device: Device,
    /// One per role at most.
    pub grants: Vec<Grant>,
}

impl Paired {
    /// The grant for a role, unless it was revoked.
    #[must_use]
    pub fn grant(&self, role: Role) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.role == role && grant.is_active())
    }
}

/// What is asked for: by a request that waits, or granted at once by silent pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub info: DeviceInfo,
    /// For which role.
    pub role: Role,
    /// With which scopes.
    pub scopes: ScopeSet,
    /// With which node commands.
    pub commands: Vec<String>,
    /// Why: `not-paired`, `role-upgrade`, `scope-upgrade`, `metadata-upgrade`.
    pub reason: String,
}

/// An ask that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingRequest {
    /// Derived from key, role, scopes and commands.
    pub request_id: PairingRequestId,
    /// What is asked for.
    pub ask: Ask,
    /// First time it was asked.
    pub created_at_ms: u64,
    /// When it ends unless it is asked again.
    pub expires_at_ms: u64,
}

/// What became of an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The request as it waits now.
    pub request: PairingRequest,
    /// Whether it is new rather than renewed.
    pub created: bool,
    /// Requests that ended to make room, by age or by number.
    pub dropped: Vec<PairingRequest>,
}

/// What an approval changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The device with its grants as they are now.
    pub paired: Paired,
    /// The role that was approved.
    pub role: Role,
    /// Requests of the same device that this answers too, the approved one among them.
    pub settled: Vec<PairingRequest>,
}

impl Approval {
    /// The grant that was made or widened.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        self.paired.grant(self.role)
    }
}
