//! A command on a node that a person has to be asked about, when the agent wants it, or an operator who can
//! wait for the answer.
//!
//! The node decides whether somebody is asked, and about what. The Gateway asks, and calls again with the
//! decision; the node takes it for exactly the command it asked about, once.

use std::sync::Arc;

use openclaw_protocol::{
    RpcError,
    methods::{
        approvals::{ApprovalDecision, ExecApprovalRequest},
        nodes::NodeInvokeOutcome,
    },
};
use openclaw_store::outbox::Route;
use serde_json::Value;

use crate::{
    approval_flow,
    node_invoke::{Request, invoke_approved},
    node_later::invoke,
    nodes::Listener,
    state::State,
};

/// The command that runs programs.
const RUN: &str = "system.run";
/// How a node says that a person has to be asked.
const ASKS: &str = "SYSTEM_RUN_DENIED: approval required";

/// On whose behalf a node is called.
#[derive(Debug, Default)]
pub(crate) struct Asker {
    pub(crate) agent_id: Option<String>,
    pub(crate) session_key: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) route: Option<Route>,
    /// Whoever hears what the command says; its end is the end of the question.
    pub(crate) listener: Option<Listener>,
}

/// Calls a command; where the node wants people to be asked, they are.
///
/// # Errors
/// As [`invoke`], and when a person says no or nobody answers.
pub(crate) async fn invoke_asking(
    state: &Arc<State>,
    request: Request,
    asker: Asker,
) -> Result<NodeInvokeOutcome, RpcError> {
    let error = match invoke(state, request.clone(), asker.listener.clone()).await {
        Err(error) if request.command == RUN => error,
        outcome => return outcome,
    };
    let Some(why) = wanted(&error) else { return Err(error) };
    let caller = asker.listener.as_ref().map(|listener| Arc::clone(&listener.connection));
    let asked = ask(state, request, asker, why);
    let Some(caller) = caller else { return asked.await };
    // Who is gone wants nothing any more: the question goes with them.
    tokio::select! {
        outcome = asked => outcome,
        () = caller.ended() => Err(error),
    }
}

/// Why a node wants a person to be asked, if it does.
fn wanted(error: &RpcError) -> Option<String> {
    let details = serde_json::to_value(error).ok()?;
    let said = details.pointer("/details/nodeError/message")?.as_str()?;
    let why = said.strip_prefix(ASKS)?;
    Some(why.trim_start_matches([':', ' ']).to_owned())
}

async fn ask(
    state: &Arc<State>,
    mut request: Request,
    asker: Asker,
    why: String,
) -> Result<NodeInvokeOutcome, RpcError> {
    let params = request.params.clone().unwrap_or_default();
    let words = params.get("command").and_then(Value::as_array).into_iter().flatten();
    let argv: Vec<String> = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
    let text = |key: &str| params.get(key).and_then(Value::as_str).map(str::to_owned);
    let question = ExecApprovalRequest {
        command: text("rawCommand").unwrap_or_else(|| shown(&argv)),
        command_argv: (!argv.is_empty()).then_some(argv),
        cwd: text("cwd"),
        node_id: Some(request.node.as_str().to_owned()),
        host: Some("node".to_owned()),
        warning_text: Some(why),
        allowed_decisions: vec![
            ApprovalDecision::AllowOnce,
            ApprovalDecision::AllowAlways,
            ApprovalDecision::Deny,
        ],
        agent_id: asker.agent_id,
        session_key: asker.session_key,
        run_id: asker.run_id,
        ..ExecApprovalRequest::default()
    };
    match approval_flow::ask(state, question, asker.route, None).await? {
        Some(decision @ (ApprovalDecision::AllowOnce | ApprovalDecision::AllowAlways)) => {
            // Another key: the first call is over, and the node would give its refusal again.
            request.key.push_str(":approved");
            invoke_approved(state, request, decision, asker.listener).await
        }
        Some(ApprovalDecision::Deny) => Err(RpcError::invalid("SYSTEM_RUN_DENIED: user denied")),
        None => Err(RpcError::unavailable("SYSTEM_RUN_DENIED: approval timed out")),
    }
}

/// Words as a shell would be given them.
fn shown(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_that_asks_is_told_from_one_that_refuses() {
        let said = |message: &str| {
            let details = json!({"code": "UNAVAILABLE", "message": message});
            RpcError::unavailable(message).with_details([("nodeError", details)])
        };
        let asked = said("SYSTEM_RUN_DENIED: approval required: not on the list");
        assert_eq!(wanted(&asked).as_deref(), Some("not on the list"));
        assert_eq!(wanted(&said("SYSTEM_RUN_DENIED: approval required")).as_deref(), Some(""));
        assert_eq!(wanted(&said("SYSTEM_RUN_DENIED: allowlist miss")), None);
        assert_eq!(wanted(&RpcError::invalid("SYSTEM_RUN_DENIED: approval required")), None);
    }

    #[test]
    fn words_are_told_apart() {
        let argv = ["sh", "-c", "echo 'a b'", ""].map(str::to_owned);
        assert_eq!(shown(&argv), "sh -c 'echo '\\''a b'\\''' ''");
    }
}
