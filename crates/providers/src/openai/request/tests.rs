use openclaw_agent::model::ModelRef;

use super::*;
use crate::fixture::{assistant, call, endpoint, request, result, user};

fn get<'a>(body: &'a Value, pointer: &str) -> &'a Value {
    body.pointer(pointer).unwrap_or(&Value::Null)
}

#[test]
fn a_conversation_with_tools_and_pictures() {
    let endpoint = endpoint("openai", "gpt-x");
    let picture = Part::Image { mime_type: "image/png".into(), data: "AAAA".into() };
    let origin = ModelRef::new("openai", "gpt-x");
    let thought =
        Part::Thinking { text: "hm".into(), signature: Some("s".into()), redacted: false };
    let body = body(
        &endpoint,
        &request(vec![
            ModelMessage::User(vec![Part::Text("see".into()), picture]),
            assistant(vec![thought.clone(), Part::Text("I look".into()), call("1")], &origin),
            result("1", "a cat", false),
            assistant(vec![thought], &origin),
            user("thanks"),
        ]),
    );
    let wanted = json!([
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [
            {"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": "I look", "tool_calls": [
            {"id": "1", "type": "function",
             "function": {"name": "look", "arguments": "{\"at\":1}"}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "a cat"},
        {"role": "user", "content": "thanks"},
    ]);
    assert_eq!(get(&body, "/messages"), &wanted);
    assert_eq!(get(&body, "/tools/0/function/name"), "look");
    assert_eq!(get(&body, "/stream_options/include_usage"), true);
    assert_eq!(get(&body, "/store"), false);
}

#[test]
fn servers_that_are_not_openai_get_the_older_names() {
    let mut endpoint = endpoint("ollama", "llama");
    endpoint.max_tokens = Some(99);
    let body = body(&endpoint, &request(vec![user("a")]));
    assert_eq!(get(&body, "/max_tokens"), 99);
    assert_eq!(get(&body, "/store"), &Value::Null);
    assert_eq!(get(&body, "/max_completion_tokens"), &Value::Null);
}

#[test]
fn tools_and_reasoning_where_they_exclude_each_other() {
    let mut endpoint = endpoint("openai", "gpt-x");
    endpoint.tools = ToolUse::WithoutReasoning;
    let mut request = request(vec![user("a")]);
    let plain = body(&endpoint, &request);
    assert_eq!(get(&plain, "/reasoning_effort"), "none");
    assert!(get(&plain, "/tools").is_array());

    request.thinking = ThinkingLevel::High;
    let thinking = body(&endpoint, &request);
    assert_eq!(get(&thinking, "/reasoning_effort"), "high");
    assert_eq!(get(&thinking, "/tools"), &Value::Null);

    endpoint.tools = ToolUse::Never;
    request.thinking = ThinkingLevel::Off;
    let never = body(&endpoint, &request);
    assert_eq!(get(&never, "/tools"), &Value::Null);
    assert_eq!(get(&never, "/reasoning_effort"), &Value::Null);
}

#[test]
fn pictures_for_the_blind_become_words() {
    let picture = Part::Image { mime_type: "image/png".into(), data: "AAAA".into() };
    let content = user_content(&[Part::Text("see".into()), picture], false);
    assert_eq!(content, "see\n\n[a picture that this model cannot see]");
}
