//! What is written is read back as it was, and nothing that a peer may send makes a decoder panic.

#![expect(clippy::expect_used, reason = "the helpers of a test fail as the test does")]

use openclaw_protocol::{
    ErrorCode, Rpc, RpcError,
    frame::{
        FrameError, MAX_FRAME_ID_BYTES, OutgoingRequest, ServerFrame, StateVersion, decode_request,
        decode_server_frame, encode_event, encode_response,
    },
    methods::{Visitor, visit_methods},
    params,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

/// Any JSON value of a few levels.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((".{0,6}", inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).expect("JSON")
}

/// A valid frame of some kind, as text.
fn any_frame() -> impl Strategy<Value = String> {
    let request = (".{1,12}", ".{1,12}", any_json()).prop_map(|(id, method, params)| {
        serde_json::to_string(&OutgoingRequest::new(&id, &method, params)).expect("JSON")
    });
    let response =
        (".{1,12}", any_json()).prop_map(|(id, payload)| encode_response(&id, Ok(&raw(&payload))));
    let event = (".{1,12}", any_json(), any::<Option<u64>>())
        .prop_map(|(name, payload, seq)| encode_event(&name, &raw(&payload), seq, None));
    prop_oneof![request, response, event]
}

/// Both decoders on one message; returns nothing, because not panicking is the point.
fn decode_both(message: &str) {
    if let Err(FrameError::Malformed { id, message }) = decode_request(message) {
        assert!(!message.is_empty());
        assert!(id.is_none_or(|id| !id.is_empty() && id.len() <= MAX_FRAME_ID_BYTES));
    }
    if let Err(sentence) = decode_server_frame(message) {
        assert!(!sentence.is_empty());
    }
}

/// Decodes one value as the params of every method.
struct Everywhere<'a>(&'a RawValue);

impl Visitor for Everywhere<'_> {
    fn visit<M: Rpc>(&mut self) {
        match params::decode::<M::Params>(M::NAME, Some(self.0)) {
            Ok(params) => {
                M::queue_key(&params);
                M::idempotency_key(&params);
                let scope = M::scope_for(&params);
                assert!(
                    scope.implies(M::ROW.scope.least()),
                    "{} asks for less than its row",
                    M::NAME
                );
            }
            Err(error) => {
                assert_eq!(error.code, ErrorCode::InvalidRequest);
                assert!(error.message.starts_with(&format!("invalid {} params: ", M::NAME)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_read_back(id in ".{1,40}", method in ".{1,40}", params in any_json()) {
        let text = serde_json::to_string(&OutgoingRequest::new(&id, &method, &params)).expect("JSON");
        let frame = decode_request(&text).expect("a request");
        prop_assert_eq!((&*frame.id, &*frame.method), (id.as_str(), method.as_str()));
        let read: Value = serde_json::from_str(frame.params.map_or("null", RawValue::get)).expect("JSON");
        prop_assert_eq!(read, params);
    }

    #[test]
    fn responses_read_back(id in ".{1,40}", payload in any_json()) {
        let text = encode_response(&id, Ok(&raw(&payload)));
        let ServerFrame::Response { id: read, outcome } = decode_server_frame(&text).expect("a frame")
        else {
            return Err(TestCaseError::fail("not a response"));
        };
        prop_assert_eq!(read, id);
        let read: Value = serde_json::from_str(outcome.expect("a payload").get()).expect("JSON");
        prop_assert_eq!(read, payload);
    }

    #[test]
    fn errors_read_back(id in ".{1,40}", message in ".{0,40}", wait in any::<u32>()) {
        let error = RpcError::unavailable(message)
            .with_details([("n", json!(1))])
            .retry_after(u64::from(wait));
        let text = encode_response(&id, Err((&error, None)));
        let ServerFrame::Response { outcome, .. } = decode_server_frame(&text).expect("a frame") else {
            return Err(TestCaseError::fail("not a response"));
        };
        prop_assert_eq!(outcome.expect_err("an error").0, error);
    }

    #[test]
    fn events_read_back(name in ".{1,40}", sent in any_json(), number in any::<Option<u64>>()) {
        let version = number.map(|seq| StateVersion { presence: seq, health: 1 });
        let text = encode_event(&name, &raw(&sent), number, version);
        let ServerFrame::Event { event, payload, seq, state_version } =
            decode_server_frame(&text).expect("a frame")
        else {
            return Err(TestCaseError::fail("not an event"));
        };
        prop_assert_eq!((event, seq, state_version), (name, number, version));
        prop_assert_eq!(serde_json::from_str::<Value>(payload.get()).expect("JSON"), sent);
    }

    #[test]
    fn any_text_is_survived(message in ".{0,200}") {
        decode_both(&message);
    }

    #[test]
    fn any_json_is_survived(value in any_json()) {
        decode_both(&value.to_string());
        visit_methods(&mut Everywhere(&raw(&value)));
    }

    #[test]
    fn cut_frames_are_survived(frame in any_frame(), at in any::<Index>()) {
        let at = at.index(frame.len() + 1);
        let bytes = frame.as_bytes().get(..at).unwrap_or_default();
        decode_both(&String::from_utf8_lossy(bytes));
    }

    #[test]
    fn flipped_frames_are_survived(frame in any_frame(), flips in vec((any::<Index>(), 0..8_u8), 1..4)) {
        let mut bytes = frame.into_bytes();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        decode_both(&String::from_utf8_lossy(&bytes));
    }
}
