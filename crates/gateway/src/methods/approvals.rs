//! Commands that wait for a person's word, and the lists of what may run without asking.

use openclaw_exec::approvals::{ApprovalsFile, Snapshot};
use openclaw_protocol::{
    DetailCode, RpcError,
    methods::{approvals::*, system::NoParams},
    patch::Patch,
};
use openclaw_store::trail::TrailKind;
use serde_json::{Map, Value, json};

use crate::{
    approval_flow, approval_grants as grants,
    approvals::{Item, Settled},
    router::{Cx, Failure, Handle, Methods},
};

impl Handle<ExecApprovalsGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<ExecApprovalsSnapshot, Failure> {
        Ok(snapshot(
            cx.state.approvals.file().snapshot().map_err(|error| grants::refused(&error))?,
        )?)
    }
}

impl Handle<ExecApprovalsSet> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalsSetParams,
    ) -> Result<ExecApprovalsSnapshot, Failure> {
        let file = params.file.ok_or_else(|| RpcError::invalid("file is required"))?;
        let file: ApprovalsFile = serde_json::from_value(Value::Object(file)).map_err(|error| {
            RpcError::invalid(format!("invalid exec.approvals.set params: {error}"))
        })?;
        let base = params.base_hash.map(|hash| hash.into_string());
        let given = file.clone();
        let replaced = cx.state.approvals.file().replace(file, base.as_deref());
        let replaced = replaced.map_err(|error| grants::refused(&error))?;
        let detail = "the list of commands was replaced";
        cx.state.record_of(&cx.conn, TrailKind::Approval, "changed", detail);
        let origin = cx.conn.origin.to_string();
        grants::added(&cx.state, None, &given, (&cx.conn.principal.id, &origin));
        Ok(snapshot(replaced)?)
    }
}

fn snapshot(found: Snapshot) -> Result<ExecApprovalsSnapshot, RpcError> {
    let defaults = found.file.defaults();
    let auto = found.file.defaults.as_ref().and_then(|defaults| defaults.auto_allow_skills);
    let file = serde_json::to_value(found.file.without_token());
    let Ok(Value::Object(file)) = file else {
        return Err(RpcError::unavailable("the approvals cannot be shown"));
    };
    Ok(ExecApprovalsSnapshot {
        path: found.path.display().to_string(),
        exists: found.exists,
        hash: found.hash,
        file,
        resolved_defaults: Some(ExecApprovalsDefaults {
            security: defaults.security.word().to_owned(),
            ask: defaults.ask.word().to_owned(),
            ask_fallback: defaults.fallback.word().to_owned(),
            auto_allow_skills: auto.unwrap_or(false),
        }),
    })
}

impl Handle<ExecApprovalsNodeGet> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalsNodeGetParams,
    ) -> Result<ExecApprovalsSnapshot, Failure> {
        let node = params.node_id.as_str();
        Ok(grants::node_file(&cx.state, node, "system.execApprovals.get", Map::new()).await?)
    }
}

impl Handle<ExecApprovalsNodeSet> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalsNodeSetParams,
    ) -> Result<ExecApprovalsSnapshot, Failure> {
        let mut given = Map::new();
        let file = params.file.clone().map(|file| serde_json::from_value(Value::Object(file)));
        let parts = [("file", params.file), ("native", params.native)];
        for (name, part) in parts {
            if let Some(part) = part {
                given.insert(name.to_owned(), Value::Object(part));
            }
        }
        if let Some(hash) = params.base_hash {
            given.insert("baseHash".to_owned(), json!(hash.as_str()));
        }
        let node = params.node_id.as_str();
        let set = grants::node_file(&cx.state, node, "system.execApprovals.set", given).await?;
        let detail = format!("the list of commands of node {node} was replaced");
        cx.state.record_of(&cx.conn, TrailKind::Approval, "changed", &detail);
        if let Some(Ok(file)) = file {
            let origin = cx.conn.origin.to_string();
            grants::added(&cx.state, Some(node), &file, (&cx.conn.principal.id, &origin));
        }
        Ok(set)
    }
}

