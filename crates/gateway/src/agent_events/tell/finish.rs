//! The end of a run.

use openclaw_agent::{FinalState, RunError, RunOutcome, model::ErrorKind};
use openclaw_protocol::events::chat::{
    ChatErrorDetail, ChatErrorKind, ChatPayload, ChatState, LifecycleData, LifecyclePhase,
};

use super::payload::said;
use crate::shape::{message::usage, run::failure_text};

/// Longest text of an error's particulars, in characters.
const MAX_DETAIL_CHARS: usize = 300;

/// What the life of a run ends with.
pub(super) fn lifecycle(outcome: &RunOutcome) -> Vec<LifecycleData> {
    let ended = LifecycleData { ended_at: Some(outcome.ended_at_ms), ..LifecycleData::default() };
    match outcome.state {
        FinalState::Error | FinalState::Interrupted => vec![LifecycleData {
            phase: LifecyclePhase::Error,
            error: Some(failure_text(outcome)),
            ..ended
        }],
        FinalState::Done | FinalState::Aborted => {
            let finishing = LifecycleData {
                phase: LifecyclePhase::Finishing,
                stop_reason: Some(outcome.stop_reason.clone()),
                aborted: Some(outcome.state == FinalState::Aborted),
                ..ended
            };
            let end = LifecycleData {
                phase: LifecyclePhase::End,
                started_at: outcome.started_at_ms,
                ..finishing.clone()
            };
            vec![finishing, end]
        }
    }
}

/// What a chat page is told last. The text is whole here, whatever became of the deltas.
pub(super) fn chat(outcome: &RunOutcome, base: ChatPayload) -> ChatPayload {
    let text = outcome.text.as_deref().filter(|text| !text.is_empty());
    let message = text.map(|text| said(text, outcome.ended_at_ms));
    let stop_reason = Some(outcome.stop_reason.clone());
    match outcome.state {
        FinalState::Done => ChatPayload {
            state: ChatState::Final,
            message,
            usage: (outcome.usage.total() > 0).then(|| usage(outcome.usage)),
            stop_reason,
            ..base
        },
        FinalState::Aborted => {
            ChatPayload { state: ChatState::Aborted, message, stop_reason, ..base }
        }
        FinalState::Error | FinalState::Interrupted => ChatPayload {
            state: ChatState::Error,
            message,
            error_message: Some(failure_text(outcome)),
            error_kind: outcome.error.as_ref().map(|error| kind(error.kind)),
            error_detail: outcome.error.as_ref().map(|error| detail(outcome, error)),
            ..base
        },
    }
}

const fn kind(kind: ErrorKind) -> ChatErrorKind {
    match kind {
        ErrorKind::Refusal => ChatErrorKind::Refusal,
        ErrorKind::Timeout => ChatErrorKind::Timeout,
        ErrorKind::RateLimit => ChatErrorKind::RateLimit,
        ErrorKind::ContextLength => ChatErrorKind::ContextLength,
        ErrorKind::Unknown => ChatErrorKind::Unknown,
    }
}

fn detail(outcome: &RunOutcome, error: &RunError) -> ChatErrorDetail {
    let short = |text: &str| text.chars().take(MAX_DETAIL_CHARS).collect::<String>();
    ChatErrorDetail {
        provider: outcome.model.as_ref().map(|model| short(&model.provider)),
        model: outcome.model.as_ref().map(|model| short(&model.model)),
        provider_error_type: Some(short(&error.reason)),
        http_status: error.http_status.filter(|status| (100..600).contains(status)),
        provider_error_message_preview: Some(short(&error.message)),
        ..ChatErrorDetail::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::shape::run::tests::{failed, outcome};

    fn told(outcome: &RunOutcome) -> Value {
        let base = ChatPayload { run_id: "r".into(), seq: 9, ..ChatPayload::default() };
        serde_json::to_value(chat(outcome, base)).expect("JSON")
    }

    fn message() -> Value {
        json!({"role": "assistant", "content": [{"type": "text", "text": "hello"}], "timestamp": 50})
    }

    #[test]
    fn an_answer_ends_whole() {
        let expected = json!({
            "runId": "r", "sessionKey": "", "seq": 9, "state": "final", "stopReason": "stop",
            "message": message(),
            "usage": {"input": 1, "output": 2, "cacheRead": 3, "cacheWrite": 4, "totalTokens": 10},
        });
        assert_eq!(told(&outcome(FinalState::Done, "stop")), expected);
        let silent = RunOutcome { text: None, ..outcome(FinalState::Done, "stop") };
        assert_eq!(told(&silent).get("message"), None);
    }

    #[test]
    fn a_stopped_run_keeps_what_was_said() {
        let expected = json!({
            "runId": "r", "sessionKey": "", "seq": 9, "state": "aborted", "stopReason": "rpc",
            "message": message(),
        });
        assert_eq!(told(&outcome(FinalState::Aborted, "rpc")), expected);
    }

    #[test]
    fn a_failed_run_says_why() {
        let expected = json!({
            "runId": "r", "sessionKey": "", "seq": 9, "state": "error",
            "errorMessage": "p/m: too many requests", "errorKind": "rate_limit",
            "errorDetail": {
                "provider": "p", "model": "m", "providerErrorType": "rate_limit",
                "httpStatus": 429, "providerErrorMessagePreview": "p/m: too many requests",
            },
        });
        assert_eq!(told(&failed()), expected);
    }

    #[test]
    fn a_life_ends_once() {
        let phases = |outcome: &RunOutcome| -> Vec<LifecyclePhase> {
            lifecycle(outcome).into_iter().map(|data| data.phase).collect()
        };
        let well = [LifecyclePhase::Finishing, LifecyclePhase::End];
        assert_eq!(phases(&outcome(FinalState::Done, "stop")), well);
        assert_eq!(phases(&outcome(FinalState::Aborted, "stop")), well);
        assert_eq!(phases(&failed()), [LifecyclePhase::Error]);
    }
}
