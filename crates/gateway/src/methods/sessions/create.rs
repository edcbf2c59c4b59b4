//! `sessions.create`: a session, and its first message if one is given.

use openclaw_agent::{Start, StartRun};
use openclaw_protocol::{
    RpcError,
    ids::SessionKey,
    methods::{
        chat::Attachment,
        sessions::{CreatedVia, SessionVisibility, SessionsCreateParams, SessionsCreateResult},
    },
    patch::Patch,
    text::Text,
};
use openclaw_store::sessions::{Change, SessionPatch, SettingsPatch};
use uuid::Uuid;

use super::{
    announce::changed_by_request,
    patch::{model, set, thinking},
    send::run_id,
};
use crate::{
    methods::chat::send::{milliseconds, start},
    router::{Cx, Failure},
    shape::{
        attachments::pictures,
        extra, failure,
        models::Catalog,
        session,
        target::{Target, agent_or_default},
    },
};

/// Makes the session. One that is there already is changed and given back.
///
/// # Errors
/// When something is asked that this Gateway cannot do, a value is none of its kind, or a label is
/// taken. A message that cannot be sent is no error: the session is there, and the answer says why.
pub(super) async fn make(
    cx: &Cx,
    params: SessionsCreateParams,
) -> Result<SessionsCreateResult, Failure> {
    refuse_unsupported(&params)?;
    let state = &cx.state;
    let target = target(cx, &params)?;
    let known = state.store.sessions().get(&target.key).await;
    let known = known.map_err(|error| failure::store(state, &error))?;
    let patch = patch(cx, &params, known.is_none())?;
    let opened = state.store.sessions().patch(&target.key, &target.agent, patch, cx.now_ms()).await;
    let entry = opened.map_err(|error| failure::store(state, &error))?.entry;
    changed_by_request(state, &target.key, "create").await;
    let applied = Catalog::of(state).of_session(&entry);
    let result = SessionsCreateResult {
        ok: true,
        key: target.key.clone(),
        session_id: Some(entry.session_id.clone()),
        resolved: Some(applied.resolved(entry.settings.thinking_level.clone())),
        entry: Some(session::entry(&entry, None)),
        run_started: Some(false),
        ..SessionsCreateResult::default()
    };
    match first_message(&params) {
        None => Ok(result),
        Some(message) => Ok(with_run(cx, target, message, params, result).await),
    }
}

fn target(cx: &Cx, params: &SessionsCreateParams) -> Result<Target, RpcError> {
    let agent = params.agent_id.as_deref();
    if let Some(key) = params.key.as_deref() {
        return Target::writable(&cx.state, key, agent);
    }
    let agent = agent_or_default(&cx.state, agent)?;
    let key = SessionKey::new(format!("agent:{agent}:dashboard:{}", Uuid::new_v4()));
    Ok(Target { key, agent })
}

/// What would have to be done differently is refused rather than left out in silence.
fn refuse_unsupported(params: &SessionsCreateParams) -> Result<(), RpcError> {
    let yes = |flag: Option<bool>| flag == Some(true);
    let asked = [
        ("incognito", yes(params.incognito)),
        ("fork", yes(params.fork)),
        ("forkFrom", params.fork_from.is_some()),
        ("succeedsParent", yes(params.succeeds_parent)),
        ("worktree", yes(params.worktree)),
        ("worktreeBaseRef", params.worktree_base_ref.is_some()),
        ("worktreeName", params.worktree_name.is_some()),
        ("cwd", params.cwd.is_some()),
        ("projectId", params.project_id.is_some()),
        ("projectGitUrl", params.project_git_url.is_some()),
        ("catalogId", params.catalog_id.is_some()),
        ("visibility", params.visibility.is_some_and(|seen| seen != SessionVisibility::Shared)),
    ];
    match asked.into_iter().find(|(_, asked)| *asked) {
        Some((field, _)) => {
            Err(RpcError::invalid(format!("sessions.create: {field} is not supported here")))
        }
        None => Ok(()),
    }
}

