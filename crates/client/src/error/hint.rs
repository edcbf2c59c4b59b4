//! The next thing to type after each failure.

use openclaw_protocol::DetailCode;

use super::{ClientError, CredentialRefused, PairingRequired};
use crate::{
    credentials::SecretSource,
    dial::{SshFailure, SshProblem, Target},
};

pub(super) fn of(error: &ClientError) -> String {
    match error {
        ClientError::NothingListening { target } => nothing_listening(target),
        ClientError::Unreachable { .. } => {
            "check the address and the network, or reach it with --ssh USER@HOST".to_owned()
        }
        ClientError::Timeout { .. } => {
            "try again with a longer --timeout, or see what answers: openclaw gateway probe"
                .to_owned()
        }
        ClientError::LinkLost(reason) if reason.is_restart() => {
            "the Gateway restarts; try again in a moment".to_owned()
        }
        ClientError::LinkLost(_) => "see what answers: openclaw gateway probe".to_owned(),
        ClientError::Uncertain { method, .. } => {
            format!("see whether it was done before you repeat it: {}", shows_it(method))
        }
        ClientError::NotAGateway { target, .. } => not_a_gateway(target),
        ClientError::Credentials(error) => error.hint().to_owned(),
        ClientError::CredentialRefused(refused) => credential(refused),
        ClientError::PairingRequired(pairing) => pairing_required(pairing),
        ClientError::PairingRejected { .. } => {
            "ask whoever runs the Gateway, then try again for a new request".to_owned()
        }
        ClientError::ScopeMissing(_) => {
            "on the Gateway's host, approve the wider access: openclaw devices list".to_owned()
        }
        ClientError::IdentityMismatch { pin, .. } | ClientError::ProofMissing { pin, .. } => {
            pin.forget_hint()
        }
        ClientError::ProofInvalid { .. } => {
            "somebody may stand between; reach the Gateway with --ssh USER@HOST".to_owned()
        }
        ClientError::Tls { .. } => {
            "check that TLS is spoken there: openclaw gateway tls fingerprint, on the Gateway's host"
                .to_owned()
        }
        ClientError::FingerprintMismatch { .. } => {
            "somebody may stand between. If the certificate was renewed, compare it with `openclaw \
             gateway tls fingerprint` on the Gateway's host, then name the new one"
                .to_owned()
        }
        ClientError::CertificateUnknown { fingerprint, .. } => format!(
            "compare it with `openclaw gateway tls fingerprint` on the Gateway's host; if it is the \
             same: --tls-fingerprint {fingerprint}"
        ),
        ClientError::ProtocolMismatch(_) => {
            "update the older side: openclaw --version, here and on the Gateway's host".to_owned()
        }
        ClientError::Ssh(failure) => failure.hint.clone(),
        ClientError::Rpc(_) => "see what the Gateway logged: openclaw logs".to_owned(),
        ClientError::Url(_) => {
            "give a URL such as --url wss://HOST:18789, or ws://127.0.0.1:18789 on this machine".to_owned()
        },
        ClientError::Local { .. } => "check the folder and its rights, then try again".to_owned(),
    }
}

/// The command that shows what a method changes.
fn shows_it(method: &str) -> &'static str {
    match method.split('.').next().unwrap_or_default() {
        "agent" | "chat" => "openclaw sessions show",
        "sessions" => "openclaw sessions list",
        "device" => "openclaw devices list",
        "config" => "openclaw config get",
        "models" => "openclaw models list",
        _ => "openclaw status",
    }
}

fn nothing_listening(target: &Target) -> String {
    match target {
        Target::Door(_) | Target::Url(_) => "start it: openclaw gateway run".to_owned(),
        Target::Ssh { host, .. } => format!("start it there: ssh {host} openclaw gateway run"),
    }
}

fn not_a_gateway(target: &Target) -> String {
    match target {
        Target::Door(_) => "see who holds the state folder: openclaw gateway status".to_owned(),
        Target::Url(_) => {
            "check the port; behind an SSH tunnel, check that the Gateway runs at its \
                           other end: openclaw gateway probe"
                .to_owned()
        }
        Target::Ssh { host, .. } => format!("look there: ssh {host} openclaw gateway status"),
    }
}

fn credential(refused: &CredentialRefused) -> String {
    if let Some(withheld) = refused.withheld {
        return format!(
            "this Gateway cannot prove who it is, so {withheld} was not sent; if you trust the \
             address, name the secret for it with --token or --password"
        );
    }
    match (refused.code, refused.used) {
        (Some(DetailCode::AuthRateLimited), _) => "wait, then try again".to_owned(),
        (Some(DetailCode::AuthPasswordMissing), _) => {
            "add --password or --password-file".to_owned()
        }
        (Some(DetailCode::AuthTokenNotConfigured | DetailCode::AuthPasswordNotConfigured), _) => {
            "set gateway.auth on the Gateway's host: openclaw config set gateway.auth.token"
                .to_owned()
        }
        (_, Some(SecretSource::Saved)) => {
            "the saved device token is no longer valid; connect once with --token".to_owned()
        }
        (_, Some(source)) => format!(
            "{source} was used; on the Gateway's host `openclaw gateway auth-token --show` prints \
             the right one"
        ),
        (_, None) => {
            "add --token TOKEN; on the Gateway's host `openclaw gateway auth-token --show` \
                      prints it"
                .to_owned()
        }
    }
}

fn pairing_required(pairing: &PairingRequired) -> String {
    match &pairing.request_id {
        Some(id) => format!("on the Gateway's host: openclaw devices approve {id}"),
        None => "on the Gateway's host: openclaw devices list".to_owned(),
    }
}

impl SshFailure {
    /// Whether the same may work later without anybody changing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self.problem,
            SshProblem::Unreachable
                | SshProblem::Refused
                | SshProblem::TimedOut
                | SshProblem::ForwardRefused
                | SshProblem::RemoteDoor
        )
    }
}
