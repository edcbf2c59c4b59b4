use openclaw_agent::{AgentProfile, AgentSettings, FinalState, Start, model::ThinkingLevel};

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step, spoken},
};

fn two_models() -> Bench {
    Bench::new(vec![ScriptedModel::new("a", []), ScriptedModel::new("b", [])])
}

async fn says(bench: &Bench, run_id: &str, text: &str) -> String {
    let outcome = bench.ask(run_id, text).await;
    assert_eq!((outcome.state, outcome.stop_reason.as_str()), (FinalState::Done, "command"));
    outcome.text.clone().unwrap()
}

#[tokio::test]
async fn commands_are_answered_without_a_model() {
    let model = ScriptedModel::new("a", []);
    let bench = Bench::new(vec![model.clone()]);
    let status = says(&bench, "c1", "/status").await;
    for wanted in ["OpenClaw", "scripted/a", "agent:main:main", "collect"] {
        assert!(status.contains(wanted), "{wanted} in {status}");
    }
    let known = says(&bench, "c0", "/whoami").await;
    assert!(known.contains("Session: agent:main:main") && known.starts_with("You: "), "{known}");
    assert!(says(&bench, "c2", "/help").await.contains("/think [level]"));
    assert!(says(&bench, "c3", "/dance").await.contains("/help"));
    assert!(model.requests().is_empty());
    let words = bench.heard.words("c1");
    assert_eq!(words, ["accepted", "started", "text", "message", "finished"]);

    bench.ask("r1", "hello").await;
    assert_eq!(spoken(&model.requests()[0]), ["user: hello"], "commands are not for models");
    assert_eq!(bench.lines().await.len(), 10, "but people see them");
}

#[tokio::test]
async fn commands_do_not_wait_for_a_busy_session() {
    let model = ScriptedModel::new("a", [Answer::default().step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.send("r1", "hang").await.unwrap();
    model.asked(1).await;
    assert!(says(&bench, "c1", "/status").await.contains("answering"));
}

#[tokio::test]
async fn levels_and_modes_are_set_and_shown() {
    let model = ScriptedModel::new("a", []);
    let own =
        AgentProfile { thinking_default: Some(ThinkingLevel::Low), ..AgentProfile::default() };
    let settings = AgentSettings { agents: vec![own], ..quick() };
    let bench = Bench::set(vec![model.clone()], settings);
    assert!(says(&bench, "c1", "/think").await.starts_with("Thinking: low."));
    bench.ask("r0", "hello").await;
    assert_eq!(model.requests()[0].thinking, ThinkingLevel::Low);
    assert_eq!(says(&bench, "c2", "/think High").await, "Thinking: high");
    assert!(says(&bench, "c3", "/t hard").await.contains("no thinking level"));
    bench.ask("r1", "hello").await;
    assert_eq!(model.requests()[1].thinking, ThinkingLevel::High);

    assert!(says(&bench, "c4", "/queue").await.starts_with("Queue: collect."));
    assert_eq!(says(&bench, "c5", "/queue followup").await, "Queue: followup");
    assert!(says(&bench, "c6", "/queue steer").await.contains("waits its turn"));
    assert!(says(&bench, "c7", "/queue default").await.contains("collect"));
    assert!(says(&bench, "c8", "/queue later").await.contains("no queue mode"));
    let entry = bench.store.sessions().get(&main()).await.unwrap().unwrap();
    assert_eq!(entry.settings.queue_mode, None);
    assert_eq!(bench.heard.changes(), ["patch", "patch", "patch", "patch"]);
}

#[tokio::test]
async fn a_session_can_have_its_own_model() {
    let bench = two_models();
    assert!(says(&bench, "c1", "/models").await.contains("scripted/a (default)"));
    assert_eq!(says(&bench, "c2", "/model b").await, "Model: scripted/b");
    assert!(says(&bench, "c3", "/model").await.contains("scripted/b"));
    assert_eq!(bench.ask("r1", "hi").await.model.as_ref().unwrap().model, "b");
    assert!(says(&bench, "c4", "/model zzz").await.starts_with("Unknown model"));
    assert!(says(&bench, "c5", "/model default").await.contains("scripted/a"));
    assert_eq!(bench.ask("r2", "hi").await.model.as_ref().unwrap().model, "a");
}

#[tokio::test]
async fn a_new_session_forgets_and_stops() {
    let model = ScriptedModel::new("a", [Answer::text("one"), Answer::default().step(Step::Hang)]);
    let bench = Bench::new(vec![model.clone()]);
    bench.ask("r1", "remember").await;
    let before = bench.session_id().await;
    bench.send("r2", "hang").await.unwrap();
    model.asked(2).await;

    assert!(says(&bench, "c1", "/new").await.contains("New session started · model: scripted/a"));
    assert_eq!(bench.ended("r2").await.stop_reason, "reset");
    assert_ne!(bench.session_id().await, before);
    assert_eq!(bench.lines().await.len(), 2);

    let after = bench.session_id().await;
    let again = bench.send("c1", "/new").await.unwrap();
    assert!(matches!(again, Start::Done(_)), "{again:?}");
    assert_eq!(bench.session_id().await, after, "a repeat does not reset again");

    let outcome = bench.ask("r3", "/reset start over").await;
    assert_eq!(outcome.text.as_deref(), Some("."));
    assert_eq!(spoken(&model.requests()[2]), ["user: start over"]);
    assert_eq!(bench.lines().await, ["user: start over", "assistant: ."]);
}

#[tokio::test]
async fn text_can_be_kept_from_being_a_command() {
    let model = ScriptedModel::new("a", []);
    let bench = Bench::new(vec![model.clone()]);
    for (id, text) in [("r1", "/help"), ("r2", "stop")] {
        let mut start = message(id, text);
        start.plain = true;
        bench.agent.start(start).await.unwrap();
        bench.ended(id).await;
    }
    assert_eq!(model.requests().len(), 2);
    bench.ask("r3", "/etc/hosts is what?").await;
    assert_eq!(model.requests().len(), 3);
}