fn patch(cx: &Cx, params: &SessionsCreateParams, is_new: bool) -> Result<SessionPatch, Failure> {
    let wanted = |field: &Option<_>| field.clone().map_or(Patch::Keep, Patch::Set);
    let (provider_override, model_override) = model(&cx.state, &wanted(&params.model))?;
    let text = |text: &str| Change::Set(text.to_owned());
    let mut patch = SessionPatch {
        label: params.label.as_deref().map_or(Change::Keep, text),
        display_name: params.display_name.as_deref().map_or(Change::Keep, text),
        settings: SettingsPatch {
            provider_override,
            model_override,
            thinking_level: thinking(&wanted(&params.thinking_level))?,
            exec_node: params.exec_node.as_deref().map_or(Change::Keep, text),
            ..SettingsPatch::default()
        },
        ..SessionPatch::default()
    };
    let fields = &mut patch.extra;
    set(fields, extra::CATEGORY, params.category.as_ref());
    set(fields, "contextWindow", params.context_window.as_ref());
    set(fields, extra::FAST_MODE, params.fast_mode.as_ref());
    set(fields, extra::PERMISSION_MODE, params.permission_mode.as_ref());
    set(fields, extra::TOOL_OVERRIDES, params.tool_overrides.as_ref());
    set(fields, extra::SPAWN_DEPTH, params.spawn_depth.as_ref());
    set(fields, extra::CREATED_VIA, is_new.then_some(&CreatedVia::Operator));
    if let Some(parent) = params.parent_session_key.as_deref() {
        let parent = Target::named(&cx.state, parent, None)?.key;
        set(fields, extra::PARENT, Some(&parent));
    }
    Ok(patch)
}

struct First {
    text: String,
    files: Option<Vec<Attachment>>,
}

fn first_message(params: &SessionsCreateParams) -> Option<First> {
    let said = params.message.as_ref().or(params.task.as_ref()).cloned().unwrap_or_default();
    let files = params.attachments.clone().filter(|files| !files.is_empty());
    (!said.trim().is_empty() || files.is_some()).then_some(First { text: said, files })
}

async fn with_run(
    cx: &Cx,
    target: Target,
    message: First,
    params: SessionsCreateParams,
    result: SessionsCreateResult,
) -> SessionsCreateResult {
    let limit = params.timeout_ms.map(|limit| limit.get());
    let key = params.idempotency_key.map(Text::into_string);
    let started = match pictures(message.files) {
        Err(error) => Err(Failure::from(error)),
        Ok(attachments) => {
            let order = StartRun {
                agent_id: Some(target.agent),
                attachments,
                timeout: milliseconds(limit),
                owner: cx.is_admin(),
                ..StartRun::new(
                    run_id(key.as_deref()),
                    target.key,
                    message.text,
                    cx.conn.principal.id.as_str(),
                )
            };
            start(cx, order).await
        }
    };
    match started {
        Ok(Start::Accepted { run_id, message_seq, .. }) => SessionsCreateResult {
            run_started: Some(true),
            run_id: Some(run_id),
            message_seq,
            ..result
        },
        Ok(Start::InFlight { run_id, .. }) => {
            SessionsCreateResult { run_started: Some(true), run_id: Some(run_id), ..result }
        }
        Ok(Start::Done(outcome)) => {
            SessionsCreateResult { run_started: Some(true), run_id: Some(outcome.run_id), ..result }
        }
        Ok(Start::Stopped { .. }) => result,
        Err(failure) => SessionsCreateResult { run_error: Some(failure.error), ..result },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn params(json: Value) -> SessionsCreateParams {
        serde_json::from_value(json).expect("params")
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for (field, value) in [
            ("incognito", json!(true)),
            ("fork", json!(true)),
            ("worktree", json!(true)),
            ("cwd", json!("/tmp")),
            ("projectId", json!("p")),
            ("visibility", json!("draft")),
        ] {
            let error = refuse_unsupported(&params(json!({field: value}))).expect_err(field);
            assert_eq!(error.message, format!("sessions.create: {field} is not supported here"));
        }
        let plain = json!({"incognito": false, "worktree": false, "visibility": "shared"});
        assert_eq!(refuse_unsupported(&params(plain)), Ok(()));
    }

    #[test]
    fn a_task_is_a_first_message() {
        let first = |json: Value| first_message(&params(json)).map(|first| first.text);
        assert_eq!(first(json!({"task": "a"})), Some("a".to_owned()));
        assert_eq!(first(json!({"task": "a", "message": "b"})), Some("b".to_owned()));
        assert_eq!(first(json!({"message": "  "})), None);
        assert_eq!(first(json!({"attachments": [{}]})), Some(String::new()));
        assert_eq!(first(json!({})), None);
    }
}
