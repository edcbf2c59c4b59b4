//! What runs without asking, on the Gateway's machine and on nodes: who allowed it, and taking it back.

use std::sync::Arc;

use openclaw_exec::{
    approvals::{ApprovalsError, ApprovalsFile, Entry, Grant, Source},
    plan::visible,
};
use openclaw_protocol::{
    RpcError,
    ids::DeviceId,
    methods::approvals::{ApprovalDecision, ExecApprovalRequest, ExecApprovalsSnapshot, ExecGrant},
};
use openclaw_store::exec_grants::{GrantNote, GrantSubject};
use serde_json::{Map, Value, json};

use crate::{
    node_invoke::{self, Request},
    state::State,
};

/// How often a node's file is read again that somebody changed meanwhile.
const TRIES: usize = 3;

/// How an error of the file is told.
pub(crate) fn refused(error: &ApprovalsError) -> RpcError {
    match error {
        ApprovalsError::File { .. } => RpcError::unavailable(error.to_string()),
        ApprovalsError::Malformed { .. }
        | ApprovalsError::HashRequired
        | ApprovalsError::Changed => RpcError::invalid(error.to_string()),
    }
}

/// A node's file, read or replaced.
///
/// # Errors
/// When the node is away, refuses, or gives something else.
pub(crate) async fn node_file(
    state: &State,
    node: &str,
    command: &str,
    params: Map<String, Value>,
) -> Result<ExecApprovalsSnapshot, RpcError> {
    let request = Request {
        node: DeviceId::new(node),
        command: command.to_owned(),
        params: Some(Value::Object(params)),
        timeout_ms: None,
        key: uuid::Uuid::now_v7().to_string(),
    };
    let outcome = node_invoke::invoke_reserved(state, request).await?;
    let payload = outcome.payload.unwrap_or_default();
    serde_json::from_value(payload)
        .map_err(|error| RpcError::unavailable(format!("the node's answer is malformed: {error}")))
}

async fn read_node(
    state: &State,
    node: &str,
) -> Result<(ExecApprovalsSnapshot, ApprovalsFile), RpcError> {
    let found = node_file(state, node, "system.execApprovals.get", Map::new()).await?;
    let file = serde_json::from_value(Value::Object(found.file.clone())).map_err(|error| {
        RpcError::unavailable(format!("the node's list is not as documented: {error}"))
    })?;
    Ok((found, file))
}

/// What runs without asking on a node, or on the Gateway's machine.
///
/// # Errors
/// When the list cannot be read.
pub(crate) async fn list(state: &State, node: Option<&str>) -> Result<Vec<ExecGrant>, RpcError> {
    let grants = match node {
        None => state.approvals.file().grants().map_err(|error| refused(&error))?,
        Some(node) => read_node(state, node).await?.1.grants(),
    };
    shown(state, node, grants).await
}

/// Takes entries away, by id, the beginning of an id, or pattern, and gives what they were.
///
/// # Errors
/// When nothing is called so, or the list cannot be changed.
pub(crate) async fn revoke(
    state: &State,
    node: Option<&str>,
    wanted: &str,
) -> Result<Vec<ExecGrant>, RpcError> {
    let gone = match node {
        None => state.approvals.file().revoke(wanted).map_err(|error| refused(&error))?,
        Some(node) => revoke_on(state, node, wanted).await?,
    };
    if gone.is_empty() {
        return Err(RpcError::invalid(
            "nothing that is allowed is called so; exec.approvals.grants lists it",
        ));
    }
    shown(state, node, gone).await
}

async fn revoke_on(state: &State, node: &str, wanted: &str) -> Result<Vec<Grant>, RpcError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (found, mut file) = read_node(state, node).await?;
        let gone = file.revoke(wanted);
        if gone.is_empty() {
            return Ok(gone);
        }
        let mut params = Map::new();
        params.insert("file".to_owned(), json!(file));
        if found.exists {
            params.insert("baseHash".to_owned(), json!(found.hash));
        }
        match node_file(state, node, "system.execApprovals.set", params).await {
            Ok(_) => return Ok(gone),
            // Somebody else changed the file in between; what they wrote stays.
            Err(error) if tries < TRIES && error.message.contains("changed since last load") => {}
            Err(error) => return Err(error),
        }
    }
}

async fn shown(
    state: &State,
    node: Option<&str>,
    grants: Vec<Grant>,
) -> Result<Vec<ExecGrant>, RpcError> {
    let notes = state.store.exec_grants().of(node.unwrap_or_default()).await;
    let notes = notes.map_err(|error| state.storage_error(&error))?;
    Ok(grants.into_iter().map(|grant| one(node, grant, &notes)).collect())
}

fn one(node: Option<&str>, grant: Grant, notes: &[GrantNote]) -> ExecGrant {
    let Grant { agent, entry } = grant;
    let about = |note: &&GrantNote| {
        let command = entry.command_text.as_deref().map(visible);
        note.is_about(&agent, GrantSubject::Pattern, &entry.pattern)
            || command.is_some_and(|command| note.is_about(&agent, GrantSubject::Command, &command))
    };
    let note = notes.iter().find(about).cloned();
    ExecGrant {
        id: entry.id,
        node_id: node.map(str::to_owned),
        agent_id: agent,
        pattern: entry.pattern,
        arg_pattern: entry.arg_pattern,
        by_decision: entry.source == Some(Source::AllowAlways),
        command_text: entry.command_text,
        granted_at_ms: note.as_ref().map(|note| note.at_ms),
        granted_by: note.map(|note| note.by),
        last_used_at_ms: entry.last_used_at,
        last_used_command: entry.last_used_command,
    }
}

/// Notes who said "always", for the entries that come of it.
pub(crate) fn decided(
    state: &Arc<State>,
    decision: Option<ApprovalDecision>,
    by: (&str, &str),
    request: &ExecApprovalRequest,
) {
    if decision == Some(ApprovalDecision::AllowAlways) {
        let agent = request.agent_id.clone().unwrap_or_default();
        let subject = (GrantSubject::Command, request.command.clone());
        note(state, request.node_id.as_deref(), agent, subject, by);
    }
}

/// Notes who put new entries on a list: those that came without an id.
pub(crate) fn added(
    state: &Arc<State>,
    node: Option<&str>,
    file: &ApprovalsFile,
    by: (&str, &str),
) {
    let is_new = |entry: &&Entry| entry.id.is_none();
    for (agent, rules) in &file.agents {
        for entry in rules.allowlist.iter().filter(is_new) {
            let subject = (GrantSubject::Pattern, entry.pattern.clone());
            note(state, node, agent.clone(), subject, by);
        }
    }
}

fn note(
    state: &Arc<State>,
    node: Option<&str>,
    agent: String,
    (subject, text): (GrantSubject, String),
    (who, origin): (&str, &str),
) {
    let note = GrantNote {
        node: node.unwrap_or_default().to_owned(),
        agent,
        subject,
        text,
        by: who.to_owned(),
        origin: origin.to_owned(),
        at_ms: state.clock.now_ms(),
    };
    let keeper = Arc::clone(state);
    drop(state.tasks.spawn("grant note", async move {
        // The entry counts without its note.
        if let Err(error) = keeper.store.exec_grants().note(note).await {
            tracing::warn!(%error, "who allowed a command could not be written down");
        }
    }));
}
