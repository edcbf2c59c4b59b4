//! What `connect` says to a Gateway, depending on what the Gateway proved.
//!
//! To our own Gateways no secret is ever sent, only proofs over the transcript. To the original's, the
//! params hold no key beyond the published ones, because it refuses unknown keys.

use openclaw_base::{Clock, SystemClock};
use openclaw_identity::{
    PublicKey,
    legacy::{LegacyFormat, LegacyPayload},
    secret,
    transcript::{DeviceTranscript, SecretTranscript},
};
use openclaw_protocol::{
    PROTOCOL_V3, PROTOCOL_V4,
    connect::{ClientInfo, ConnectAuth, ConnectParams, DeviceProof, SecretProof},
    resume,
    text::{Int, NonEmpty},
    trust::{DEVICE_SCHEME, SecretKind},
};
use secrecy::ExposeSecret;

use super::{Attempt, Run, challenge::Challenge};
use crate::{
    credentials::{Secret, SecretSource},
    endpoint::Proof,
    error::ClientError,
    options::ClientOptions,
};

/// The request, and what a refusal of it will want to know.
pub(crate) struct Connect {
    pub(crate) params: ConnectParams,
    /// The secret that was sent or proven.
    pub(crate) used: Option<SecretSource>,
    /// A secret that would have been used, had the Gateway proven itself.
    pub(crate) withheld: Option<SecretSource>,
    /// The kind of secret a proven Gateway wants.
    pub(crate) wants: SecretKind,
}

pub(crate) fn build(
    run: &Run<'_>,
    attempt: Attempt,
    challenge: &Challenge,
    proof: &Proof,
    nonce: &str,
) -> Result<Connect, ClientError> {
    let signed_at = challenge.ts.unwrap_or_else(|| SystemClock.now_ms());
    let connect = match proof {
        Proof::Proven(key) => proven(run, attempt, challenge, key, nonce, signed_at),
        Proof::Unproven => unproven(run, attempt, challenge, signed_at),
    };
    connect.map_err(|limit| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, limit);
        ClientError::local("connect could not be written", source)
    })
}

fn proven(
    run: &Run<'_>,
    attempt: Attempt,
    challenge: &Challenge,
    gateway: &PublicKey,
    nonce: &str,
    signed_at: u64,
) -> Result<Connect, String> {
    let options = run.options;
    let client_nonce = secret::nonce_bytes(nonce).unwrap_or_default();
    let link = challenge.link(&client_nonce, gateway);
    let scopes = options.scope_names();
    let device_id = options.device.as_ref().map(|device| device.device_id()).unwrap_or_default();
    let wants = challenge.wants();
    let shared = run.endpoint.plan.secret(wants).filter(|_| attempt.with_secret);
    let secret_proof = match shared {
        None => None,
        Some(shared) => {
            let transcript = SecretTranscript {
                link,
                kind: wants.as_str(),
                role: options.role.as_str(),
                scopes: &scopes,
                device_id: &device_id,
            };
            let mac = secret::hmac_b64(&shared.value, &transcript.bytes());
            Some(SecretProof { kind: wants, mac: NonEmpty::new(mac)? })
        }
    };
    let device = match &options.device {
        None => None,
        Some(device) => {
            let transcript = DeviceTranscript {
                link,
                device_id: &device_id,
                client_id: options.client_id.as_str(),
                client_mode: options.client_mode.as_str(),
                role: options.role.as_str(),
                scopes: &scopes,
                signed_at_ms: signed_at,
            };
            let signature = device.sign(&transcript.bytes());
            let mut proof = device_proof(device, signature, signed_at, &challenge.nonce)?;
            proof.scheme = Some(NonEmpty::new(DEVICE_SCHEME)?);
            Some(proof)
        }
    };
    let invite = run.endpoint.plan.invite.as_ref();
    let auth = (secret_proof.is_some() || invite.is_some()).then(|| ConnectAuth {
        proof: secret_proof,
        bootstrap_token: invite.map(|token| token.expose_secret().to_owned()),
        ..Default::default()
    });
    let resume = options.resume.as_ref().and_then(|point| point.params(gateway));
    let mut params = ConnectParams { device, auth, resume, ..base(options, PROTOCOL_V4, &scopes)? };
    params.caps.push(NonEmpty::new(resume::CAPABILITY)?);
    Ok(Connect { params, used: shared.map(|shared| shared.source), withheld: None, wants })
}

