use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_agent::{
    AgentEventKind, AgentSettings, Attachment, FinalState, Start, Tool, ToolContext, ToolOutcome,
    model::{ModelEvent, ModelMessage, Part, ThinkingLevel},
};
use openclaw_store::{Store, transcripts::MessageRole};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step, spoken},
};

#[tokio::test]
async fn a_message_is_stored_answered_and_told() {
    let model = ScriptedModel::new("a", [Answer::pieces(&["Hello", " you"])]);
    let bench = Bench::new(vec![model.clone()]);
    let start = bench.send("r1", "hi\u{7}").await.unwrap();
    let Start::Accepted { message_seq: Some(1), queued: false, session_id, .. } = start else {
        panic!("{start:?}");
    };
    assert_eq!(session_id, bench.session_id().await);

    let outcome = bench.ended("r1").await;
    assert_eq!(outcome.state, FinalState::Done);
    assert_eq!(outcome.text.as_deref(), Some("Hello you"));
    assert_eq!(outcome.stop_reason, "stop");
    assert_eq!((outcome.usage.input, outcome.usage.output), (10, 5));
    assert_eq!(outcome.model.as_ref().unwrap().to_string(), "scripted/a");

    assert_eq!(bench.lines().await, ["user: hi", "assistant: Hello you"]);
    let answer = bench.rows().await.pop().unwrap();
    assert_eq!(answer.meta["provider"], "scripted");
    assert_eq!(answer.meta["stopReason"], "stop");
    assert_eq!(answer.meta["usage"]["totalTokens"], 15);
    assert_eq!(answer.run_id.unwrap().as_str(), "r1");
    assert_eq!(answer.idempotency_key.as_deref(), Some("r1:assistant"));

    let entry = bench.store.sessions().get(&main()).await.unwrap().unwrap();
    assert_eq!((entry.tokens.input, entry.tokens.output, entry.tokens.total), (10, 5, 10));
    assert_eq!(entry.model.as_deref(), Some("a"));

    let events = bench.heard.of("r1");
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=u64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    let mut words = bench.heard.words("r1");
    words.dedup();
    assert_eq!(words, ["accepted", "started", "model", "text", "usage", "message", "finished"]);
    assert_eq!(spoken(&model.requests()[0]), ["user: hi"]);
    assert_eq!(bench.agent.load(), 0);
}

#[tokio::test]
async fn the_next_message_carries_the_conversation() {
    let model = ScriptedModel::new("a", [Answer::text("one"), Answer::text("two")]);
    let bench = Bench::new(vec![model.clone()]);
    bench.ask("r1", "first").await;
    bench.ask("r2", "second").await;
    let requests = model.requests();
    assert_eq!(spoken(&requests[1]), ["user: first", "assistant: one", "user: second"]);
    assert_eq!(requests[0].system, requests[1].system, "cacheable");
}

#[tokio::test]
async fn text_is_told_seldom_and_whole_at_the_end() {
    let settings = AgentSettings { delta_interval: Duration::from_millis(40), ..quick() };
    let mut answer = Answer::default();
    for _ in 0..60 {
        answer = answer.say("ab").step(Step::Wait(Duration::from_millis(2)));
    }
    let model = ScriptedModel::new("a", [answer.stop()]);
    let bench = Bench::set(vec![model], settings);
    let began = std::time::Instant::now();
    let outcome = bench.ask("r1", "go").await;
    let most = began.elapsed().as_millis() / 40 + 1;

    assert_eq!(outcome.text.as_deref(), Some("ab".repeat(60).as_str()));
    let mut told = String::new();
    let mut times = 0;
    for event in bench.heard.of("r1") {
        if let AgentEventKind::Text { cumulative, delta, replace } = event.kind {
            told.push_str(&delta);
            assert_eq!((cumulative.as_str(), replace), (told.as_str(), false));
            times += 1;
        }
    }
    assert!(times >= 2 && times <= most, "{times} of at most {most}");
}

#[tokio::test]
async fn silence_is_kept_but_not_shown() {
    let model = ScriptedModel::new("a", [Answer::pieces(&["NO_", "REPLY"])]);
    let bench = Bench::new(vec![model]);
    let outcome = bench.ask("r1", "psst").await;
    assert_eq!((outcome.state, outcome.text.as_deref()), (FinalState::Done, None));
    assert!(!bench.heard.words("r1").contains(&"text"));
    assert_eq!(bench.lines().await, ["user: psst", "assistant: NO_REPLY"]);
}

#[tokio::test]
async fn thinking_and_pictures_go_both_ways() {
    let thought = Answer::default()
        .step(Step::Event(ModelEvent::ThinkingDelta("hm".into())))
        .step(Step::Event(ModelEvent::ThinkingSignature("sig".into())))
        .say("A cat.")
        .stop();
    let model = ScriptedModel::new("a", [thought, Answer::text("Yes.")]);
    let bench = Bench::new(vec![model.clone()]);
    let mut start = message("r1", "what is this?");
    start.attachments =
        vec![Attachment { mime_type: "image/png".into(), data: "AAAA".into(), file_name: None }];
    start.thinking = Some(ThinkingLevel::High);
    bench.agent.start(start).await.unwrap();
    bench.ended("r1").await;
    assert!(bench.heard.words("r1").contains(&"thinking"));

    bench.ask("r2", "sure?").await;
    let requests = model.requests();
    assert_eq!(requests[0].thinking, ThinkingLevel::High);
    assert_eq!(requests[1].thinking, ThinkingLevel::Off);
    let ModelMessage::User(parts) = &requests[1].messages[0] else { panic!("{requests:?}") };
    assert!(matches!(&parts[1], Part::Image { data, .. } if data == "AAAA"));
    let ModelMessage::Assistant { parts, origin } = &requests[1].messages[1] else {
        panic!("{requests:?}")
    };
    assert_eq!(origin.as_ref().unwrap().to_string(), "scripted/a");
    assert!(matches!(&parts[0], Part::Thinking { signature: Some(sig), .. } if sig == "sig"));
}

