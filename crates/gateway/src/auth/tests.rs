//! The table of `docs/trust.md`, row by row.

use openclaw_protocol::Scope;

use super::*;

fn scopes(names: &[Scope]) -> ScopeSet {
    names.iter().copied().collect()
}

/// An unknown device of ours on a local link that asks to read, in mode `token`.
fn base() -> Evidence {
    Evidence {
        link: LinkClass::Local,
        mode: SecretKind::Token,
        device: Some(DeviceScheme::Ours),
        shared: SharedSecret::Absent,
        token: DeviceToken::Absent,
        invite: Invite::Absent,
        identity: Identity::NotAsked,
        known: KnownDevice::default(),
        client: ClientId::Cli,
        client_mode: ClientMode::Cli,
        role: Role::Operator,
        scopes: scopes(&[Scope::Read]),
    }
}

fn paired(scope: Scope) -> KnownDevice {
    KnownDevice { paired: true, grant: Some(scopes(&[scope])), is_operator: true, is_node: false }
}

fn admitted(evidence: &Evidence, method: Method, silent: bool) {
    let expected = Verdict::Admit { scopes: evidence.scopes, method, pair_silently: silent };
    assert_eq!(decide(evidence), expected, "{evidence:?}");
}

fn asks(evidence: &Evidence, reason: PairingReason) {
    assert_eq!(decide(evidence), Verdict::NeedsPairing(reason), "{evidence:?}");
}

fn refused(evidence: &Evidence, refusal: Refusal) {
    assert_eq!(decide(evidence), Verdict::Refuse(refusal), "{evidence:?}");
}

#[test]
fn the_owners_door() {
    let door = Evidence { link: LinkClass::OwnersDoor, scopes: ScopeSet::all(), ..base() };
    admitted(&Evidence { device: None, ..door }, Method::None, false);
    admitted(&door, Method::None, true);
    let node = Evidence { role: Role::Node, scopes: ScopeSet::EMPTY, ..door };
    asks(&node, PairingReason::NotPaired);
    refused(&Evidence { device: None, ..node }, Refusal::DeviceRequired);
    let known = KnownDevice {
        paired: true,
        grant: Some(ScopeSet::EMPTY),
        is_node: true,
        is_operator: false,
    };
    admitted(&Evidence { known, ..node }, Method::Device, false);
    let climbing = KnownDevice { grant: None, ..known };
    admitted(&Evidence { known: climbing, ..door }, Method::None, false);
}

#[test]
fn our_device_proof_stands_on_its_own_once_paired() {
    for link in [LinkClass::Local, LinkClass::Remote] {
        let known = Evidence { link, known: paired(Scope::Write), ..base() };
        admitted(&known, Method::Device, false);
        asks(&Evidence { scopes: scopes(&[Scope::Admin]), ..known }, PairingReason::ScopeUpgrade);
        asks(
            &Evidence {
                role: Role::Node,
                known: KnownDevice { grant: None, ..known.known },
                ..known
            },
            PairingReason::RoleUpgrade,
        );
        refused(&Evidence { known: KnownDevice::default(), ..known }, Refusal::TokenMissing);
        asks(
            &Evidence { mode: SecretKind::None, known: KnownDevice::default(), ..known },
            PairingReason::NotPaired,
        );
    }
}

#[test]
fn a_proven_secret_pairs_silently_only_on_a_local_link() {
    let proven = Evidence { shared: SharedSecret::Proven, scopes: ScopeSet::all(), ..base() };
    admitted(&proven, Method::Token, true);
    admitted(&Evidence { known: paired(Scope::Read), ..proven }, Method::Token, true);
    asks(&Evidence { link: LinkClass::Remote, ..proven }, PairingReason::NotPaired);
    asks(
        &Evidence { link: LinkClass::Remote, known: paired(Scope::Read), ..proven },
        PairingReason::ScopeUpgrade,
    );
}

#[test]
fn a_node_never_becomes_an_operator_silently() {
    let node = KnownDevice { paired: true, grant: None, is_node: true, is_operator: false };
    for shared in [SharedSecret::Proven, SharedSecret::Sent] {
        for device in [DeviceScheme::Ours, DeviceScheme::Published] {
            let evidence = Evidence { shared, device: Some(device), known: node, ..base() };
            asks(&evidence, PairingReason::RoleUpgrade);
        }
    }
}