fn unproven(
    run: &Run<'_>,
    attempt: Attempt,
    challenge: &Challenge,
    signed_at: u64,
) -> Result<Connect, String> {
    let options = run.options;
    let plan = &run.endpoint.plan;
    let planned = plan.secret(attempt.bearer);
    let sent = planned.filter(|secret| secret.source.is_for_this_endpoint()).cloned();
    let other = plan.token.as_ref().or(plan.password.as_ref());
    let withheld = planned.or(other).filter(|secret| !secret.source.is_for_this_endpoint());
    let saved = run
        .saved
        .tokens
        .get(options.role.as_str())
        .filter(|_| plan.use_saved && sent.is_none())
        .map(|token| Secret { value: token.clone(), source: SecretSource::Saved });
    let used = sent.as_ref().or(saved.as_ref()).map(|secret| secret.source);
    let mut auth = bearer(attempt, sent.as_ref(), saved.as_ref());
    let invite = plan.invite.as_ref().filter(|_| used.is_none() && attempt.protocol == PROTOCOL_V4);
    auth.bootstrap_token = invite.map(|token| token.expose_secret().to_owned());
    let scopes = options.scope_names();
    let device = match &options.device {
        None => None,
        Some(device) => {
            let token = auth.token.as_deref().or(auth.device_token.as_deref());
            let token = token.or(auth.bootstrap_token.as_deref());
            let payload = LegacyPayload {
                device_id: &device.device_id(),
                client_id: options.client_id.as_str(),
                client_mode: options.client_mode.as_str(),
                role: options.role.as_str(),
                scopes: &scopes,
                signed_at_ms: signed_at,
                token: token.unwrap_or_default(),
                nonce: Some(&challenge.nonce),
                platform: &options.platform,
                device_family: "",
            };
            let format =
                if attempt.protocol == PROTOCOL_V3 { LegacyFormat::V2 } else { LegacyFormat::V3 };
            let signature = device.sign(payload.text(format).as_bytes());
            Some(device_proof(device, signature, signed_at, &challenge.nonce)?)
        }
    };
    let auth = (used.is_some() || auth.bootstrap_token.is_some()).then_some(auth);
    let params = ConnectParams { device, auth, ..base(options, attempt.protocol, &scopes)? };
    let withheld = withheld.map(|secret| secret.source);
    Ok(Connect { params, used, withheld, wants: SecretKind::None })
}

/// Protocol 3 knows only `token` and `password`.
fn bearer(attempt: Attempt, sent: Option<&Secret>, saved: Option<&Secret>) -> ConnectAuth {
    let text = |secret: &Secret| secret.value.expose_secret().to_owned();
    let mut auth = ConnectAuth::default();
    match attempt.bearer {
        SecretKind::Password => auth.password = sent.map(text),
        SecretKind::Token | SecretKind::None => auth.token = sent.map(text),
    }
    if attempt.protocol == PROTOCOL_V3 {
        auth.token = auth.token.or_else(|| saved.map(text));
    } else {
        auth.device_token = saved.map(text);
    }
    auth
}

fn device_proof(
    device: &openclaw_identity::KeyPair,
    signature: String,
    signed_at: u64,
    nonce: &str,
) -> Result<DeviceProof, String> {
    Ok(DeviceProof {
        id: NonEmpty::new(device.device_id())?,
        public_key: NonEmpty::new(device.public_key().to_base64url())?,
        signature: NonEmpty::new(signature)?,
        signed_at: Int::new(signed_at)?,
        nonce: Some(NonEmpty::new(nonce)?),
        scheme: None,
    })
}

fn base(
    options: &ClientOptions,
    protocol: u32,
    scopes: &[String],
) -> Result<ConnectParams, String> {
    let texts = |texts: &[String]| texts.iter().map(NonEmpty::new).collect::<Result<Vec<_>, _>>();
    let text = |text: &Option<String>| text.as_ref().map(NonEmpty::new).transpose();
    let commands = if options.commands.is_empty() { None } else { Some(texts(&options.commands)?) };
    Ok(ConnectParams {
        min_protocol: Int::new(protocol.into())?,
        max_protocol: Int::new(protocol.into())?,
        client: ClientInfo {
            id: options.client_id,
            display_name: text(&options.display_name)?,
            version: NonEmpty::new(&options.version)?,
            build_id: None,
            platform: NonEmpty::new(&options.platform)?,
            device_family: None,
            model_identifier: None,
            time_zone: None,
            mode: options.client_mode,
            instance_id: text(&options.instance_id)?,
        },
        caps: texts(&options.caps)?,
        commands,
        permissions: None,
        path_env: None,
        role: Some(NonEmpty::new(options.role.as_str())?),
        scopes: Some(texts(scopes)?),
        device: None,
        auth: None,
        locale: None,
        user_agent: None,
        model_catalog: None,
        resume: None,
    })
}
