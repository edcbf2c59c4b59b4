//! Conversations that are too long for their model.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openclaw_agent::{
    Checkpoint, CompactReason, FinalState, Tool, ToolContext, ToolOutcome, model::ModelError,
};
use openclaw_store::{Store, transcripts::MessageRole};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, main, quick},
    scripted_model::{Answer, ScriptedModel, spoken},
};

fn too_long() -> Answer {
    Answer::fail(ModelError::ContextTooLong { message: "too many tokens".into() })
}

/// A tool with an effect that is counted.
#[derive(Default)]
struct Effect(Mutex<Vec<Value>>);

impl Tool for Effect {
    fn name(&self) -> &str {
        "effect"
    }

    fn description(&self) -> &str {
        "Has an effect."
    }

    fn schema(&self) -> Value {
        json!({"type": "object"})
    }

    fn run<'a>(&'a self, arguments: Value, _: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        self.0.lock().push(arguments);
        Box::pin(async { ToolOutcome::ok("z".repeat(3_000)) })
    }
}

#[tokio::test]
async fn a_conversation_that_fills_the_window_is_summarised_before_the_next_answer() {
    let long = "x".repeat(6_000);
    let script = [Answer::text("one"), Answer::text("they talked"), Answer::text("two")];
    let model = ScriptedModel::narrow("a", Some(4_000), script);
    let bench = Bench::new(vec![model.clone()]);
    bench.ask("r1", &long).await;
    let outcome = bench.ask("r2", &"y".repeat(3_000)).await;
    assert_eq!(outcome.text.as_deref(), Some("two"));
    let asked = model.requests();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].tools.is_empty() && spoken(&asked[1])[0].contains("xxx"), "the summary");
    let said = spoken(&asked[2]);
    assert_eq!(said.first().unwrap(), "user: [Summary of the conversation so far]\nthey talked");
    assert!(said.last().unwrap().starts_with("user: yyy") && !said.concat().contains("xxx"));
    let rows = bench.rows().await;
    let summary = rows.iter().find(|row| row.role == MessageRole::System).unwrap();
    let checkpoint = Checkpoint::of(summary).unwrap();
    assert_eq!(checkpoint.reason, CompactReason::AutoThreshold);
    assert!(checkpoint.tokens_after < checkpoint.tokens_before);
    assert_eq!(rows.first().unwrap().content[0]["text"], long, "nothing is taken out");
    let words = bench.heard.words("r2");
    let at = |word| words.iter().position(|it| *it == word).unwrap();
    assert!(at("compaction") < at("compacted") && at("compacted") < at("text"), "{words:?}");
    bench.ask("r3", "and now?").await;
    assert_eq!(spoken(&model.requests()[3])[0], said[0], "it stays");
}

#[tokio::test]
async fn what_a_provider_finds_too_long_is_sent_once_more_and_no_tool_runs_twice() {
    let effect = Arc::new(Effect::default());
    let call = |id: &str| Answer::call(id, "effect", &json!({"id": id}));
    let script = [
        call("1"),
        call("2"),
        too_long(),
        Answer::text("it was called twice"),
        Answer::text("done"),
    ];
    let model = ScriptedModel::new("a", script);
    let tools: Vec<Arc<dyn Tool>> = vec![effect.clone()];
    let bench = Bench::with(Store::in_memory().unwrap(), vec![model.clone()], quick(), tools);
    let outcome = bench.ask("r1", "please do it").await;
    assert_eq!((outcome.state, outcome.text.as_deref()), (FinalState::Done, Some("done")));
    assert_eq!(effect.0.lock().len(), 2);
    let last = spoken(&model.requests()[4]);
    assert!(
        last[0].contains("it was called twice") && last[0].contains("please do it"),
        "{last:?}"
    );
    assert_eq!(last[1..].iter().filter(|line| line.starts_with("tool: ")).count(), 1, "{last:?}");
}

#[tokio::test]
async fn what_stays_too_long_fails_after_one_more_try() {
    let script =
        [Answer::text("one"), too_long(), Answer::text("sum"), too_long(), Answer::text("never")];
    let model = ScriptedModel::new("a", script);
    let bench = Bench::new(vec![model.clone()]);
    bench.ask("r1", "hello").await;
    let outcome = bench.ask("r2", "again").await;
    assert_eq!(outcome.error.as_ref().unwrap().reason, "context_length");
    assert_eq!(model.requests().len(), 4);
}

#[tokio::test]
async fn a_person_asks_for_it() {
    let script = [
        Answer::text("one"),
        Answer::text("two"),
        Answer::text("the summary"),
        Answer::text("three"),
    ];
    let model = ScriptedModel::new("a", script);
    let bench = Bench::new(vec![model.clone()]);
    assert_eq!(bench.agent.compact_session(&main(), None).await.unwrap(), None);
    bench.ask("r1", "first").await;
    let nothing = bench.ask("c0", "/compact").await;
    assert_eq!(nothing.text.as_deref(), Some("There is nothing to compact yet."));
    bench.ask("r2", "second").await;
    let done = bench.ask("c1", "/compact the names").await;
    assert!(done.text.as_deref().unwrap().starts_with("Compacted: "), "{done:?}");
    assert!(spoken(&model.requests()[2])[0].contains("Mind above all: the names"));
    bench.ask("r3", "third").await;
    assert_eq!(
        spoken(&model.requests()[3]),
        [
            "user: [Summary of the conversation so far]\nthe summary",
            "user: second",
            "assistant: two",
            "user: third",
        ]
    );
    assert_eq!(bench.heard.changes(), ["compact"]);
}