#[test]
fn a_single_use_token_pairs_an_operator_and_lets_a_node_ask() {
    for (link, device) in [
        (LinkClass::Local, DeviceScheme::Published),
        (LinkClass::Remote, DeviceScheme::Published),
        (LinkClass::Remote, DeviceScheme::Ours),
    ] {
        for mode in [SecretKind::Token, SecretKind::None] {
            let stranger = Evidence { link, mode, device: Some(device), ..base() };
            let invite = Invite::Open(scopes(&[Scope::Write]));
            let operator = Evidence { invite, ..stranger };
            admitted(&operator, Method::Invite, true);
            let beyond = Evidence { scopes: scopes(&[Scope::Admin]), ..operator };
            asks(&beyond, PairingReason::NotPaired);
            let node = KnownDevice { paired: true, grant: None, is_node: true, is_operator: false };
            asks(&Evidence { known: node, ..operator }, PairingReason::RoleUpgrade);
            admitted(&Evidence { known: paired(Scope::Read), ..operator }, Method::Invite, false);
            let joining = Evidence {
                role: Role::Node,
                scopes: ScopeSet::EMPTY,
                invite: Invite::Open(ScopeSet::EMPTY),
                ..stranger
            };
            asks(&joining, PairingReason::NotPaired);
            let known = KnownDevice { grant: Some(ScopeSet::EMPTY), ..node };
            admitted(&Evidence { known, ..joining }, Method::Invite, false);
            refused(&Evidence { invite: Invite::Wrong, ..operator }, Refusal::InviteWrong);
        }
    }
    let alone = Evidence { device: None, invite: Invite::Open(ScopeSet::all()), ..base() };
    refused(&alone, Refusal::DeviceRequired);
    // What is right does not make up for what is wrong.
    let paired = Evidence { invite: Invite::Wrong, known: paired(Scope::Read), ..base() };
    refused(&paired, Refusal::InviteWrong);
}

#[test]
fn published_signatures_need_a_bearer() {
    let published = Evidence { device: Some(DeviceScheme::Published), ..base() };
    for known in [KnownDevice::default(), paired(Scope::Admin)] {
        refused(&Evidence { known, ..published }, Refusal::TokenMissing);
    }
    let shared = Evidence { shared: SharedSecret::Sent, ..published };
    admitted(&shared, Method::Token, true);
    let remote = Evidence { link: LinkClass::Remote, ..shared };
    asks(&remote, PairingReason::NotPaired);
    admitted(&Evidence { known: paired(Scope::Read), ..remote }, Method::Token, false);
    let token = Evidence { token: DeviceToken::Valid, known: paired(Scope::Read), ..published };
    admitted(&token, Method::Device, false);
    asks(&Evidence { scopes: scopes(&[Scope::Write]), ..token }, PairingReason::ScopeUpgrade);
}

#[test]
fn mode_none_never_pairs_silently_over_tcp() {
    for link in [LinkClass::Local, LinkClass::Remote] {
        for device in [DeviceScheme::Ours, DeviceScheme::Published] {
            let open = Evidence { mode: SecretKind::None, link, device: Some(device), ..base() };
            asks(&open, PairingReason::NotPaired);
            let method = if device == DeviceScheme::Ours { Method::Device } else { Method::None };
            admitted(&Evidence { known: paired(Scope::Read), ..open }, method, false);
        }
        let bare = Evidence { mode: SecretKind::None, link, device: None, ..base() };
        refused(&bare, Refusal::DeviceRequired);
    }
}

#[test]
fn a_secret_without_a_device_keeps_scopes_only_for_local_programs() {
    let bare = Evidence { device: None, shared: SharedSecret::Sent, ..base() };
    admitted(&bare, Method::Token, false);
    admitted(
        &Evidence { client: ClientId::GatewayClient, client_mode: ClientMode::Backend, ..bare },
        Method::Token,
        false,
    );
    admitted(&Evidence { client_mode: ClientMode::Probe, ..bare }, Method::Token, false);
    let nothing =
        Verdict::Admit { scopes: ScopeSet::EMPTY, method: Method::Token, pair_silently: false };
    assert_eq!(decide(&Evidence { link: LinkClass::Remote, ..bare }), nothing);
    assert_eq!(decide(&Evidence { client: ClientId::MacosApp, ..bare }), nothing);
    refused(&Evidence { shared: SharedSecret::Absent, ..bare }, Refusal::DeviceRequired);
    refused(&Evidence { role: Role::Node, ..bare }, Refusal::DeviceRequired);
    refused(&Evidence { client: ClientId::ControlUi, ..bare }, Refusal::ControlUiDeviceRequired);
}

