//! The three frames of the protocol and nothing else.
//!
//! One JSON object per text message. Clients send requests, the Gateway sends responses and events.
//! No key beyond the documented ones is ever written: protocol 3 clients drop a frame that has one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::error::RpcError;

/// A request, borrowed from the message it came in.
#[derive(Debug)]
pub struct RequestFrame<'a> {
    /// Chosen by the client; echoed on every response.
    pub id: Cow<'a, str>,
    /// Name of a row.
    pub method: Cow<'a, str>,
    /// Not looked into yet.
    pub params: Option<&'a RawValue>,
}

/// Why an inbound message is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not JSON at all.
    #[error("not JSON")]
    NotJson,
    /// JSON, but not a request frame; `id` is there if the message had a usable one.
    #[error("invalid request frame: {message}")]
    Malformed {
        /// The id to answer with.
        id: Option<String>,
        /// What is wrong, in the validator's words.
        message: String,
    },
}

#[derive(Deserialize)]
struct WireRequest<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Longest request id that is accepted and echoed, in bytes.
pub const MAX_FRAME_ID_BYTES: usize = 1024;

/// Reads one inbound message.
///
/// # Errors
/// [`FrameError`] when the message is not a request frame.
pub fn decode_request(message: &str) -> Result<RequestFrame<'_>, FrameError> {
    if !is_object(message) {
        return Err(explain(message));
    }
    match serde_json::from_str::<WireRequest<'_>>(message) {
        Ok(wire)
            if wire.kind == "req"
                && !wire.id.is_empty()
                && wire.id.len() <= MAX_FRAME_ID_BYTES
                && !wire.method.is_empty() =>
        {
            Ok(RequestFrame { id: wire.id, method: wire.method, params: wire.params })
        }
        _ => Err(explain(message)),
    }
}

/// Serde would read a list as a struct, field after field; a frame is an object.
fn is_object(message: &str) -> bool {
    message.trim_ascii_start().starts_with('{')
}

/// The slow path: says what is wrong with a message that did not decode.
fn explain(message: &str) -> FrameError {
    let Ok(value) = serde_json::from_str::<Value>(message) else { return FrameError::NotJson };
    let id = value
        .get("id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty() && id.len() <= MAX_FRAME_ID_BYTES)
        .map(str::to_owned);
    let malformed =
        |message: &str| FrameError::Malformed { id: id.clone(), message: message.to_owned() };
    if !value.is_object() {
        return malformed("must be object");
    }
    for field in ["type", "id", "method"] {
        match value.get(field) {
            None => return malformed(&format!("must have required property '{field}'")),
            Some(Value::String(text)) if text.is_empty() => {
                return malformed(&format!("at /{field}: must NOT have fewer than 1 characters"));
            }
            Some(Value::String(_)) => {}
            Some(_) => return malformed(&format!("at /{field}: must be string")),
        }
    }
    if value.get("type").and_then(Value::as_str) != Some("req") {
        return malformed("at /type: must be equal to constant");
    }
    if value.get("id").and_then(Value::as_str).is_some_and(|id| id.len() > MAX_FRAME_ID_BYTES) {
        return malformed("at /id: must NOT have more than 1024 characters");
    }
    malformed("must NOT have duplicate properties")
}

/// A request to send (clients).
#[derive(Debug, Serialize)]
pub struct OutgoingRequest<'a, P: Serialize> {
    /// Always `req`.
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    method: &'a str,
    params: P,
}

impl<'a, P: Serialize> OutgoingRequest<'a, P> {
    /// A request frame.
    pub const fn new(id: &'a str, method: &'a str, params: P) -> Self {
        Self { kind: "req", id, method, params }
    }
}

#[derive(Serialize)]
struct WireResponse<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

/// The text of a response frame. `payload` may accompany an error: `agent` sends both.
#[must_use]
pub fn encode_response(
    id: &str,
    outcome: Result<&RawValue, (&RpcError, Option<&RawValue>)>,
) -> String {
    let (payload, error) = match outcome {
        Ok(payload) => (Some(payload), None),
        Err((error, payload)) => (payload, Some(error)),
    };
    encode(&WireResponse { kind: "res", id, ok: error.is_none(), payload, error })
}

/// Versions of the two lists every client keeps: presence and health.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct StateVersion {
    /// Grows each time the presence list is published.
    pub presence: u64,
    /// Grows each time the health snapshot is published.
    pub health: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    event: &'a str,
    payload: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_version: Option<StateVersion>,
}

/// The text of an event frame around a payload that was serialised once for everybody.
#[must_use]
pub fn encode_event(
    event: &str,
    payload: &RawValue,
    seq: Option<u64>,
    state_version: Option<StateVersion>,
) -> String {
    encode(&WireEvent { kind: "event", event, payload, seq, state_version })
}

#[expect(clippy::expect_used, reason = "frames hold only strings, numbers, and JSON made before")]
fn encode(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("a frame of plain data always serialises")
}

