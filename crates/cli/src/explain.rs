//! The client's errors as exit codes, sentences and hints.

use std::error::Error as _;

use openclaw_client::{ClientError, ErrorKind};
use openclaw_protocol::{DetailCode, ErrorCode, RpcError};

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
        Some(rpc) => with_hint(failure, plain(error).and_then(rpc_hint))
            .code(rpc.code.as_str())
            .details(rpc.details.clone())
            .retry_after(rpc.retry_after_ms),
        None => failure,
    }
}

/// The refusal of one call. What kept the whole connection from coming about has hints of its own.
fn plain(error: &ClientError) -> Option<&RpcError> {
    match error {
        ClientError::Rpc(rpc) => Some(rpc),
        _ => None,
    }
}

fn with_hint(failure: Failure, hint: Option<String>) -> Failure {
    match hint {
        Some(hint) => failure.hint(harmless(&hint)),
        None => failure,
    }
}

/// Why a command of a node may not be called, and what to do about it.
fn node_hint(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "command not allowlisted" => {
            "command not allowlisted: add it to gateway.nodes.commands.allow on the Gateway's host"
        }
        "command not declared by node" | "node did not declare commands" => {
            "the node does not offer it; what it offers: openclaw nodes describe NODE"
        }
        _ if reason.starts_with("command not approved") => {
            "it waits for approval: openclaw devices list"
        }
        _ => return None,
    })
}

/// What to do about a refusal that the Gateway's log says nothing more about: a run that failed at its
/// model, or a request that cannot be served as it stands.
fn rpc_hint(rpc: &RpcError) -> Option<String> {
    let detail = |name| rpc.details.as_ref()?.get(name)?.as_str();
    let provider = detail("provider").unwrap_or("PROVIDER");
    let of_the_model = match detail("reason") {
        Some("auth") => {
            Some(format!("give it a key that is good: openclaw models auth set {provider}"))
        }
        Some("billing") => {
            Some(format!("look at your account there, or take another provider than {provider}"))
        }
        Some("unknown_model") => {
            Some("see which models there are: openclaw models list".to_owned())
        }
        Some("network") => Some(format!(
            "check the network and the address: openclaw config get models.providers.{provider}"
        )),
        Some("rate_limit" | "overloaded") => Some(
            "try again later, or choose another model: openclaw agent --message /models".to_owned(),
        ),
        Some("context_length") => Some("begin anew: openclaw agent --message /new".to_owned()),
        _ => None,
    };
    if detail("command").is_some()
        && let Some(hint) = detail("reason").and_then(node_hint)
    {
        return Some(hint.to_owned());
    }
    if of_the_model.is_some() || rpc.code != ErrorCode::InvalidRequest {
        return of_the_model;
    }
    if rpc.detail_code() == Some(DetailCode::RequestInterrupted) {
        return Some(
            "nobody knows how far it came: look at what it did, then give the order anew (with another \
             --idempotency-key, if you chose one)"
                .to_owned(),
        );
    }
    let said = |words: &str| rpc.message.starts_with(words);
    Some(match () {
        () if said("unknown method") => "every method is listed in docs/protocol.md".to_owned(),
        () if said("unknown agent") => {
            "see which there are: openclaw gateway call agents.list".to_owned()
        }
        () if said("Cannot delete the main session") => {
            "start it anew instead: openclaw sessions reset main".to_owned()
        }
        () => "correct what was given, then try again; --help says what a command takes".to_owned(),
    })
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
    use openclaw_protocol::Scope;
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
        let target = Target::Url("wss://127.0.0.1:1".into());
        let tls = ClientError::Tls { target, reason: "it closed".into() };
        check(&tls, ExitCode::Identity, "identity", transport);
    }

    #[test]
    fn a_refusal_names_the_next_step() {
        let reason = |reason: &str| {
            RpcError::unavailable("x")
                .with_details([("reason", json!(reason)), ("provider", json!("mine"))])
        };
        for (error, words) in [
            (reason("auth"), "openclaw models auth set mine"),
            (reason("network"), "models.providers.mine"),
            (reason("unknown_model"), "openclaw models list"),
            (RpcError::unknown_method("x"), "docs/protocol.md"),
            (
                RpcError::invalid("x was running").with_code(DetailCode::RequestInterrupted),
                "look at what it did",
            ),
            (RpcError::invalid("invalid health params"), "--help"),
            (RpcError::unavailable("busy"), "openclaw logs"),
        ] {
            let failure = client_failure(&ClientError::Rpc(Box::new(error.clone())));
            assert!(failure.next_step().is_some_and(|hint| hint.contains(words)), "{error:?}");
        }
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