#[test]
fn a_wrong_credential_is_refused_whatever_else_is_right() {
    for device in [None, Some(DeviceScheme::Ours), Some(DeviceScheme::Published)] {
        for link in [LinkClass::OwnersDoor, LinkClass::Local, LinkClass::Remote] {
            let good = Evidence { link, device, known: paired(Scope::Admin), ..base() };
            let wrong = Evidence { shared: SharedSecret::Wrong, ..good };
            refused(&wrong, Refusal::TokenWrong);
            refused(&Evidence { mode: SecretKind::Password, ..wrong }, Refusal::PasswordWrong);
            refused(&Evidence { token: DeviceToken::Wrong, ..good }, Refusal::DeviceTokenWrong);
        }
    }
}

#[test]
fn refusals_name_the_next_step() {
    let error = Refusal::TokenMissing.to_error(ClientId::Cli, ClientMode::Cli);
    assert_eq!(
        error.message,
        "unauthorized: gateway token missing (set gateway.remote.token to match gateway.auth.token)"
    );
    let details = error.details.expect("details");
    assert_eq!(details["code"], "AUTH_TOKEN_MISSING");
    assert_eq!(details["recommendedNextStep"], "update_auth_configuration");
    let limited = Refusal::RateLimited { retry_after_ms: 5 };
    let error = limited.to_error(ClientId::Test, ClientMode::Test);
    assert_eq!((error.retryable, error.retry_after_ms), (Some(true), Some(5)));
}

#[test]
fn the_tailnets_word_is_a_secret_for_pages_and_never_pairs_by_itself() {
    let page = Evidence {
        link: LinkClass::Remote,
        device: Some(DeviceScheme::Published),
        client: ClientId::ControlUi,
        client_mode: ClientMode::Webchat,
        identity: Identity::Tailnet,
        ..base()
    };
    asks(&page, PairingReason::NotPaired);
    let known = paired(Scope::Read);
    admitted(&Evidence { known, ..page }, Method::Tailscale, false);
    let missing = Refusal::secret_missing(SecretKind::Token);
    refused(&Evidence { known, identity: Identity::NotAsked, ..page }, missing);
    refused(&Evidence { known, client: ClientId::Cli, ..page }, missing);
    refused(&Evidence { known, role: Role::Node, scopes: ScopeSet::EMPTY, ..page }, missing);
    let wrong = Refusal::secret_wrong(SecretKind::Token);
    refused(&Evidence { known, shared: SharedSecret::Wrong, ..page }, wrong);
    refused(&Evidence { device: None, ..page }, Refusal::ControlUiDeviceRequired);
}

#[test]
fn behind_a_trusted_proxy_its_word_is_needed_by_everybody_but_the_owner() {
    let vouched = Evidence {
        link: LinkClass::Remote,
        mode: SecretKind::None,
        device: Some(DeviceScheme::Published),
        identity: Identity::Proxy { silent: None },
        ..base()
    };
    let known = paired(Scope::Read);
    for device in [Some(DeviceScheme::Ours), Some(DeviceScheme::Published), None] {
        let missing = Evidence { known, device, identity: Identity::Missing, ..vouched };
        refused(&missing, Refusal::IdentityRequired);
        let local = Evidence { link: LinkClass::Local, ..missing };
        refused(&local, Refusal::IdentityRequired);
    }
    asks(&vouched, PairingReason::NotPaired);
    admitted(&Evidence { known, ..vouched }, Method::TrustedProxy, false);
    let silent = Identity::Proxy { silent: Some(scopes(&[Scope::Read])) };
    admitted(&Evidence { identity: silent, ..vouched }, Method::TrustedProxy, true);
    let more = Evidence { identity: silent, scopes: scopes(&[Scope::Admin]), ..vouched };
    asks(&more, PairingReason::NotPaired);
    let node = Evidence { role: Role::Node, scopes: ScopeSet::EMPTY, identity: silent, ..vouched };
    asks(&node, PairingReason::NotPaired);
    let climbing = KnownDevice { paired: true, is_node: true, ..KnownDevice::default() };
    asks(&Evidence { known: climbing, identity: silent, ..vouched }, PairingReason::RoleUpgrade);
    refused(&Evidence { device: None, ..vouched }, Refusal::DeviceRequired);
}