#[tokio::test]
async fn a_tool_is_run_and_its_result_read() {
    let call = Answer::call("c1", "session_status", &json!({}));
    let model = ScriptedModel::new("a", [call, Answer::text("All is well.")]);
    let bench = Bench::new(vec![model.clone()]);
    let outcome = bench.ask("r1", "how are you?").await;
    assert_eq!(outcome.text.as_deref(), Some("All is well."));
    assert_eq!(outcome.usage.input, 20, "both answers count");

    let requests = model.requests();
    assert_eq!(requests[0].tools[0].name, "session_status");
    let second = spoken(&requests[1]);
    assert_eq!(second[..2], ["user: how are you?", "assistant: session_status"]);
    assert!(second[2].contains("scripted/a"), "{second:?}");

    let rows = bench.rows().await;
    let roles: Vec<MessageRole> = rows.iter().map(|row| row.role).collect();
    use MessageRole::{Assistant, ToolResult, User};
    assert_eq!(roles, [User, Assistant, ToolResult, Assistant]);
    assert_eq!(rows[1].meta["stopReason"], "toolUse");
    assert_eq!(rows[2].meta["toolCallId"], "c1");
    assert_eq!(rows[2].meta["isError"], false);
    let mut words = bench.heard.words("r1");
    words.retain(|word| word.starts_with("tool"));
    assert_eq!(words, ["tool-start", "tool-result"]);
}

/// A tool that never ends, or panics.
struct Odd;

impl Tool for Odd {
    fn name(&self) -> &'static str {
        "odd"
    }

    fn description(&self) -> &'static str {
        "Does odd things."
    }

    fn schema(&self) -> Value {
        json!({"type": "object"})
    }

    fn run<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            assert!(arguments.get("panic").is_none(), "asked to");
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn tools_that_fail_are_told_to_the_model() {
    let model = ScriptedModel::new(
        "a",
        [
            Answer::call("c1", "nothing", &json!({})),
            Answer::call("c2", "odd", &json!({})),
            Answer::text("Sorry."),
        ],
    );
    let settings = AgentSettings { tool_timeout: Duration::from_millis(20), ..quick() };
    let tools: Vec<Arc<dyn Tool>> = vec![Arc::new(Odd)];
    let bench = Bench::with(Store::in_memory().unwrap(), vec![model], settings, tools);
    let outcome = bench.ask("r1", "try").await;
    assert_eq!(outcome.state, FinalState::Done);
    let lines = bench.lines().await;
    assert!(lines[2].contains("no tool called \"nothing\""), "{lines:?}");
    assert!(lines[4].contains("took longer than"), "{lines:?}");
}

#[tokio::test]
async fn a_panic_ends_one_run_and_no_more() {
    let call = Answer::call("c1", "odd", &json!({"panic": true}));
    let model = ScriptedModel::new("a", [call, Answer::text("fine")]);
    let tools: Vec<Arc<dyn Tool>> = vec![Arc::new(Odd)];
    let bench = Bench::with(Store::in_memory().unwrap(), vec![model], quick(), tools);
    let outcome = bench.ask("r1", "try").await;
    assert_eq!(outcome.state, FinalState::Error);
    assert_eq!(outcome.error.as_ref().unwrap().reason, "internal");
    assert_eq!(bench.ask("r2", "again").await.text.as_deref(), Some("fine"));
}

#[tokio::test]
async fn tool_calls_without_end_are_stopped() {
    let calls = (0..5).map(|n| Answer::call(&format!("c{n}"), "session_status", &json!({})));
    let model = ScriptedModel::new("a", calls);
    let bench = Bench::set(vec![model], AgentSettings { max_tool_rounds: 2, ..quick() });
    let outcome = bench.ask("r1", "loop").await;
    assert_eq!(outcome.state, FinalState::Error);
    assert_eq!(outcome.error.as_ref().unwrap().reason, "tool_limit");
}

#[tokio::test]
async fn the_workspace_is_part_of_the_instructions() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("SOUL.md"), "Be a lobster.").unwrap();
    let mut settings = quick();
    settings.agents[0].workspace = Some(folder.path().to_owned());
    let model = ScriptedModel::new("a", []);
    let bench = Bench::set(vec![model.clone()], settings);
    let mut start = message("r1", "hi");
    start.extra_system_prompt = Some("Whisper.".into());
    bench.agent.start(start).await.unwrap();
    bench.ended("r1").await;
    let system = &model.requests()[0].system;
    assert!(system.contains("Be a lobster.") && system.contains("Whisper."), "{system}");
}
