//! Commands that a phone cannot run while its app is in the background: they wait, the caller is told so,
//! and the app fetches them when somebody opens it.

use openclaw_protocol::{
    DetailCode, RpcError,
    methods::nodes::{NodeInvokeOutcome, NodeRow},
};
use openclaw_store::node_work::{MAX_PARAMS, NewWork, Put, WorkKind};
use serde_json::{Value, json};

use crate::{
    node_invoke::{self, Request},
    nodes::Listener,
    state::State,
};

/// How a node says that its app is in the background.
const IN_BACKGROUND: &str = "NODE_BACKGROUND_UNAVAILABLE";
/// What runs in the foreground only.
const FOREGROUND: [&str; 4] = ["canvas.", "camera.", "screen.", "talk."];
/// The systems whose apps fetch what waits.
const FETCHES: [&str; 2] = ["ios", "ipados"];
/// How long such a command may wait, in milliseconds: it belongs to what somebody does now.
const WAITS_MS: u64 = 10 * 60 * 1000;
/// When the caller may ask again, in milliseconds.
const RETRY_MS: u64 = 5_000;

/// Calls a command and waits for its result, or puts it where the node fetches it later. What waits, or was
/// fetched, is not called again: a repeat is told the same.
///
/// # Errors
/// As [`node_invoke::invoke`], and that the command waits.
pub(crate) async fn invoke(
    state: &State,
    request: Request,
    listener: Option<Listener>,
) -> Result<NodeInvokeOutcome, RpcError> {
    if !needs_foreground(&request.command) {
        return node_invoke::invoke(state, request, listener).await;
    }
    let row = node_invoke::find(state, &request.node).await?;
    let new = work(&request);
    if !fetches(&row) || new.params.as_ref().is_some_and(|params| params.len() > MAX_PARAMS) {
        return node_invoke::invoke(state, request, listener).await;
    }
    let store = state.store.node_work();
    let known = store.find(new.clone(), state.clock.now_ms()).await;
    if let Some(known) = known.map_err(|error| state.storage_error(&error))? {
        return Err(waits(&new, &known.work_id, Value::Null));
    }
    let error = match node_invoke::invoke(state, request, listener).await {
        Err(error) => error,
        done => return done,
    };
    let Some(said) = in_background(&error) else { return Err(error) };
    let put = store.put(new.clone(), state.clock.now_ms()).await;
    match put.map_err(|error| state.storage_error(&error))? {
        Put::Waits { work, .. } => Err(waits(&new, &work.work_id, said)),
        Put::Full => {
            let message = "too many commands wait for this node already; open its app";
            Err(RpcError::unavailable(message).retry_after(RETRY_MS))
        }
        Put::NoNode => Err(error),
    }
}

fn needs_foreground(command: &str) -> bool {
    FOREGROUND.iter().any(|family| command.starts_with(family))
}

fn fetches(row: &NodeRow) -> bool {
    let platform = row.platform.as_deref().unwrap_or_default().to_ascii_lowercase();
    FETCHES.iter().any(|known| platform.starts_with(known))
}

/// What the node said, if it is that its app is in the background.
fn in_background(error: &RpcError) -> Option<Value> {
    let said = error.details.as_ref()?.get("nodeError")?;
    let says = |key: &str| {
        said.get(key).and_then(Value::as_str).is_some_and(|text| text.starts_with(IN_BACKGROUND))
    };
    (says("code") || says("message")).then(|| said.clone())
}

fn work(request: &Request) -> NewWork {
    NewWork {
        node: request.node.clone(),
        kind: WorkKind::Command,
        name: request.command.clone(),
        key: request.key.clone(),
        params: request.params.as_ref().map(ToString::to_string),
        urgent: false,
        lives_ms: WAITS_MS,
    }
}

fn waits(work: &NewWork, id: &str, said: Value) -> RpcError {
    let error = RpcError::unavailable("node command queued until iOS returns to foreground");
    let details = [
        ("queuedActionId", json!(id)),
        ("nodeId", json!(work.node)),
        ("command", json!(work.name)),
        ("nodeError", said),
    ];
    error.with_details(details).with_code(DetailCode::QueuedUntilForeground).retry_after(RETRY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_the_screen_of_an_app_that_fetches_may_wait() {
        let cases = [
            ("ios 26.1", "canvas.present", true),
            ("iPadOS", "camera.snap", true),
            ("iOS", "location.get", false),
            ("android", "canvas.present", false),
            ("linux", "screen.record", false),
        ];
        for (platform, command, waits) in cases {
            let platform = Some(platform.to_owned());
            let row = NodeRow { platform, ..crate::nodes::empty_row("n") };
            assert_eq!(needs_foreground(command) && fetches(&row), waits, "{row:?} {command}");
        }
    }

    #[test]
    fn a_background_is_told_from_any_other_failure() {
        let said = |code: &str, message: &str| {
            let details = json!({"code": code, "message": message});
            RpcError::unavailable("failed").with_details([("nodeError", details)])
        };
        let message = "NODE_BACKGROUND_UNAVAILABLE: open the app";
        assert!(in_background(&said("UNAVAILABLE", message)).is_some());
        assert!(in_background(&said("NODE_BACKGROUND_UNAVAILABLE", "")).is_some());
        assert!(in_background(&said("UNAVAILABLE", "the camera is broken")).is_none());
        assert!(in_background(&RpcError::unavailable(message)).is_none());
    }
}
