//! Several calls in one answer: what runs at once, what waits, and what comes back in which order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use openclaw_agent::{
    AbortReason, AgentEventKind, AgentSettings, FinalState, Tool, ToolContext, ToolOutcome,
};
use openclaw_store::Store;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};

use crate::{
    bench::{Bench, main, quick},
    scripted_model::{Answer, ScriptedModel},
};

/// What the tools of a test share.
struct Stage {
    /// Reading calls end when so many have met.
    meeting: Barrier,
    /// Reading calls that were told to wait go on with this.
    gate: Notify,
    inside: AtomicUsize,
    most: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl Stage {
    fn new(meeting: usize) -> Arc<Self> {
        Arc::new(Self {
            meeting: Barrier::new(meeting),
            gate: Notify::new(),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            log: Mutex::default(),
        })
    }

    fn enter(&self, call: &str) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.log.lock().push(format!("{call} in"));
    }

    fn leave(&self, call: &str) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.log.lock().push(format!("{call} out"));
    }
}

enum Kind {
    /// Changes nothing; ends when enough others have come.
    Meets,
    /// Changes nothing; the last to be called ends first.
    Waits,
    /// Changes something.
    Writes,
    /// Changes nothing and never ends.
    Hangs,
}

struct Acting(&'static str, Kind, Arc<Stage>);

impl Tool for Acting {
    fn name(&self) -> &str {
        self.0
    }

    fn description(&self) -> &'static str {
        "Acts."
    }

    fn schema(&self) -> Value {
        json!({"type": "object"})
    }

    fn may_overlap(&self) -> bool {
        !matches!(self.1, Kind::Writes)
    }

    fn run<'a>(&'a self, _: Value, context: &'a ToolContext) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(async move {
            let (stage, call) = (&self.2, context.call_id.as_str());
            stage.enter(call);
            match self.1 {
                Kind::Meets => {
                    stage.meeting.wait().await;
                }
                Kind::Waits if call == "first" => stage.gate.notified().await,
                Kind::Waits => stage.gate.notify_one(),
                Kind::Writes => tokio::task::yield_now().await,
                Kind::Hangs => std::future::pending().await,
            }
            stage.leave(call);
            ToolOutcome::ok(format!("result of {call}"))
        })
    }
}

fn bench(stage: &Arc<Stage>, calls: &[(&str, &str)]) -> (Bench, Arc<ScriptedModel>) {
    let model = ScriptedModel::new("a", [Answer::calls(calls), Answer::text("done")]);
    let kinds = [
        ("meet", Kind::Meets),
        ("wait", Kind::Waits),
        ("write", Kind::Writes),
        ("hang", Kind::Hangs),
    ];
    let tools = kinds
        .into_iter()
        .map(|(name, kind)| Arc::new(Acting(name, kind, Arc::clone(stage))) as Arc<dyn Tool>);
    let settings = AgentSettings { tool_timeout: Duration::from_secs(10), ..quick() };
    let store = Store::in_memory().unwrap();
    (Bench::with(store, vec![model.clone()], settings, tools.collect()), model)
}

#[tokio::test]
async fn calls_that_change_nothing_run_at_once() {
    // Each ends only when all three are there: one after the other, none would ever end.
    let stage = Stage::new(3);
    let (bench, _) = bench(&stage, &[("a", "meet"), ("b", "meet"), ("c", "meet")]);
    assert_eq!(bench.ask("r1", "go").await.state, FinalState::Done);
    let lines = bench.lines().await;
    for (line, call) in lines[2..].iter().zip(["a", "b", "c"]) {
        assert!(line.contains(&format!("result of {call}")), "{lines:?}");
    }
    assert_eq!(stage.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn results_come_in_the_order_of_the_calls() {
    let stage = Stage::new(1);
    let (bench, model) = bench(&stage, &[("first", "wait"), ("second", "wait")]);
    assert_eq!(bench.ask("r1", "go").await.state, FinalState::Done);
    assert_eq!(*stage.log.lock(), ["first in", "second in", "second out", "first out"]);
    let request = &model.requests()[1];
    let told = format!("{:?}", request.messages);
    let (first, second) = (told.find("result of first"), told.find("result of second"));
    assert!(first.is_some() && first < second, "{told}");
}

#[tokio::test]
async fn what_changes_something_runs_alone_and_in_its_place() {
    let stage = Stage::new(2);
    let calls = [
        ("w1", "write"),
        ("a", "meet"),
        ("b", "meet"),
        ("w2", "write"),
        ("w3", "write"),
        ("c", "meet"),
        ("d", "meet"),
    ];
    let (bench, _) = bench(&stage, &calls);
    assert_eq!(bench.ask("r1", "go").await.state, FinalState::Done);
    let log = stage.log.lock().clone();
    let at = |entry: &str| log.iter().position(|line| line == entry).unwrap();
    assert_eq!(log[..2], ["w1 in", "w1 out"]);
    assert!(at("a out").max(at("b out")) < at("w2 in"), "{log:?}");
    assert_eq!(at("w2 out"), at("w2 in") + 1, "{log:?}");
    assert_eq!((at("w3 in"), at("w3 out")), (at("w2 in") + 2, at("w2 in") + 3), "{log:?}");
    assert!(at("w3 out") < at("c in").min(at("d in")), "{log:?}");
}

#[tokio::test]
async fn stopping_stops_all_of_them_and_starts_none_of_the_rest() {
    let stage = Stage::new(1);
    let (bench, _) = bench(&stage, &[("a", "hang"), ("b", "hang"), ("w", "write")]);
    bench.send("r1", "go").await.unwrap();
    for id in ["a", "b"] {
        let began = |kind: &AgentEventKind| matches!(kind, AgentEventKind::ToolStart { call_id, .. } if call_id == id);
        bench.heard.until("r1", began).await;
    }
    bench.agent.abort(&main(), None, AbortReason::Rpc).await.unwrap();
    assert_eq!(bench.ended("r1").await.state, FinalState::Aborted);
    assert_eq!(*stage.log.lock(), ["a in", "b in"]);
    let lines = bench.lines().await;
    let stopped = lines.iter().filter(|line| line.contains("The run was stopped")).count();
    assert_eq!(stopped, 3, "every call has a result: {lines:?}");
}
