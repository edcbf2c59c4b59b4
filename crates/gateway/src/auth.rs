//! From evidence to a decision: the table of `docs/trust.md` as one pure function.
//!
//! The handshake gathers [`Evidence`] (signatures and secrets are already checked, grants already read);
//! [`decide`] says what follows. Nothing here reads a clock, a socket, or the store.

use openclaw_protocol::{
    Role, ScopeSet,
    client_info::{ClientId, ClientMode},
    trust::SecretKind,
};

pub mod limiter;
pub mod proxy;
pub mod refusal;

pub use refusal::Refusal;

/// How a connection's link counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkClass {
    /// The Unix socket, opened by the owner.
    OwnersDoor,
    /// TCP that counts as local.
    Local,
    /// Everything else.
    Remote,
}

/// Which payload a verified device signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceScheme {
    /// Ours: it names the Gateway, so it stands on its own.
    Ours,
    /// Published v1 to v3: needs a bearer beside it.
    Published,
}

/// What the client showed of the shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedSecret {
    /// Nothing.
    Absent,
    /// Sent, and right.
    Sent,
    /// Proven without being sent.
    Proven,
    /// Sent or proven, and wrong.
    Wrong,
    /// Sent, but the Gateway has none of that kind.
    NotConfigured,
}

impl SharedSecret {
    const fn is_valid(self) -> bool {
        matches!(self, Self::Sent | Self::Proven)
    }
}

/// What the client showed of its device token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceToken {
    /// Nothing.
    Absent,
    /// The current token of this device and role.
    Valid,
    /// Revoked, rotated, or somebody else's.
    Wrong,
}

/// What the client showed of a single-use token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invite {
    /// Nothing.
    Absent,
    /// One for this role that this device may use, with at most these scopes.
    Open(ScopeSet),
    /// Unknown, used, too old, or for another role.
    Wrong,
}

/// Who vouches for the person behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody, and nobody has to.
    NotAsked,
    /// The tailnet: its headers, confirmed by `whois`.
    Tailnet,
    /// The proxy of mode `trusted-proxy`.
    Proxy {
        /// Scopes for which a device is paired without a decision.
        silent: Option<ScopeSet>,
    },
    /// Mode `trusted-proxy`, and nobody does.
    Missing,
}

/// What the store knows about the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownDevice {
    /// Paired with exactly this key.
    pub paired: bool,
    /// The scopes granted for the role asked for, if the grant is live.
    pub grant: Option<ScopeSet>,
    /// Some live grant is for the node role.
    pub is_node: bool,
    /// Some live grant is for the operator role.
    pub is_operator: bool,
}

/// Everything a decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    /// The link.
    pub link: LinkClass,
    /// The kind of secret the Gateway compares with.
    pub mode: SecretKind,
    /// The verified device, if one was shown.
    pub device: Option<DeviceScheme>,
    /// The shared secret.
    pub shared: SharedSecret,
    /// The device token.
    pub token: DeviceToken,
    /// The single-use token.
    pub invite: Invite,
    /// Who vouches for the person.
    pub identity: Identity,
    /// The device in the store.
    pub known: KnownDevice,
    /// The program.
    pub client: ClientId,
    /// Its kind.
    pub client_mode: ClientMode,
    /// Role asked for.
    pub role: Role,
    /// Scopes asked for; empty for nodes.
    pub scopes: ScopeSet,
}

/// How an admitted caller was authenticated, as `hello-ok.auth.method` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the link alone: owner's door, or mode `none` with a paired device.
    None,
    /// Shared token.
    Token,
    /// Shared password.
    Password,
    /// The device itself.
    Device,
    /// The tailnet vouches for the person.
    Tailscale,
    /// The trusted proxy vouches for the person.
    TrustedProxy,
    /// A single-use token, which is used up by it.
    Invite,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Password => "password",
            Self::Device => "device-token",
            Self::Tailscale => "tailscale",
            Self::TrustedProxy => "trusted-proxy",
            Self::Invite => "bootstrap-token",
        }
    }
}

