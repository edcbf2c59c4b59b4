//! `system.execApprovals.get` and `system.execApprovals.set`: what may run on this machine, as a file.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use openclaw_exec::approvals::{ApprovalsError, ApprovalsFile, Snapshot};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use crate::{
    command::{Call, CommandError, NodeCommand},
    report::in_background,
};

/// Shows the file.
pub(super) struct Get(pub(super) Arc<Machine>);

/// Replaces the file.
pub(super) struct Set(pub(super) Arc<Machine>);

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetParams {
    file: ApprovalsFile,
    base_hash: Option<String>,
}

fn shown(snapshot: Result<Snapshot, ApprovalsError>) -> Result<Value, CommandError> {
    let Snapshot { path, exists, hash, file } = snapshot.map_err(|error| match error {
        ApprovalsError::HashRequired | ApprovalsError::Changed => {
            CommandError::invalid(error.to_string())
        }
        _ => CommandError::unavailable(error.to_string()),
    })?;
    let file = file.without_token();
    Ok(json!({"path": path.display().to_string(), "exists": exists, "hash": hash, "file": file}))
}

impl NodeCommand for Get {
    fn name(&self) -> &'static str {
        "system.execApprovals.get"
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        let machine = Arc::clone(&self.0);
        in_background(call, move |_: Nothing| shown(machine.approvals.snapshot())).boxed()
    }
}

impl NodeCommand for Set {
    fn name(&self) -> &'static str {
        "system.execApprovals.set"
    }

    fn run(&self, call: Call) -> BoxFuture<'_, Result<Value, CommandError>> {
        let machine = Arc::clone(&self.0);
        in_background(call, move |params: SetParams| {
            shown(machine.approvals.replace(params.file, params.base_hash.as_deref()))
        })
        .boxed()
    }
}
