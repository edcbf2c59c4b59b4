use openclaw_agent::model::ModelRef;

use super::*;
use crate::fixture::{assistant, call, endpoint, request, result, user};

fn get<'a>(body: &'a Value, pointer: &str) -> &'a Value {
    body.pointer(pointer).unwrap_or(&Value::Null)
}

fn thought(redacted: bool) -> Part {
    Part::Thinking { text: "hm".into(), signature: Some("sig".into()), redacted }
}

#[test]
fn roles_take_turns_and_results_pair_up() {
    let endpoint = endpoint("anthropic", "claude-opus-4-6");
    let own = endpoint.model.clone();
    let other = ModelRef::new("openai", "gpt-x");
    let body = body(
        &endpoint,
        &request(vec![
            user("a"),
            user("b"),
            assistant(vec![thought(false), thought(true), call("t.1"), call("2")], &own),
            result("2", "two", true),
            user("and?"),
            assistant(vec![thought(false), Part::Text("So.".into())], &other),
            user("ok"),
        ]),
    );
    let wanted = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "a"}, {"type": "text", "text": "b"},
        ]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "sig"},
            {"type": "tool_use", "id": "t_1", "name": "look", "input": {"at": 1}},
            {"type": "tool_use", "id": "2", "name": "look", "input": {"at": 1}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t_1", "is_error": true,
             "content": "No result: the call was interrupted and is not known to have had an effect."},
            {"type": "tool_result", "tool_use_id": "2", "content": "two", "is_error": true},
            {"type": "text", "text": "and?"},
        ]},
        {"role": "assistant", "content": [{"type": "text", "text": "So."}]},
        {"role": "user", "content": [
            {"type": "text", "text": "ok", "cache_control": {"type": "ephemeral"}},
        ]},
    ]);
    assert_eq!(get(&body, "/messages"), &wanted);
    assert_eq!(get(&body, "/system/0/cache_control/type"), "ephemeral");
    assert_eq!(get(&body, "/tools/0/input_schema/type"), "object");
    assert_eq!(get(&body, "/max_tokens"), 8192);
}

#[test]
fn a_conversation_begins_and_ends_with_the_person() {
    let endpoint = endpoint("anthropic", "claude-x");
    let own = endpoint.model.clone();
    let half = assistant(vec![Part::Text("half an".into())], &own);
    let body = body(&endpoint, &request(vec![half]));
    let roles: Vec<&str> = get(&body, "/messages")
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[test]
fn pictures_are_base64_blocks() {
    let picture = Part::Image { mime_type: "image/png".into(), data: "AAAA".into() };
    let blocks = user_blocks(std::slice::from_ref(&picture), true);
    let wanted = json!({"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    assert_eq!(blocks, [wanted]);
    assert_eq!(user_blocks(&[picture], false)[0]["type"], "text");
}

#[test]
fn thinking_is_asked_for_as_the_version_wants_it() {
    let ask = |model: &str, level: ThinkingLevel| {
        Value::Object(thinking(&endpoint("anthropic", model), level, 16_000))
    };
    assert_eq!(ask("claude-opus-5-5", ThinkingLevel::Off), json!({}));
    assert_eq!(
        ask("claude-opus-5-5", ThinkingLevel::Xhigh),
        json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}})
    );
    assert_eq!(
        ask("claude-sonnet-4-6", ThinkingLevel::Xhigh),
        json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})
    );
    assert_eq!(
        ask("claude-haiku-4-5-20251001", ThinkingLevel::High),
        json!({"thinking": {"type": "enabled", "budget_tokens": 8_000}})
    );
}

#[test]
fn versions_are_read_from_names() {
    for (name, version) in [
        ("claude-opus-4-6", Some((4, 6))),
        ("anthropic/claude-opus-4.7", Some((4, 7))),
        ("claude-sonnet-4-20250514", Some((4, 0))),
        ("claude-haiku-4-5-20251001", Some((4, 5))),
        ("claude-3-7-sonnet-latest", Some((3, 7))),
        ("claude-sonnet-5", Some((5, 0))),
        ("claude-next", None),
        ("glm-5", None),
    ] {
        assert_eq!(version_of(name), version, "{name}");
    }
}