impl Handle<ExecApprovalsGrants> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalsGrantsParams,
    ) -> Result<ExecApprovalsGrantsResult, Failure> {
        let node = params.node_id.as_ref().map(|node| node.as_str());
        Ok(ExecApprovalsGrantsResult { grants: grants::list(&cx.state, node).await? })
    }
}

impl Handle<ExecApprovalsRevoke> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalsRevokeParams,
    ) -> Result<ExecApprovalsRevokeResult, Failure> {
        let node = params.node_id.as_ref().map(|node| node.as_str());
        let revoked = grants::revoke(&cx.state, node, params.id.as_str()).await?;
        for grant in &revoked {
            let detail = format!(
                "agent {} on {}: {}",
                grant.agent_id,
                grant.node_id.as_deref().unwrap_or("gateway"),
                grant.pattern
            );
            cx.state.record_of(&cx.conn, TrailKind::Approval, "revoked", &detail);
        }
        Ok(ExecApprovalsRevokeResult { revoked })
    }
}

fn text<T: ToString>(field: Patch<T>) -> Option<String> {
    match field {
        Patch::Set(value) => Some(value.to_string()),
        Patch::Keep | Patch::Clear => None,
    }
}

/// The command as people read it: as text, by its words, or as the plan has it.
fn command(params: &ExecApprovalRequestParams) -> Option<String> {
    let plan = params.system_run_plan.as_ref();
    let planned = plan.and_then(|plan| plan.get("commandText")).and_then(Value::as_str);
    let words = params.command_argv.as_ref().filter(|argv| !argv.is_empty());
    let command = params.command.as_ref().map(|command| command.as_str().to_owned());
    command.or_else(|| planned.map(str::to_owned)).or_else(|| words.map(|argv| argv.join(" ")))
}

impl Handle<ExecApprovalAsk> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalRequestParams,
    ) -> Result<ExecApprovalOutcome, Failure> {
        let command = command(&params).filter(|command| !command.trim().is_empty());
        let command = command.ok_or_else(|| RpcError::invalid("command is required"))?;
        let hidden = params.unavailable_decisions.unwrap_or_default();
        let offered = |decision: &ApprovalDecision| {
            *decision == ApprovalDecision::Deny || !hidden.contains(decision)
        };
        let request = ExecApprovalRequest {
            command,
            command_argv: params.command_argv,
            env_keys: params.env.map(|env| env.into_keys().collect()),
            cwd: text(params.cwd),
            node_id: text(params.node_id),
            host: text(params.host),
            security: text(params.security),
            ask: text(params.ask),
            warning_text: text(params.warning_text),
            allowed_decisions: ApprovalDecision::ALL.iter().copied().filter(offered).collect(),
            agent_id: text(params.agent_id),
            resolved_path: text(params.resolved_path),
            session_key: text(params.session_key),
            session_id: text(params.session_id),
            run_id: text(params.run_id),
            tool_call_id: text(params.tool_call_id),
            turn_source_channel: text(params.turn_source_channel),
            turn_source_to: text(params.turn_source_to),
            turn_source_account_id: text(params.turn_source_account_id),
        };
        let id = params.id.map(|id| id.into_string());
        let timeout = params.timeout_ms.map(|limit| limit.get());
        let item = approval_flow::open(&cx.state, id, request, timeout)?;
        if params.two_phase == Some(true) {
            cx.interim(&ExecApprovalAccepted {
                status: "accepted".to_owned(),
                id: item.requested.id.clone(),
                created_at_ms: item.requested.created_at_ms,
                expires_at_ms: item.requested.expires_at_ms,
            });
        }
        Ok(outcome(&item, &item.wait().await))
    }
}

fn outcome(item: &Item, settled: &Settled) -> ExecApprovalOutcome {
    ExecApprovalOutcome {
        id: item.requested.id.clone(),
        decision: settled.decision,
        created_at_ms: item.requested.created_at_ms,
        expires_at_ms: item.requested.expires_at_ms,
    }
}

