//! The client's errors as exit codes, sentences and hints.

use std::error::Error as _;

use openclaw_client::{ClientError, ErrorKind};

use crate::exit::ExitCode;
use crate::failure::{Failure, FailureType};
use crate::output::harmless;

/// What a command says when it cannot reach or ask its Gateway.
pub(crate) fn client_failure(error: &ClientError) -> Failure {
    let kind = error.kind();
    let failure = Failure::new(exit_code(kind), harmless(&error.to_string()))
        .of_type(failure_type(error))
        .kind(transport_kind(error).unwrap_or(kind.as_str()))
        .hint(harmless(&error.hint()))
        .caused_by(error.source());
    match error.rpc() {
        Some(rpc) => failure
            .code(rpc.code.as_str())
            .details(rpc.details.clone())
            .retry_after(rpc.retry_after_ms),
        None => failure,
    }
}

const fn exit_code(kind: ErrorKind) -> ExitCode {
    match kind {
        ErrorKind::Failed => ExitCode::Failed,
        ErrorKind::Usage => ExitCode::Usage,
        ErrorKind::NothingListening => ExitCode::NothingListening,
        ErrorKind::LinkLost => ExitCode::LinkLost,
        ErrorKind::NotAGateway => ExitCode::NotAGateway,
        ErrorKind::CredentialRefused => ExitCode::CredentialRefused,
        ErrorKind::PairingRequired => ExitCode::PairingNeeded,
        ErrorKind::ScopeMissing => ExitCode::ScopeMissing,
        ErrorKind::Identity => ExitCode::Identity,
        ErrorKind::Protocol => ExitCode::Protocol,
        ErrorKind::Ssh => ExitCode::Ssh,
    }
}

fn failure_type(error: &ClientError) -> FailureType {
    match error {
        ClientError::Credentials(_) => FailureType::GatewayCredentialsRequired,
        ClientError::Url(_) | ClientError::Local { .. } => FailureType::CliError,
        _ if error.rpc().is_some() => FailureType::GatewayRequestError,
        _ => FailureType::GatewayTransportError,
    }
}

/// The original's words for the two ways a connection breaks.
const fn transport_kind(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Timeout { .. } => Some("timeout"),
        ClientError::LinkLost(_) => Some("closed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use openclaw_client::{CloseReason, Stage, Target};
    use openclaw_protocol::{RpcError, Scope};
    use serde_json::json;

    use super::*;

    fn check(error: &ClientError, exit: ExitCode, kind: &str, failure_type: &str) {
        let failure = client_failure(error);
        assert_eq!(failure.exit, exit, "{error}");
        let envelope = serde_json::to_value(failure.envelope()).unwrap();
        assert_eq!(envelope["error"]["kind"], kind, "{error}");
        assert_eq!(envelope["error"]["type"], failure_type, "{error}");
        assert!(!envelope["error"]["hint"].as_str().unwrap().is_empty(), "{error}");
    }

    #[test]
    fn every_kind_has_its_exit_code() {
        let target = Target::Url("ws://127.0.0.1:1".into());
        let nothing = ClientError::NothingListening { target };
        let transport = "gateway_transport_error";
        check(&nothing, ExitCode::NothingListening, "nothing-listening", transport);
        let slow = ClientError::Timeout { stage: Stage::Hello, after: Duration::from_secs(1) };
        check(&slow, ExitCode::LinkLost, "timeout", transport);
        let lost = ClientError::LinkLost(CloseReason::Ended);
        check(&lost, ExitCode::LinkLost, "closed", transport);
        let scope = ClientError::ScopeMissing(Box::new(RpcError::missing_scope(Scope::Admin, 4)));
        check(&scope, ExitCode::ScopeMissing, "scope-missing", "gateway_request_error");
        check(&ClientError::Tls, ExitCode::Identity, "identity", transport);
    }

    #[test]
    fn what_the_gateway_said_is_kept() {
        let error = RpcError::unavailable("busy").retry_after(500);
        let failure = client_failure(&ClientError::Rpc(Box::new(error)));
        let envelope = serde_json::to_value(failure.envelope()).unwrap();
        assert_eq!(envelope["error"]["code"], json!("UNAVAILABLE"));
        assert_eq!(envelope["error"]["retryAfterMs"], json!(500));
    }
}
