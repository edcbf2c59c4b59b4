use serde_json::json;

use super::*;

fn decode(chunks: &[Value]) -> Result<Vec<ModelEvent>, ModelError> {
    let mut decoder = Decoder::default();
    let mut out = VecDeque::new();
    for chunk in chunks {
        decoder.data(&chunk.to_string(), &mut out)?;
    }
    decoder.data("[DONE]", &mut out)?;
    Ok(out.into())
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn calls(calls: &Value) -> Value {
    delta(&json!({"tool_calls": calls}))
}

fn start(index: u64, id: &str, name: &str) -> ModelEvent {
    ModelEvent::ToolCallStart { index, id: id.into(), name: name.into() }
}

fn piece(index: u64, json: &str) -> ModelEvent {
    ModelEvent::ToolCallDelta { index, json: json.into() }
}

#[test]
fn text_thinking_and_usage() {
    let got = decode(&[
        delta(&json!({"role": "assistant", "content": ""})),
        delta(&json!({"reasoning_content": "hm"})),
        delta(&json!({"content": "Hel"})),
        delta(&json!({"content": "lo"})),
        finish("stop"),
        json!({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 10}}}),
    ]);
    let usage = Usage { input: 2, output: 3, cache_read: 10, cache_write: 0 };
    let wanted = vec![
        ModelEvent::ThinkingDelta("hm".into()),
        ModelEvent::TextDelta("Hel".into()),
        ModelEvent::TextDelta("lo".into()),
        ModelEvent::Usage(usage),
        ModelEvent::Stop(StopReason::Stop),
    ];
    assert_eq!(got, Ok(wanted));
}

#[test]
fn tool_calls_by_index() {
    let got = decode(&[
        calls(&json!([{"index": 0, "id": "a", "type": "function",
            "function": {"name": "look", "arguments": ""}}])),
        calls(&json!([{"index": 0, "function": {"arguments": "{\"x\":"}}])),
        calls(&json!([{"index": 1, "id": "b", "function": {"name": "hear", "arguments": "{}"}}])),
        calls(&json!([{"index": 0, "function": {"arguments": "1}"}}])),
        finish("tool_calls"),
    ]);
    let wanted = vec![
        start(0, "a", "look"),
        piece(0, "{\"x\":"),
        start(1, "b", "hear"),
        piece(1, "{}"),
        piece(0, "1}"),
        ModelEvent::Stop(StopReason::ToolUse),
    ];
    assert_eq!(got, Ok(wanted));
}

#[test]
fn tool_calls_of_lenient_servers() {
    // Every call has index 0, as some servers do; then none has an index, id or text arguments.
    let got = decode(&[
        calls(&json!([{"index": 0, "id": "a", "function": {"name": "look", "arguments": "{}"}}])),
        calls(&json!([{"index": 0, "id": "b", "function": {"name": "hear", "arguments": "{}"}}])),
        finish("tool_calls"),
    ]);
    let wanted = vec![
        start(0, "a", "look"),
        piece(0, "{}"),
        start(1, "b", "hear"),
        piece(1, "{}"),
        ModelEvent::Stop(StopReason::ToolUse),
    ];
    assert_eq!(got, Ok(wanted));

    let got = decode(&[
        calls(&json!([{"index": 0, "function": {"arguments": "{\"a\""}}])),
        calls(&json!([{"index": 0, "function": {"name": "look", "arguments": ":1}"}}])),
        calls(&json!([{"index": 1, "function": {"name": "hear", "arguments": {"b": 2}}}])),
        finish("stop"),
    ]);
    let wanted = vec![
        start(0, "call_0", "look"),
        piece(0, "{\"a\":1}"),
        start(1, "call_1", "hear"),
        piece(1, "{\"b\":2}"),
        ModelEvent::Stop(StopReason::Stop),
    ];
    assert_eq!(got, Ok(wanted));
}

#[test]
fn the_end_needs_a_finish_but_no_done() {
    let mut decoder = Decoder::default();
    let mut out = VecDeque::new();
    decoder.data(&delta(&json!({"content": "half"})).to_string(), &mut out).unwrap();
    assert_eq!(decoder.end(&mut out), Err(ModelError::Cut));
    decoder.data(&finish("length").to_string(), &mut out).unwrap();
    assert_eq!(decoder.end(&mut out), Ok(()));
    assert_eq!(out.back(), Some(&ModelEvent::Stop(StopReason::Length)));
}

#[test]
fn refusals_and_errors_in_the_stream() {
    let got = decode(&[delta(&json!({"refusal": "No."})), finish("stop")]).unwrap();
    assert_eq!(got.last(), Some(&ModelEvent::Stop(StopReason::Refusal)));
    let error = decode(&[json!({"error": {"message": "slow", "code": "rate_limit_exceeded"}})]);
    assert_eq!(error.map_err(|error| error.reason()), Err("rate_limit"));
}

#[test]
fn what_is_no_chunk_is_malformed() {
    for data in ["", "{", "[1]", "{\"choices\":1}", "{\"choices\":[{\"delta\":{\"content\":1}}]}"] {
        let read = Decoder::default().data(data, &mut VecDeque::new());
        assert!(matches!(read, Err(ModelError::Malformed { .. })), "{data}: {read:?}");
    }
    let nameless = decode(&[calls(&json!([{"index": 0, "id": "a"}])), finish("tool_calls")]);
    assert!(matches!(nameless, Err(ModelError::Malformed { .. })), "{nameless:?}");
}