/// A frame from the Gateway, as clients read it.
#[derive(Debug)]
pub enum ServerFrame {
    /// The answer to a request; interim answers carry the same id.
    Response {
        /// The request's id.
        id: String,
        /// Payload or error; an error may come with a payload as well.
        outcome: Result<Box<RawValue>, (RpcError, Option<Box<RawValue>>)>,
    },
    /// Something happened.
    Event {
        /// Name of an event row, or one we do not know.
        event: String,
        /// Not looked into yet.
        payload: Box<RawValue>,
        /// Per-connection sequence number.
        seq: Option<u64>,
        /// Versions, on presence and health events.
        state_version: Option<StateVersion>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireServerFrame {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    ok: Option<bool>,
    payload: Option<Box<RawValue>>,
    error: Option<LenientError>,
    event: Option<String>,
    seq: Option<u64>,
    state_version: Option<StateVersion>,
}

/// Errors of other Gateways may use codes we do not know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LenientError {
    code: String,
    message: String,
    details: Option<Value>,
    retryable: Option<bool>,
    retry_after_ms: Option<u64>,
}

impl From<LenientError> for RpcError {
    fn from(wire: LenientError) -> Self {
        let code = serde_json::from_value(Value::String(wire.code))
            .unwrap_or(crate::error::ErrorCode::Unavailable);
        Self {
            code,
            message: wire.message,
            details: wire.details,
            retryable: wire.retryable,
            retry_after_ms: wire.retry_after_ms,
        }
    }
}

/// Reads one message of a Gateway.
///
/// # Errors
/// A sentence when the message is neither a response nor an event.
pub fn decode_server_frame(message: &str) -> Result<ServerFrame, String> {
    if !is_object(message) {
        return Err("not a Gateway frame: not an object".to_owned());
    }
    let wire: WireServerFrame =
        serde_json::from_str(message).map_err(|error| format!("not a Gateway frame: {error}"))?;
    let null = || RawValue::NULL.to_owned();
    match wire.kind.as_str() {
        "res" => {
            let id = wire.id.ok_or("response without id")?;
            let outcome = match (wire.ok, wire.error) {
                (Some(true), _) => Ok(wire.payload.unwrap_or_else(null)),
                (_, Some(error)) => Err((error.into(), wire.payload)),
                (_, None) => return Err("response with neither payload nor error".to_owned()),
            };
            Ok(ServerFrame::Response { id, outcome })
        }
        "event" => Ok(ServerFrame::Event {
            event: wire.event.ok_or("event without name")?,
            payload: wire.payload.unwrap_or_else(null),
            seq: wire.seq,
            state_version: wire.state_version,
        }),
        other => Err(format!("unknown frame type {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str) -> FrameError {
        decode_request(message).expect_err(message)
    }

    #[test]
    fn reads_a_request() {
        let frame =
            decode_request(r#"{"type":"req","id":"1","method":"health","params":{"a":1},"x":2}"#)
                .expect("a request");
        assert_eq!((&*frame.id, &*frame.method), ("1", "health"));
        assert_eq!(frame.params.map(RawValue::get), Some(r#"{"a":1}"#));
    }

    #[test]
    fn says_what_is_wrong() {
        let malformed = |id: Option<&str>, message: &str| FrameError::Malformed {
            id: id.map(str::to_owned),
            message: message.to_owned(),
        };
        assert_eq!(fault("hello"), FrameError::NotJson);
        assert_eq!(fault("[]"), malformed(None, "must be object"));
        assert_eq!(fault(r#"["req","1","x"]"#), malformed(None, "must be object"));
        assert_eq!(
            fault(r#"{"type":"req","id":"7","id":"8","method":"x"}"#),
            malformed(Some("8"), "must NOT have duplicate properties")
        );
        assert_eq!(
            fault(&format!(r#"{{"type":"req","id":"{}","method":"x"}}"#, "7".repeat(1025))),
            malformed(None, "at /id: must NOT have more than 1024 characters")
        );
        assert_eq!(
            fault(r#"{"type":"req","method":"x"}"#),
            malformed(None, "must have required property 'id'")
        );
        assert_eq!(
            fault(r#"{"type":"req","id":"7","method":3}"#),
            malformed(Some("7"), "at /method: must be string")
        );
        assert_eq!(
            fault(r#"{"type":"event","id":"7","method":"x"}"#),
            malformed(Some("7"), "at /type: must be equal to constant")
        );
    }

    #[test]
    fn writes_only_documented_keys() {
        let payload = RawValue::from_string("{\"ok\":true}".to_owned()).expect("JSON");
        assert_eq!(
            encode_response("1", Ok(&payload)),
            r#"{"type":"res","id":"1","ok":true,"payload":{"ok":true}}"#
        );
        let error = RpcError::unknown_method("x");
        assert_eq!(
            encode_response("1", Err((&error, None))),
            r#"{"type":"res","id":"1","ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown method: x"}}"#
        );
        assert_eq!(
            encode_event("tick", &payload, Some(3), None),
            r#"{"type":"event","event":"tick","payload":{"ok":true},"seq":3}"#
        );
    }
}
