//! The calls of a node: those that run, and those that were answered lately. A call that comes twice is
//! done once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use openclaw_base::CancellationToken;
use openclaw_protocol::events::nodes::NodeInvokeRequestPayload;
use parking_lot::Mutex;
use serde_json::Value;

use crate::command::CommandError;

/// Calls that run at a time.
pub(crate) const MAX_RUNNING: usize = 32;
/// Answered calls that are remembered.
const MAX_KEPT: usize = 256;
/// Bytes of all answers that are remembered; without its answer a call is remembered longer.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;

/// How a call ended.
pub(crate) type Outcome = Result<Value, CommandError>;

/// What to do with a call that came.
#[derive(Debug)]
pub(crate) enum Begin {
    /// Do it; the token says when nobody waits any more.
    Fresh(CancellationToken),
    /// It runs already, and will be answered then.
    Running,
    /// It was done; this is the answer.
    Done(Arc<Outcome>),
    /// Too many run.
    Busy,
}

#[derive(Debug)]
struct Running {
    cancel: CancellationToken,
    /// Every id under which it was asked for.
    ids: Vec<String>,
}

#[derive(Debug)]
struct Kept {
    fingerprint: String,
    id: String,
    bytes: usize,
    outcome: Arc<Outcome>,
}

#[derive(Debug, Default)]
struct Inside {
    /// By fingerprint.
    running: HashMap<String, Running>,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
}

/// All calls of one node.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    inside: Mutex<Inside>,
}

/// What makes two calls one: the key of the caller with what was asked, else the id of the call.
pub(crate) fn fingerprint(call: &NodeInvokeRequestPayload) -> String {
    match &call.idempotency_key {
        Some(key) => {
            let params = call.params_json.as_deref().unwrap_or_default();
            format!("{key}\0{}\0{params}", call.command)
        }
        None => format!("\0{}", call.id),
    }
}

impl Desk {
    /// Takes a call in.
    pub(crate) fn begin(&self, fingerprint: &str, id: &str, stop: &CancellationToken) -> Begin {
        let mut inside = self.inside.lock();
        if let Some(running) = inside.running.get_mut(fingerprint) {
            if !running.ids.iter().any(|known| known == id) {
                running.ids.push(id.to_owned());
            }
            return Begin::Running;
        }
        let same = |kept: &&Kept| kept.fingerprint == fingerprint || kept.id == id;
        if let Some(kept) = inside.kept.iter().find(same) {
            return Begin::Done(Arc::clone(&kept.outcome));
        }
        if inside.running.len() >= MAX_RUNNING {
            return Begin::Busy;
        }
        let cancel = stop.child_token();
        let running = Running { cancel: cancel.clone(), ids: vec![id.to_owned()] };
        inside.running.insert(fingerprint.to_owned(), running);
        Begin::Fresh(cancel)
    }

    /// A call is over; gives every id that is to be answered.
    pub(crate) fn finish(&self, fingerprint: &str, outcome: &Arc<Outcome>) -> Vec<String> {
        let mut inside = self.inside.lock();
        let Some(running) = inside.running.remove(fingerprint) else { return Vec::new() };
        let bytes = outcome.as_ref().as_ref().map_or(0, |value| value.to_string().len());
        let cancelled = running.cancel.is_cancelled();
        // What was cut off may be asked for again, and what is too large is not kept.
        if let Some(id) = running.ids.first().filter(|_| !cancelled && bytes <= MAX_KEPT_BYTES) {
            let (fingerprint, outcome) = (fingerprint.to_owned(), Arc::clone(outcome));
            inside.kept.push_back(Kept { fingerprint, id: id.clone(), bytes, outcome });
            inside.kept_bytes += bytes;
        }
        while inside.kept.len() > MAX_KEPT || inside.kept_bytes > MAX_KEPT_BYTES {
            let Some(oldest) = inside.kept.pop_front() else { break };
            inside.kept_bytes -= oldest.bytes;
        }
        running.ids
    }

    /// Nobody waits for a call any more. It goes on while somebody else waits for the same.
    pub(crate) fn cancel(&self, id: &str) {
        let mut inside = self.inside.lock();
        for running in inside.running.values_mut() {
            let before = running.ids.len();
            running.ids.retain(|known| known != id);
            if running.ids.is_empty() && before > 0 {
                running.cancel.cancel();
            }
        }
    }

    /// Nobody waits for any call any more.
    pub(crate) fn cancel_all(&self) {
        for running in self.inside.lock().running.values_mut() {
            running.ids.clear();
            running.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn done(value: Value) -> Arc<Outcome> {
        Arc::new(Ok(value))
    }

    #[test]
    fn a_repeat_is_done_once_and_answered_under_both_ids() {
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        assert!(matches!(desk.begin("k", "a", &stop), Begin::Fresh(_)));
        assert!(matches!(desk.begin("k", "a", &stop), Begin::Running));
        assert!(matches!(desk.begin("k", "b", &stop), Begin::Running));
        assert_eq!(desk.finish("k", &done(json!(1))), ["a", "b"]);
        let Begin::Done(kept) = desk.begin("k", "c", &stop) else { panic!("done before") };
        assert_eq!(*kept, Ok(json!(1)));
    }

    #[test]
    fn a_call_ends_when_the_last_who_waited_is_gone() {
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        let Begin::Fresh(cancel) = desk.begin("k", "a", &stop) else { panic!("fresh") };
        assert!(matches!(desk.begin("k", "b", &stop), Begin::Running));
        desk.cancel("a");
        assert!(!cancel.is_cancelled(), "somebody else waits");
        desk.cancel("b");
        assert!(cancel.is_cancelled());
        assert!(desk.finish("k", &done(json!(1))).is_empty());
        assert!(matches!(desk.begin("k", "c", &stop), Begin::Fresh(_)), "it was cut off");
    }

    #[test]
    fn what_runs_and_what_is_kept_is_bounded() {
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        for n in 0..MAX_RUNNING {
            assert!(matches!(desk.begin(&n.to_string(), &n.to_string(), &stop), Begin::Fresh(_)));
        }
        assert!(matches!(desk.begin("more", "more", &stop), Begin::Busy));
        let large = done(json!("x".repeat(MAX_KEPT_BYTES / 3)));
        for n in 0..4 {
            desk.finish(&n.to_string(), &large);
        }
        assert!(desk.inside.lock().kept_bytes <= MAX_KEPT_BYTES);
        assert!(matches!(desk.begin("0", "0", &stop), Begin::Fresh(_)), "the oldest is forgotten");
    }
}
