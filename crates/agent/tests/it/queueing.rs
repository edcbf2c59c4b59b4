use std::sync::Arc;

use openclaw_agent::{
    AbortReason, AgentError, AgentSettings, FinalState, Overflow, QueueMode, Start, StartRun,
};
use openclaw_protocol::ids::{RunId, SessionKey};
use openclaw_store::outbox::Route;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    bench::{Bench, main, message, quick},
    scripted_model::{Answer, ScriptedModel, Step, spoken},
};

struct Busy {
    bench: Bench,
    model: Arc<ScriptedModel>,
    gate: Arc<Notify>,
}

/// A session that is busy answering `r1` until the gate opens.
async fn busy(settings: AgentSettings, then: Vec<Answer>) -> Busy {
    let gate = Arc::new(Notify::new());
    let first = Answer::default().step(Step::Gate(Arc::clone(&gate))).say("first").stop();
    let model = ScriptedModel::new("a", std::iter::once(first).chain(then));
    let bench = Bench::set(vec![model.clone()], settings);
    bench.send("r1", "one").await.unwrap();
    model.asked(1).await;
    Busy { bench, model, gate }
}

fn mode(mode: QueueMode) -> AgentSettings {
    let mut settings = quick();
    settings.queue.mode = mode;
    settings
}

#[tokio::test]
async fn collected_messages_are_answered_together() {
    let Busy { bench, model, gate } =
        busy(mode(QueueMode::Collect), vec![Answer::text("both")]).await;
    bench.send("r2", "two").await.unwrap();
    bench.send("r3", "three").await.unwrap();
    let activity = bench.agent.activity(&main());
    assert_eq!(activity.queued.len(), 2);
    gate.notify_one();

    let leader = bench.ended("r2").await;
    let follower = bench.ended("r3").await;
    assert_eq!(leader.text.as_deref(), Some("both"));
    assert_eq!(follower.text.as_deref(), Some("both"));
    assert_eq!(follower.merged_into.as_ref().unwrap().as_str(), "r2");
    assert_eq!((leader.usage.input, follower.usage.input), (10, 0));
    let asked = spoken(&model.requests()[1]);
    assert_eq!(asked, ["user: one", "assistant: first", "user: two", "user: three"]);
    let wanted = ["user: one", "assistant: first", "user: two", "user: three", "assistant: both"];
    assert_eq!(bench.lines().await, wanted);
    assert_eq!(bench.heard.words("r3"), ["accepted", "message", "started", "finished"]);
}

#[tokio::test]
async fn followups_are_answered_one_by_one() {
    for which in [QueueMode::Followup, QueueMode::Steer] {
        let then = vec![Answer::text("second"), Answer::text("third")];
        let Busy { bench, gate, .. } = busy(mode(which), then).await;
        bench.send("r2", "two").await.unwrap();
        bench.send("r3", "three").await.unwrap();
        gate.notify_one();
        assert_eq!(bench.ended("r2").await.text.as_deref(), Some("second"));
        assert_eq!(bench.ended("r3").await.text.as_deref(), Some("third"));
    }
}

