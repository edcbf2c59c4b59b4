//! The calls of a node that run, and who waits for each.

use std::collections::HashMap;

use openclaw_base::CancellationToken;
use openclaw_protocol::events::nodes::NodeInvokeRequestPayload;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::command::CommandError;

/// Calls that run at a time.
pub(crate) const MAX_RUNNING: usize = 32;

/// How a call ended.
pub(crate) type Outcome = Result<Value, CommandError>;

/// What to do with a call that came.
#[derive(Debug)]
pub(crate) enum Begin {
    /// Do it; the token says when nobody waits any more.
    Fresh(CancellationToken),
    /// It runs already, and will be answered then.
    Running,
    /// Too many run.
    Busy,
}

#[derive(Debug)]
struct Running {
    cancel: CancellationToken,
    /// Every id under which it was asked for.
    ids: Vec<String>,
}

/// All calls of one node.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// By fingerprint.
    running: Mutex<HashMap<String, Running>>,
}

/// What makes two calls one: the key of the caller with what was asked, else the id of the call.
pub(crate) fn fingerprint(call: &NodeInvokeRequestPayload) -> String {
    let parts = match &call.idempotency_key {
        Some(key) => {
            let params = call.params_json.as_deref().unwrap_or_default();
            [key.as_str(), &call.command, params]
        }
        None => ["", &call.id, ""],
    };
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Desk {
    /// Takes a call in.
    pub(crate) fn begin(&self, fingerprint: &str, id: &str, stop: &CancellationToken) -> Begin {
        let mut calls = self.running.lock();
        if let Some(running) = calls.get_mut(fingerprint) {
            if !running.ids.iter().any(|known| known == id) {
                running.ids.push(id.to_owned());
            }
            return Begin::Running;
        }
        if calls.len() >= MAX_RUNNING {
            return Begin::Busy;
        }
        let cancel = stop.child_token();
        let running = Running { cancel: cancel.clone(), ids: vec![id.to_owned()] };
        calls.insert(fingerprint.to_owned(), running);
        Begin::Fresh(cancel)
    }

    /// A call is over; gives every id that is to be answered.
    pub(crate) fn finish(&self, fingerprint: &str) -> Vec<String> {
        self.running.lock().remove(fingerprint).map_or_else(Vec::new, |running| running.ids)
    }

    /// Nobody waits for a call any more. It goes on while somebody else waits for the same.
    pub(crate) fn cancel(&self, id: &str) {
        for running in self.running.lock().values_mut() {
            let before = running.ids.len();
            running.ids.retain(|known| known != id);
            if running.ids.is_empty() && before > 0 {
                running.cancel.cancel();
            }
        }
    }

    /// Nobody waits for any call any more.
    pub(crate) fn cancel_all(&self) {
        for running in self.running.lock().values_mut() {
            running.ids.clear();
            running.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_done_once_and_answered_under_both_ids() {
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        assert!(matches!(desk.begin("k", "a", &stop), Begin::Fresh(_)));
        assert!(matches!(desk.begin("k", "a", &stop), Begin::Running));
        assert!(matches!(desk.begin("k", "b", &stop), Begin::Running));
        assert_eq!(desk.finish("k"), ["a", "b"]);
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
        assert!(desk.finish("k").is_empty());
    }

    #[test]
    fn what_runs_is_bounded() {
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        for n in 0..MAX_RUNNING {
            assert!(matches!(desk.begin(&n.to_string(), &n.to_string(), &stop), Begin::Fresh(_)));
        }
        assert!(matches!(desk.begin("more", "more", &stop), Begin::Busy));
    }

    #[test]
    fn a_call_is_told_by_its_key_and_what_it_asks_for() {
        let call = |key: Option<&str>, command: &str, params: &str| NodeInvokeRequestPayload {
            id: "id".to_owned(),
            node_id: openclaw_protocol::ids::DeviceId::new("node"),
            command: command.to_owned(),
            params_json: Some(params.to_owned()),
            timeout_ms: None,
            idempotency_key: key.map(str::to_owned),
        };
        let one = fingerprint(&call(Some("k"), "c", "{}"));
        assert_eq!(one, fingerprint(&call(Some("k"), "c", "{}")));
        let others =
            [call(Some("k"), "c{", "}"), call(Some("kc"), "", "{}"), call(None, "c", "{}")];
        assert!(others.iter().all(|other| fingerprint(other) != one));
    }
}
