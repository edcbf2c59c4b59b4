//! Runs as answers show them.

use openclaw_agent::{FinalState, RunError, RunOutcome, model::Usage};
use openclaw_protocol::{
    RpcError,
    ids::SessionId,
    methods::{
        agent::{
            AgentMeta, AgentResult, AgentRunMeta, AgentRunResult, AgentWaitResult, ReplyPayload,
            RunStatus, RunUsage, TerminalReply,
        },
        sessions::SessionStatusKind,
    },
};
use openclaw_store::runs::{RunRow, RunState};
use serde_json::{Value, value::to_raw_value};

use crate::router::Failure;

/// Stop reason of a run that took too long.
const TIMEOUT: &str = "timeout";
/// What is said of a run that failed without words.
const NO_REASON: &str = "the run failed";

/// The last answer of `agent`.
///
/// # Errors
/// `UNAVAILABLE` for a run that failed, with the run beside it.
pub fn last_answer(outcome: &RunOutcome, duration_ms: u64) -> Result<AgentResult, Failure> {
    let (status, summary) = match outcome.state {
        FinalState::Done => (RunStatus::Ok, "completed".to_owned()),
        FinalState::Aborted if outcome.stop_reason == TIMEOUT => {
            (RunStatus::Timeout, "timed out".to_owned())
        }
        FinalState::Aborted => (RunStatus::Ok, "aborted".to_owned()),
        FinalState::Error | FinalState::Interrupted => (RunStatus::Error, failure_text(outcome)),
    };
    let answer = AgentResult {
        run_id: outcome.run_id.clone(),
        status,
        summary: Some(summary.clone()),
        ..AgentResult::default()
    };
    if status == RunStatus::Error {
        let mut error = RpcError::unavailable(summary);
        if let Some(why) = &outcome.error {
            error = error.with_details(why_failed(outcome, why));
        }
        let retry_after_ms = outcome.error.as_ref().and_then(|error| error.retry_after_ms);
        if let Some(milliseconds) = retry_after_ms {
            error = error.retry_after(milliseconds);
        }
        return Err(Failure { error, payload: to_raw_value(&answer).ok() });
    }
    Ok(AgentResult { result: Some(result(outcome, duration_ms)), ..answer })
}

/// What a client can act on without reading the sentence.
fn why_failed(outcome: &RunOutcome, why: &RunError) -> Vec<(&'static str, Value)> {
    let mut details = vec![("reason", Value::from(why.reason.clone()))];
    if let Some(model) = &outcome.model {
        details.push(("provider", Value::from(model.provider.clone())));
        details.push(("model", Value::from(model.model.clone())));
    }
    details.extend(why.http_status.map(|status| ("httpStatus", Value::from(status))));
    details
}

fn result(outcome: &RunOutcome, duration_ms: u64) -> AgentRunResult {
    let text = outcome.text.clone().filter(|text| !text.is_empty());
    let payload = |text| ReplyPayload { text: Some(text), media_url: None, media_urls: None };
    let agent_meta = outcome.model.as_ref().map(|model| AgentMeta {
        session_id: outcome.session_id.to_string(),
        provider: model.provider.clone(),
        model: model.model.clone(),
        context_tokens: None,
        usage: Some(run_usage(outcome.usage)),
    });
    AgentRunResult {
        payloads: text.map(payload).into_iter().collect(),
        meta: AgentRunMeta {
            duration_ms,
            agent_meta,
            aborted: Some(outcome.state == FinalState::Aborted),
            stop_reason: Some(outcome.stop_reason.clone()),
        },
    }
}

const fn run_usage(usage: Usage) -> RunUsage {
    RunUsage {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        total: usage.total(),
    }
}

/// How long a run took, from its turn to its end.
#[must_use]
pub fn duration_ms(outcome: &RunOutcome) -> u64 {
    let began = outcome.started_at_ms.unwrap_or(outcome.accepted_at_ms);
    outcome.ended_at_ms.saturating_sub(began)
}

/// What went wrong, in words for a person.
#[must_use]
pub fn failure_text(outcome: &RunOutcome) -> String {
    let said = outcome.error.as_ref().map(|error| error.message.clone());
    said.filter(|text| !text.is_empty()).unwrap_or_else(|| match outcome.state {
        FinalState::Interrupted => "the Gateway stopped during this run".to_owned(),
        FinalState::Done | FinalState::Error | FinalState::Aborted => NO_REASON.to_owned(),
    })
}

/// The answer of `agent.wait` for a run that is over. One that was stopped counts as not finished.
#[must_use]
pub fn waited(outcome: &RunOutcome) -> AgentWaitResult {
    let failed = matches!(outcome.state, FinalState::Error | FinalState::Interrupted);
    let status = match outcome.state {
        FinalState::Done => RunStatus::Ok,
        FinalState::Aborted => RunStatus::Timeout,
        FinalState::Error | FinalState::Interrupted => RunStatus::Error,
    };
    let text = outcome.text.clone().filter(|text| !text.is_empty());
    let disposition = if text.is_some() { "visible" } else { "silent" };
    AgentWaitResult {
        run_id: outcome.run_id.clone(),
        status,
        started_at: outcome.started_at_ms,
        ended_at: Some(outcome.ended_at_ms),
        error: failed.then(|| failure_text(outcome)),
        stop_reason: Some(outcome.stop_reason.clone()),
        terminal_reply: (!failed)
            .then(|| TerminalReply { disposition: disposition.to_owned(), text }),
    }
}