#[tokio::test]
async fn a_steering_message_joins_after_the_tools() {
    let gate = Arc::new(Notify::new());
    let call = Answer::call("c1", "nothing_of_that_name", &json!({}));
    let calls = Answer::default().step(Step::Gate(Arc::clone(&gate)));
    let calls = call.steps().fold(calls, Answer::step);
    let script = vec![calls, Answer::text("both"), Answer::text("the other")];
    let model = ScriptedModel::new("a", script);
    let bench = Bench::set(vec![model.clone()], mode(QueueMode::Steer));
    bench.send("r1", "one").await.unwrap();
    model.asked(1).await;
    bench.send("r2", "no, two").await.unwrap();
    // Somebody else may have other tools: their message waits, and so does what came after it.
    bench.agent.start(StartRun::new("r3", main(), "three", "somebody else")).await.unwrap();
    gate.notify_one();
    let (first, second) = (bench.ended("r1").await, bench.ended("r2").await);
    assert_eq!((first.text.as_deref(), first.merged_into.as_ref()), (Some("both"), None));
    assert_eq!(second.merged_into.as_ref().unwrap().as_str(), "r1");
    assert_eq!(second.usage.input, 0);
    assert_eq!(bench.ended("r3").await.text.as_deref(), Some("the other"));
    let asked = spoken(&model.requests()[1]);
    assert_eq!((&*asked[0], asked.last().unwrap().as_str()), ("user: one", "user: no, two"));
    assert_eq!(bench.heard.words("r2"), ["accepted", "message", "started", "finished"]);
    let lines = bench.lines().await;
    let place = |line: &str| lines.iter().position(|found| found == line).unwrap();
    assert!(place("user: no, two") < place("assistant: both"), "{lines:?}");
    assert_eq!(bench.agent.activity(&main()).active, None);
}

#[tokio::test]
async fn who_stops_a_run_stops_what_joined_it() {
    let gate = Arc::new(Notify::new());
    let call = Answer::call("c1", "nothing_of_that_name", &json!({}));
    let calls = Answer::default().step(Step::Gate(Arc::clone(&gate)));
    let calls = call.steps().fold(calls, Answer::step);
    let model = ScriptedModel::new("a", vec![calls, Answer::default().step(Step::Hang)]);
    let bench = Bench::set(vec![model.clone()], mode(QueueMode::Steer));
    bench.send("r1", "one").await.unwrap();
    model.asked(1).await;
    bench.send("r2", "two").await.unwrap();
    gate.notify_one();
    model.asked(2).await;
    bench.agent.abort(&main(), Some(&RunId::new("r2")), AbortReason::Rpc).await.unwrap();
    for run in ["r1", "r2"] {
        assert_eq!(bench.ended(run).await.state, FinalState::Aborted, "{run}");
    }
}

#[tokio::test]
async fn a_channel_has_a_mode_of_its_own() {
    for (channel, merged) in [(None, false), (Some("telegram"), true), (Some("other"), false)] {
        let mut settings = mode(QueueMode::Collect);
        settings.queue.mode_by_channel = [
            ("webchat".to_owned(), QueueMode::Followup),
            ("other".to_owned(), QueueMode::Followup),
        ]
        .into();
        let then = vec![Answer::text("second"), Answer::text("third")];
        let Busy { bench, gate, .. } = busy(settings, then).await;
        for run in ["r2", "r3"] {
            let mut start = message(run, "more");
            start.route = channel.map(|channel| Route {
                channel: channel.into(),
                account: "default".into(),
                chat: "1".into(),
                thread: None,
                reply_to: None,
                reply_asked: false,
            });
            bench.agent.start(start).await.unwrap();
        }
        gate.notify_one();
        let last = bench.ended("r3").await;
        assert_eq!(last.merged_into.is_some(), merged, "{channel:?}");
    }
}

#[tokio::test]
async fn an_interrupting_message_goes_first() {
    let Busy { bench, model, .. } = busy(quick(), vec![Answer::text("urgent")]).await;
    bench.send("r2", "two").await.unwrap();
    let mut start = message("r3", "now!");
    start.queue_mode = Some(QueueMode::Interrupt);
    bench.agent.start(start).await.unwrap();
    let first = bench.ended("r1").await;
    assert_eq!((first.state, first.stop_reason.as_str()), (FinalState::Aborted, "interrupt"));
    assert_eq!(bench.ended("r2").await.stop_reason, "interrupt");
    assert_eq!(bench.ended("r3").await.text.as_deref(), Some("urgent"));
    assert_eq!(spoken(&model.requests()[1]), ["user: one", "user: now!"]);
}