/// Why a device needs a person's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingReason {
    /// Unknown, or known with another key.
    NotPaired,
    /// Paired, but not for this role.
    RoleUpgrade,
    /// Paired, but not for all these scopes.
    ScopeUpgrade,
}

impl PairingReason {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPaired => "not-paired",
            Self::RoleUpgrade => "role-upgrade",
            Self::ScopeUpgrade => "scope-upgrade",
        }
    }

    /// What a person reads.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotPaired => "pairing required: device is not approved yet",
            Self::RoleUpgrade => {
                "pairing required: device is asking for a role it was not approved for"
            }
            Self::ScopeUpgrade => {
                "pairing required: device is asking for more scopes than it was approved for"
            }
        }
    }
}

/// What follows from the evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Admitted.
    Admit {
        /// Scopes of the connection.
        scopes: ScopeSet,
        /// How it was authenticated.
        method: Method,
        /// Pair the device for what it asked, without a person.
        pair_silently: bool,
    },
    /// A person must decide.
    NeedsPairing(PairingReason),
    /// Refused.
    Refuse(Refusal),
}

/// Decides. See `docs/trust.md`.
#[must_use]
pub fn decide(evidence: &Evidence) -> Verdict {
    match evidence.shared {
        SharedSecret::Wrong => return Verdict::Refuse(Refusal::secret_wrong(evidence.mode)),
        SharedSecret::NotConfigured => {
            return Verdict::Refuse(Refusal::secret_not_configured(evidence.mode));
        }
        SharedSecret::Absent | SharedSecret::Sent | SharedSecret::Proven => {}
    }
    if evidence.identity == Identity::Missing {
        return Verdict::Refuse(Refusal::IdentityRequired);
    }
    if evidence.token == DeviceToken::Wrong {
        return Verdict::Refuse(Refusal::DeviceTokenWrong);
    }
    if evidence.invite == Invite::Wrong {
        return Verdict::Refuse(Refusal::InviteWrong);
    }
    match (evidence.link, evidence.device) {
        (LinkClass::OwnersDoor, _) => decide_owner(evidence),
        (_, Some(_)) if let Invite::Open(scopes) = evidence.invite => {
            decide_invited(evidence, scopes)
        }
        (_, None) => decide_without_device(evidence),
        (_, Some(DeviceScheme::Ours)) => decide_ours(evidence),
        (_, Some(DeviceScheme::Published)) => decide_published(evidence),
    }
}

/// The owner may do everything, but the device in use is paired silently only if it is no node; a node
/// that comes through the door is paired like any other.
fn decide_owner(evidence: &Evidence) -> Verdict {
    match (evidence.role, evidence.device) {
        (Role::Operator, device) => Verdict::Admit {
            scopes: evidence.scopes,
            method: Method::None,
            pair_silently: device.is_some()
                && missing(evidence).is_some()
                && !is_node_to_operator(evidence),
        },
        (Role::Node, None) => Verdict::Refuse(Refusal::DeviceRequired),
        (Role::Node, Some(_)) => admit_or_ask(evidence, Method::Device, false),
    }
}

/// An operator's token pairs for what it was made for; a node's is the right to ask, and a person decides.
fn decide_invited(evidence: &Evidence, scopes: ScopeSet) -> Verdict {
    let silent = evidence.role == Role::Operator && scopes.covers(evidence.scopes);
    admit_or_ask(evidence, Method::Invite, silent)
}

fn decide_without_device(evidence: &Evidence) -> Verdict {
    if is_page(evidence.client) {
        return Verdict::Refuse(Refusal::ControlUiDeviceRequired);
    }
    if evidence.mode == SecretKind::None
        || evidence.role == Role::Node
        || !evidence.shared.is_valid()
    {
        return Verdict::Refuse(Refusal::DeviceRequired);
    }
    let keeps_scopes = evidence.link == LinkClass::Local
        && (matches!(
            (evidence.client, evidence.client_mode),
            (ClientId::Cli, ClientMode::Cli) | (ClientId::GatewayClient, ClientMode::Backend)
        ) || evidence.client_mode == ClientMode::Probe);
    let scopes = if keeps_scopes { evidence.scopes } else { ScopeSet::EMPTY };
    Verdict::Admit { scopes, method: shared_method(evidence.mode), pair_silently: false }
}

