//! Starting a run for a message, whichever method brought it.

use std::time::Duration;

use openclaw_agent::{FinalState, QueueMode, Start, StartRun, model::ThinkingLevel};
use openclaw_protocol::{
    RpcError,
    ids::{RunId, SessionId},
    methods::{
        agent::RunStatus,
        chat::{ChatSendParams, ChatSendResult},
    },
};

use crate::{
    methods::chat::expect::{Expected, require},
    router::{Cx, Failure},
    shape::{attachments::pictures, failure, run::failure_text, target::Target},
};

/// What `chat.send` asks of the agent.
///
/// # Errors
/// When the request is at fault, or the session is not as the caller saw it last.
pub(crate) async fn chat_order(cx: &Cx, params: ChatSendParams) -> Result<StartRun, Failure> {
    if params.intent.is_some() {
        return Err(RpcError::invalid("session goals are not supported by this Gateway").into());
    }
    let target = Target::writable(&cx.state, &params.session_key, params.agent_id.as_deref())?;
    let run_id = RunId::from(params.idempotency_key.as_str());
    let expected = Expected {
        leaf: params.expected_leaf_entry_id.map(|id| id.as_str().into()),
        permission_mode: params.expected_permission_mode,
        tool_overrides: params.expected_tool_overrides,
        marked_unread_at: openclaw_protocol::patch::Patch::Keep,
    };
    require(cx, &target, &run_id, expected).await?;
    let message = params.message;
    Ok(StartRun {
        expected_session_id: params.session_id.map(|id| SessionId::new(id.as_str())),
        attachments: pictures(params.attachments)?,
        thinking: thinking(params.thinking.as_deref())?,
        timeout: milliseconds(params.timeout_ms.map(|limit| limit.get())),
        queue_mode: params.queue_mode.and_then(|mode| QueueMode::parse(mode.as_str())),
        plain: params.suppress_command_interpretation == Some(true),
        agent_id: Some(target.agent),
        owner: cx.is_admin(),
        ..StartRun::new(run_id, target.key, message, cx.conn.principal.id.as_str())
    })
}

/// Starts the run. When this returns, message and run are on disk, or nothing was taken.
///
/// # Errors
/// When the agent refuses, in the documented words.
pub(crate) async fn start(cx: &Cx, order: StartRun) -> Result<Start, Failure> {
    let (run_id, client) = (order.run_id.clone(), cx.conn.line().clone());
    // Noted first: the run may use a tool before this request goes on.
    cx.state.run_events.started_by(&run_id, &client);
    let started = cx.state.agent.start(order).await;
    if !matches!(started, Ok(Start::Accepted { .. } | Start::InFlight { .. })) {
        cx.state.run_events.not_started(&run_id, &client);
    }
    started.map_err(|error| failure::agent(&cx.state, &error))
}

/// The answer of `chat.send`. A repeat of a request whose run failed fails the same way.
///
/// # Errors
/// When the run is over and failed.
pub(crate) fn ack(started: Start) -> Result<ChatSendResult, RpcError> {
    let of = |run_id, status| ChatSendResult {
        run_id: Some(run_id),
        status: Some(status),
        ..ChatSendResult::default()
    };
    match started {
        Start::Accepted { run_id, message_seq, .. } => {
            Ok(ChatSendResult { message_seq, ..of(run_id, RunStatus::Started) })
        }
        Start::InFlight { run_id, .. } => Ok(of(run_id, RunStatus::InFlight)),
        Start::Done(outcome) => match outcome.state {
            FinalState::Done | FinalState::Aborted => Ok(of(outcome.run_id, RunStatus::Ok)),
            FinalState::Error | FinalState::Interrupted => {
                Err(RpcError::unavailable(failure_text(&outcome)))
            }
        },
        Start::Stopped { aborted, run_ids } => Ok(ChatSendResult {
            ok: Some(true),
            aborted: Some(aborted),
            run_ids: Some(run_ids),
            ..ChatSendResult::default()
        }),
    }
}

/// How hard the model is to think, if the request says.
///
/// # Errors
/// For a word that is no level.
pub(crate) fn thinking(raw: Option<&str>) -> Result<Option<ThinkingLevel>, RpcError> {
    let Some(raw) = raw.map(str::trim).filter(|raw| !raw.is_empty()) else { return Ok(None) };
    match ThinkingLevel::parse(raw) {
        Some(level) => Ok(Some(level)),
        None => Err(invalid_thinking(raw)),
    }
}

/// What a client is told about a level that is none.
pub(crate) fn invalid_thinking(raw: &str) -> RpcError {
    let known = ThinkingLevel::ALL.map(ThinkingLevel::as_str).join("|");
    RpcError::invalid(format!("invalid thinking level \"{raw}\" (use {known})"))
}

/// A time limit; none and zero mean the configured one.
pub(crate) fn milliseconds(limit: Option<u64>) -> Option<Duration> {
    limit.filter(|limit| *limit > 0).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::ids::SessionKey;

    use super::*;
    use crate::shape::run::tests::{failed, outcome};

    fn answer(started: Start) -> String {
        match ack(started) {
            Ok(result) => serde_json::to_string(&result).expect("JSON"),
            Err(error) => error.message,
        }
    }

    #[test]
    fn every_start_has_its_answer() {
        let accepted = |message_seq| Start::Accepted {
            run_id: "r".into(),
            session_key: SessionKey::new("agent:main:main"),
            session_id: "s".into(),
            message_seq,
            accepted_at_ms: 1,
            queued: message_seq.is_none(),
        };
        assert_eq!(answer(accepted(Some(3))), r#"{"runId":"r","status":"started","messageSeq":3}"#);
        assert_eq!(answer(accepted(None)), r#"{"runId":"r","status":"started"}"#);
        let in_flight = Start::InFlight { run_id: "r".into(), accepted_at_ms: 1 };
        assert_eq!(answer(in_flight), r#"{"runId":"r","status":"in_flight"}"#);
        let done = |state, reason| Start::Done(Box::new(outcome(state, reason)));
        assert_eq!(answer(done(FinalState::Done, "stop")), r#"{"runId":"r","status":"ok"}"#);
        assert_eq!(answer(done(FinalState::Aborted, "rpc")), r#"{"runId":"r","status":"ok"}"#);
        assert_eq!(answer(Start::Done(Box::new(failed()))), "p/m: too many requests");
        let stopped = Start::Stopped { aborted: true, run_ids: vec!["r".into()] };
        assert_eq!(answer(stopped), r#"{"ok":true,"aborted":true,"runIds":["r"]}"#);
    }

    #[test]
    fn levels_are_known_words() {
        assert_eq!(thinking(Some(" High ")), Ok(Some(ThinkingLevel::High)));
        assert_eq!(thinking(Some("")), Ok(None));
        let error = thinking(Some("hard")).expect_err("no level").message;
        assert_eq!(
            error,
            "invalid thinking level \"hard\" (use off|minimal|low|medium|high|xhigh)"
        );
    }
}