#[tokio::test]
async fn a_full_queue_refuses_or_drops() {
    let mut settings = mode(QueueMode::Followup);
    settings.queue.cap = 1;
    settings.queue.overflow = Overflow::New;
    let full = busy(settings.clone(), Vec::new()).await;
    full.bench.send("r2", "two").await.unwrap();
    let refused = full.bench.send("r3", "three").await;
    assert!(matches!(refused, Err(AgentError::QueueFull { queued: 1 })), "{refused:?}");
    full.gate.notify_one();
    assert_eq!(full.bench.ended("r2").await.state, FinalState::Done);
    let repeated = full.bench.send("r3", "three").await.unwrap();
    assert!(matches!(repeated, Start::Accepted { .. }), "nothing was taken before: {repeated:?}");

    settings.queue.overflow = Overflow::Summarize;
    let Busy { bench, model, gate } = busy(settings, Vec::new()).await;
    bench.send("r2", "two\nand more").await.unwrap();
    bench.send("r3", "three").await.unwrap();
    let dropped = bench.ended("r2").await;
    assert_eq!(
        (dropped.state, dropped.stop_reason.as_str()),
        (FinalState::Aborted, "queue_overflow")
    );
    gate.notify_one();
    bench.ended("r3").await;
    let asked = spoken(&model.requests()[1]);
    assert!(asked[2].contains("- two") && !asked[2].contains("more"), "{asked:?}");
    assert_eq!(asked[3], "user: three");
}

#[tokio::test]
async fn only_so_many_runs_go_on_at_once() {
    let gate = Arc::new(Notify::new());
    let wait = || Answer::default().step(Step::Gate(Arc::clone(&gate))).say("x").stop();
    let model = ScriptedModel::new("a", [wait(), wait(), wait()]);
    let bench = Bench::set(vec![model.clone()], AgentSettings { max_concurrent: 2, ..quick() });
    for n in 1..=3 {
        let key = SessionKey::new(format!("agent:main:s{n}"));
        let start = StartRun::new(format!("r{n}"), key, "go", "tester");
        bench.agent.start(start).await.unwrap();
    }
    model.asked(2).await;
    assert_eq!(bench.agent.busy_sessions().len(), 3);
    assert_eq!((model.requests().len(), model.open_streams()), (2, 2));
    for asked in 3..=5 {
        gate.notify_one();
        model.asked(asked.min(3)).await;
    }
    for id in ["r1", "r2", "r3"] {
        assert_eq!(bench.ended(id).await.state, FinalState::Done);
    }
}

#[tokio::test]
async fn a_request_is_taken_once() {
    let Busy { bench, gate, model } = busy(quick(), Vec::new()).await;
    let again = bench.send("r1", "one").await.unwrap();
    assert!(matches!(again, Start::InFlight { .. }), "{again:?}");
    let other = bench.send("r1", "something else").await;
    assert!(matches!(other, Err(AgentError::Conflict(_))), "{other:?}");
    let mut foreign = message("r1", "one");
    foreign.principal = "somebody".into();
    let foreign = bench.agent.start(foreign).await;
    assert!(matches!(foreign, Err(AgentError::Conflict(_))), "{foreign:?}");
    gate.notify_one();
    let outcome = bench.ended("r1").await;
    match bench.send("r1", "one").await.unwrap() {
        Start::Done(known) => assert_eq!(*known, *outcome),
        other => panic!("{other:?}"),
    }
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn the_same_request_twice_at_the_same_time_is_taken_once() {
    let bench = Bench::new(vec![ScriptedModel::new("a", [])]);
    let (one, two) = tokio::join!(bench.send("r1", "hi"), bench.send("r1", "hi"));
    let accepted = [one.unwrap(), two.unwrap()]
        .iter()
        .filter(|start| matches!(start, Start::Accepted { .. }))
        .count();
    assert_eq!(accepted, 1);
    bench.ended("r1").await;
    assert_eq!(bench.lines().await, ["user: hi", "assistant: ."]);
}