/// How a session's last run stands.
#[must_use]
pub fn status_of(run: &RunRow) -> SessionStatusKind {
    match run.state {
        RunState::Accepted => SessionStatusKind::Queued,
        RunState::Running => SessionStatusKind::Running,
        RunState::Done => SessionStatusKind::Done,
        RunState::Error | RunState::Interrupted => SessionStatusKind::Failed,
        RunState::Aborted if stop_reason(run) == Some(TIMEOUT) => SessionStatusKind::Timeout,
        RunState::Aborted => SessionStatusKind::Killed,
    }
}

fn stop_reason(run: &RunRow) -> Option<&str> {
    run.outcome.as_ref()?.get("stopReason")?.as_str()
}

/// What went wrong in a session's last run.
#[must_use]
pub fn error_of(run: &RunRow) -> Option<String> {
    let message = run.outcome.as_ref()?.get("error")?.get("message")?.as_str()?;
    Some(message.to_owned())
}

/// Whether a run's transcript is still the session's.
#[must_use]
pub fn belongs_to(run: &RunRow, session_id: &SessionId) -> bool {
    run.session_id == *session_id
}

#[cfg(test)]
pub(crate) mod tests {
    use openclaw_agent::{ModelRef, RunError, model::ErrorKind};
    use openclaw_protocol::ids::{RunId, SessionKey};
    use serde_json::json;

    use super::*;

    /// The outcome of a run that answered `hello`.
    pub(crate) fn outcome(state: FinalState, stop_reason: &str) -> RunOutcome {
        RunOutcome {
            run_id: RunId::new("r"),
            session_key: SessionKey::new("agent:main:main"),
            session_id: SessionId::new("s"),
            state,
            text: Some("hello".to_owned()),
            stop_reason: stop_reason.to_owned(),
            usage: Usage { input: 1, output: 2, cache_read: 3, cache_write: 4 },
            model: Some(ModelRef::new("p", "m")),
            error: None,
            accepted_at_ms: 10,
            started_at_ms: Some(20),
            ended_at_ms: 50,
            merged_into: None,
        }
    }

    /// The same for a run whose provider said 429.
    pub(crate) fn failed() -> RunOutcome {
        RunOutcome {
            text: None,
            error: Some(RunError {
                message: "p/m: too many requests".to_owned(),
                kind: ErrorKind::RateLimit,
                reason: "rate_limit".to_owned(),
                retry_after_ms: Some(7_000),
                http_status: Some(429),
            }),
            ..outcome(FinalState::Error, "error")
        }
    }

    #[test]
    fn a_finished_run_answers_with_what_it_said() {
        let outcome = outcome(FinalState::Done, "stop");
        let answer = last_answer(&outcome, duration_ms(&outcome)).expect("ok");
        let expected = json!({
            "runId": "r", "status": "ok", "summary": "completed",
            "result": {
                "payloads": [{"text": "hello", "mediaUrl": null}],
                "meta": {
                    "durationMs": 30, "aborted": false, "stopReason": "stop",
                    "agentMeta": {
                        "sessionId": "s", "provider": "p", "model": "m",
                        "usage": {
                            "input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4, "total": 10,
                        },
                    },
                },
            },
        });
        assert_eq!(serde_json::to_value(answer).expect("JSON"), expected);
        let waited = serde_json::to_value(waited(&outcome)).expect("JSON");
        let expected = json!({
            "runId": "r", "status": "ok", "startedAt": 20, "endedAt": 50, "stopReason": "stop",
            "terminalReply": {"disposition": "visible", "text": "hello"},
        });
        assert_eq!(waited, expected);
    }

    #[test]
    fn a_failed_run_says_why_and_when_to_try_again() {
        let failure = last_answer(&failed(), 1).expect_err("failed");
        assert_eq!(failure.error.message, "p/m: too many requests");
        assert_eq!(failure.error.retry_after_ms, Some(7_000));
        let payload = failure.payload.expect("the run beside the error");
        assert_eq!(
            payload.get(),
            r#"{"runId":"r","status":"error","summary":"p/m: too many requests"}"#
        );
        let waited = waited(&failed());
        assert_eq!(waited.status, RunStatus::Error);
        assert_eq!(waited.error.as_deref(), Some("p/m: too many requests"));
    }

    #[test]
    fn a_stopped_run_is_no_failure() {
        let timeout = outcome(FinalState::Aborted, TIMEOUT);
        let answer = last_answer(&timeout, 1).expect("no failure");
        assert_eq!(answer.status, RunStatus::Timeout);
        let stopped = outcome(FinalState::Aborted, "rpc");
        let answer = last_answer(&stopped, 1).expect("no failure");
        assert_eq!(answer.status, RunStatus::Ok);
        assert_eq!(answer.result.and_then(|result| result.meta.aborted), Some(true));
        assert_eq!(waited(&stopped).status, RunStatus::Timeout);
    }

    #[test]
    fn a_run_that_was_cut_by_a_restart_says_so() {
        let cut = outcome(FinalState::Interrupted, "restart");
        assert_eq!(failure_text(&cut), "the Gateway stopped during this run");
    }
}