impl Handle<ExecApprovalWaitDecision> for Methods {
    async fn handle(cx: Cx, params: ExecApprovalIdParams) -> Result<ExecApprovalOutcome, Failure> {
        let item = cx.state.approvals.find(params.id.as_str());
        let item = item.map_err(|_| RpcError::invalid("approval expired or not found"))?;
        Ok(outcome(&item, &item.wait().await))
    }
}

/// Decides in the caller's name; an error if somebody was faster.
fn decide(cx: &Cx, item: &Item, decision: ApprovalDecision) -> Result<bool, RpcError> {
    let origin = cx.conn.origin.to_string();
    approval_flow::resolve(&cx.state, item, decision, (&cx.conn.principal.id, &origin))
}

impl Handle<ExecApprovalResolve> for Methods {
    async fn handle(
        cx: Cx,
        params: ExecApprovalResolveParams,
    ) -> Result<ExecApprovalResolved, Failure> {
        let wanted = params.decision.as_str();
        let decision = ApprovalDecision::ALL.iter().find(|decision| decision.as_str() == wanted);
        let decision = *decision.ok_or_else(|| RpcError::invalid("invalid decision"))?;
        let item = cx.state.approvals.find(params.id.as_str())?;
        if item.settled().is_some() || !decide(&cx, &item, decision)? {
            let reason = json!(DetailCode::ApprovalAlreadyResolved);
            let error = RpcError::invalid("approval already resolved");
            return Err(error.with_details([("reason", reason)]).into());
        }
        Ok(ExecApprovalResolved { ok: true })
    }
}

impl Handle<ExecApprovalGet> for Methods {
    async fn handle(cx: Cx, params: ExecApprovalIdParams) -> Result<ExecApprovalView, Failure> {
        let item = cx.state.approvals.find(params.id.as_str())?;
        let request = &item.requested.request;
        Ok(ExecApprovalView {
            id: item.requested.id.clone(),
            command_text: request.command.clone(),
            command_preview: None,
            allowed_decisions: request.allowed_decisions.clone(),
            host: request.host.clone(),
            node_id: request.node_id.clone(),
            agent_id: request.agent_id.clone(),
            expires_at_ms: item.requested.expires_at_ms,
        })
    }
}

impl Handle<ExecApprovalList> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<Vec<ExecApprovalRequested>, Failure> {
        Ok(cx.state.approvals.waiting())
    }
}

fn view(item: &Item) -> ApprovalSnapshot {
    let request = &item.requested.request;
    let settled = item.settled();
    ApprovalSnapshot {
        id: item.requested.id.clone(),
        url_path: format!("/approve/{}", item.requested.id),
        created_at_ms: item.requested.created_at_ms,
        expires_at_ms: item.requested.expires_at_ms,
        presentation: ApprovalPresentation {
            kind: ApprovalKind::Exec,
            command_text: request.command.clone(),
            warning_text: request.warning_text.clone(),
            host: request.host.clone(),
            node_id: request.node_id.clone(),
            agent_id: request.agent_id.clone(),
            allowed_decisions: request.allowed_decisions.clone(),
        },
        status: settled.as_ref().map_or(ApprovalStatus::Pending, Settled::status),
        resolved_at_ms: settled.as_ref().map(|settled| settled.at_ms),
        decision: settled.as_ref().and_then(|settled| settled.decision),
        reason: settled.as_ref().map(|settled| settled.reason),
    }
}

impl Handle<ApprovalGet> for Methods {
    async fn handle(cx: Cx, params: ApprovalGetParams) -> Result<ApprovalGetResult, Failure> {
        let item = cx.state.approvals.find(params.id.as_str())?;
        Ok(ApprovalGetResult { approval: view(&item) })
    }
}

impl Handle<ApprovalResolve> for Methods {
    async fn handle(
        cx: Cx,
        params: ApprovalResolveParams,
    ) -> Result<ApprovalResolveResult, Failure> {
        let item = cx.state.approvals.find(params.id.as_str())?;
        if params.kind != item.requested.approval_kind {
            return Err(RpcError::invalid("the approval is of another kind").into());
        }
        let applied = decide(&cx, &item, params.decision)?;
        Ok(ApprovalResolveResult { applied, approval: view(&item) })
    }
}
