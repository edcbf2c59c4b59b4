use openclaw_protocol::ids::{AgentId, MessageId, SessionId};

use super::*;

fn row(role: MessageRole, content: Vec<Value>, meta: &Value) -> MessageRow {
    MessageRow {
        session_id: SessionId::new("s"),
        seq: 1,
        message_id: MessageId::new("m"),
        role,
        content,
        meta: meta.as_object().cloned().unwrap_or_default(),
        run_id: None,
        idempotency_key: None,
        created_at_ms: 0,
    }
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn user(text: &str) -> ModelMessage {
    ModelMessage::User(vec![Part::Text(text.into())])
}

fn assistant_says(text: &str) -> ModelMessage {
    assistant(vec![Part::Text(text.into())], None)
}

#[test]
fn parts_survive_being_stored() {
    let parts = [
        Part::Text("hi".into()),
        Part::Image { mime_type: "image/png".into(), data: "AA".into() },
        Part::Thinking { text: "hm".into(), signature: Some("s".into()), redacted: false },
        Part::Thinking { text: String::new(), signature: Some("x".into()), redacted: true },
        Part::ToolCall { id: "1".into(), name: "look".into(), arguments: json!({"a": 1}) },
    ];
    for original in parts {
        assert_eq!(part(&block(&original)), Some(original));
    }
    assert_eq!(part(&json!({"type": "hologram"})), None);
    assert_eq!(part(&json!("text")), None);
}

#[test]
fn commands_and_notes_are_not_shown_to_models() {
    let rows = [
        row(MessageRole::User, vec![text("/status")], &json!({"command": true})),
        row(MessageRole::Assistant, vec![text("fine")], &json!({"command": true})),
        row(MessageRole::System, vec![text("note")], &json!({})),
        row(MessageRole::User, vec![text("hello")], &json!({})),
        row(MessageRole::Assistant, vec![text("hi")], &json!({"provider": "p", "model": "m"})),
        row(
            MessageRole::ToolResult,
            vec![text("sun")],
            &json!({"toolCallId": "1", "toolName": "look", "isError": true}),
        ),
    ];
    let wanted = [
        user("hello"),
        assistant(vec![Part::Text("hi".into())], Some(ModelRef::new("p", "m"))),
        ModelMessage::ToolResult {
            call_id: "1".into(),
            name: "look".into(),
            text: "sun".into(),
            is_error: true,
        },
    ];
    assert_eq!(messages(&rows), wanted);
}

#[test]
fn a_long_conversation_loses_its_beginning() {
    let long = "x".repeat(300);
    let messages = vec![
        user(&long),
        assistant_says(&long),
        user("second"),
        assistant_says("answer"),
        user("third"),
    ];
    let all = fit(messages.clone(), 10_000);
    assert_eq!(all, messages);
    let some = fit(messages.clone(), 100);
    assert_eq!(some, messages[2..]);
    let last = fit(messages.clone(), 0);
    assert_eq!(last, messages[4..]);
    let one = fit(vec![user(&long)], 0);
    assert_eq!(one, [user(&long)]);
}

#[test]
fn instructions_name_agent_files_and_model() {
    let folder = std::path::PathBuf::from("/home/me/workspace");
    let agent = AgentProfile {
        name: Some("Molty".into()),
        theme: Some("calm".into()),
        workspace: Some(folder),
        ..AgentProfile::default()
    };
    let facts = Facts {
        agent,
        model: ModelRef::new("p", "m"),
        session_key: SessionKey::main_of(&AgentId::new("main")),
        version: "1".into(),
        extra: Some("  be quick ".into()),
        max_chars: 100,
        total_max_chars: 100,
        skills: SkillSettings::default(),
        time_zone: Some("Europe/Vienna".into()),
    };
    let files = [workspace::WorkspaceFile { name: "USER.md", text: "likes tea".into() }];
    let text = write_system(&facts, &files, None);
    for wanted in [
        "You are Molty",
        "manner: calm",
        "/home/me/workspace",
        "## USER.md\nlikes tea",
        "# For this message\nbe quick",
        "session agent:main:main, model p/m",
        "time zone Europe/Vienna",
        "NO_REPLY",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}