fn decide_ours(evidence: &Evidence) -> Verdict {
    if missing(evidence).is_none() {
        return admit(evidence, Method::Device, false);
    }
    if evidence.shared.is_valid() {
        let silent = evidence.link == LinkClass::Local && evidence.mode != SecretKind::None;
        return admit_or_ask(evidence, shared_method(evidence.mode), silent);
    }
    if let Some(verdict) = decide_vouched(evidence) {
        return verdict;
    }
    match evidence.mode {
        SecretKind::None => admit_or_ask(evidence, Method::None, false),
        _ if evidence.known.paired => admit_or_ask(evidence, Method::Device, false),
        kind => Verdict::Refuse(Refusal::secret_missing(kind)),
    }
}

fn decide_published(evidence: &Evidence) -> Verdict {
    if evidence.shared.is_valid() {
        let silent = evidence.link == LinkClass::Local && evidence.mode != SecretKind::None;
        return admit_or_ask(evidence, shared_method(evidence.mode), silent);
    }
    if evidence.token == DeviceToken::Valid {
        return admit_or_ask(evidence, Method::Device, false);
    }
    if let Some(verdict) = decide_vouched(evidence) {
        return verdict;
    }
    match evidence.mode {
        SecretKind::None => admit_or_ask(evidence, Method::None, false),
        kind => Verdict::Refuse(Refusal::secret_missing(kind)),
    }
}

/// A person somebody vouches for needs no secret, but a device that is paired: the tailnet's word counts
/// for pages, the trusted proxy's for everything.
fn decide_vouched(evidence: &Evidence) -> Option<Verdict> {
    let operator = evidence.role == Role::Operator;
    match evidence.identity {
        Identity::Tailnet if operator && is_page(evidence.client) => {
            Some(admit_or_ask(evidence, Method::Tailscale, false))
        }
        Identity::Proxy { silent } => {
            let silent = operator && silent.is_some_and(|scopes| scopes.covers(evidence.scopes));
            Some(admit_or_ask(evidence, Method::TrustedProxy, silent))
        }
        Identity::Tailnet | Identity::NotAsked | Identity::Missing => None,
    }
}

const fn is_page(client: ClientId) -> bool {
    matches!(client, ClientId::ControlUi | ClientId::WebchatUi)
}

fn admit_or_ask(evidence: &Evidence, method: Method, silent: bool) -> Verdict {
    match missing(evidence) {
        None => admit(evidence, method, false),
        Some(_) if silent && !is_node_to_operator(evidence) => admit(evidence, method, true),
        Some(reason) => Verdict::NeedsPairing(reason),
    }
}

const fn admit(evidence: &Evidence, method: Method, pair_silently: bool) -> Verdict {
    Verdict::Admit { scopes: evidence.scopes, method, pair_silently }
}

/// A node must never become an operator without a person seeing it.
const fn is_node_to_operator(evidence: &Evidence) -> bool {
    matches!(evidence.role, Role::Operator) && evidence.known.is_node && !evidence.known.is_operator
}

/// What the device lacks of what it asks for.
fn missing(evidence: &Evidence) -> Option<PairingReason> {
    if !evidence.known.paired {
        return Some(PairingReason::NotPaired);
    }
    match evidence.known.grant {
        None => Some(PairingReason::RoleUpgrade),
        Some(granted) if !granted.covers(evidence.scopes) => Some(PairingReason::ScopeUpgrade),
        Some(_) => None,
    }
}

const fn shared_method(mode: SecretKind) -> Method {
    match mode {
        SecretKind::None => Method::None,
        SecretKind::Token => Method::Token,
        SecretKind::Password => Method::Password,
    }
}

#[cfg(test)]
mod tests;
