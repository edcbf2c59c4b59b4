//! `sessions.patch`: changes of a session, checked word by word. Fields that nothing here acts on yet
//! are kept and shown.

use openclaw_agent::model::ThinkingLevel;
use openclaw_protocol::{
    RpcError,
    ids::{SessionId, SessionKey},
    methods::sessions::{SessionsPatchParams, SessionsPatchResult},
    patch::Patch,
    text::NonEmpty,
};
use openclaw_store::sessions::{Change, SessionEntry, SessionPatch, SettingsPatch};
use serde::Serialize;
use serde_json::{Map, Value};

use super::announce::changed_by_request;
use crate::{
    methods::chat::{expect::Expected, send::invalid_thinking},
    router::{Cx, Failure},
    shape::{
        extra,
        failure::{self, session_changed},
        models::Catalog,
        session,
        target::Target,
    },
    state::State,
};

/// Applies the change; the session is made if it is not there.
///
/// # Errors
/// When a value is none of its kind, a label is taken, or the session is not as the caller saw it last.
pub(super) async fn apply(
    cx: &Cx,
    params: SessionsPatchParams,
) -> Result<SessionsPatchResult, Failure> {
    let state = &cx.state;
    let target = Target::writable(state, &params.key, params.agent_id.as_deref())?;
    let before = state.store.sessions().get(&target.key).await;
    let before = before.map_err(|error| failure::store(state, &error))?;
    check_beliefs(&params, before.as_ref())?;
    let patch = patch(state, &target.key, before.as_ref(), params, cx.now_ms())?;
    let opened = state.store.sessions().patch(&target.key, &target.agent, patch, cx.now_ms()).await;
    let entry = opened.map_err(|error| failure::store(state, &error))?.entry;
    changed_by_request(state, &target.key, "patch").await;
    let applied = Catalog::of(state).of_session(&entry);
    Ok(SessionsPatchResult {
        ok: true,
        path: state.info.store_name(),
        key: target.key,
        resolved: applied.resolved(entry.settings.thinking_level.clone()),
        entry: session::entry(&entry, None),
    })
}

fn check_beliefs(
    params: &SessionsPatchParams,
    before: Option<&SessionEntry>,
) -> Result<(), RpcError> {
    let expected = Expected {
        leaf: Patch::Keep,
        permission_mode: params.expected_permission_mode,
        tool_overrides: params.expected_tool_overrides.clone(),
        marked_unread_at: params.expected_marked_unread_at,
    };
    let revision = params.expected_lifecycle_revision.as_deref();
    let current = before.map(|entry| entry.session_id.as_str());
    let same_life = revision.is_none_or(|revision| current == Some(revision));
    if same_life && expected.holds_for(before) { Ok(()) } else { Err(session_changed()) }
}

fn patch(
    state: &State,
    key: &SessionKey,
    before: Option<&SessionEntry>,
    params: SessionsPatchParams,
    now_ms: u64,
) -> Result<SessionPatch, RpcError> {
    let (provider_override, model_override) = model(state, &params.model)?;
    let settings = SettingsPatch { provider_override, model_override, ..settings(&params)? };
    let spawned_by = spawned_by(state, key, before, &params)?;
    let mut extra = kept(&params);
    stamps(&mut extra, &params, now_ms);
    Ok(SessionPatch {
        expected_session_id: params.expected_session_id.map(|id| SessionId::new(id.into_string())),
        label: change(params.label.map(|label| label.into_string())),
        display_name: Change::Keep,
        spawned_by,
        settings,
        extra,
        archived: params.archived,
        pinned: params.pinned,
        unread: params.unread,
    })
}

/// The same change in the store's terms.
pub(super) fn change(patch: Patch<String>) -> Change<String> {
    match patch {
        Patch::Keep => Change::Keep,
        Patch::Clear => Change::Clear,
        Patch::Set(value) => Change::Set(value),
    }
}

/// A model that was chosen: provider and name, as the registry knows them.
///
/// # Errors
/// When there is no such model.
pub(super) fn model(
    state: &State,
    wanted: &Patch<NonEmpty>,
) -> Result<(Change<String>, Change<String>), RpcError> {
    match wanted {
        Patch::Keep => Ok((Change::Keep, Change::Keep)),
        Patch::Clear => Ok((Change::Clear, Change::Clear)),
        Patch::Set(wanted) => {
            let resolved = state.models.resolve(Some(wanted.as_str()));
            let resolved = resolved.map_err(|error| RpcError::invalid(error.to_string()))?;
            let model = resolved.model.id().clone();
            Ok((Change::Set(model.provider), Change::Set(model.model)))
        }
    }
}

/// A thinking level that was chosen.
///
/// # Errors
/// For a word that is no level.
pub(super) fn thinking(wanted: &Patch<NonEmpty>) -> Result<Change<String>, RpcError> {
    Ok(match wanted {
        Patch::Keep => Change::Keep,
        Patch::Clear => Change::Clear,
        Patch::Set(raw) => {
            let level = ThinkingLevel::parse(raw).ok_or_else(|| invalid_thinking(raw))?;
            Change::Set(level.as_str().to_owned())
        }
    })
}

fn settings(params: &SessionsPatchParams) -> Result<SettingsPatch, RpcError> {
    let node = params.exec_node.clone().map(NonEmpty::into_string);
    Ok(SettingsPatch {
        thinking_level: thinking(&params.thinking_level)?,
        verbose_level: word("verboseLevel", &params.verbose_level, &["off", "on", "full"])?,
        reasoning_level: word("reasoningLevel", &params.reasoning_level, &["off", "on", "stream"])?,
        elevated_level: word(
            "elevatedLevel",
            &params.elevated_level,
            &["off", "on", "ask", "full"],
        )?,
        response_usage: change(params.response_usage.map(|usage| usage.as_str().to_owned())),
        send_policy: change(params.send_policy.map(|policy| policy.as_str().to_owned())),
        group_activation: change(params.group_activation.map(|when| when.as_str().to_owned())),
        exec_host: word("execHost", &params.exec_host, &["sandbox", "gateway", "node"])?,
        exec_security: word("execSecurity", &params.exec_security, &["deny", "allowlist", "full"])?,
        exec_ask: word("execAsk", &params.exec_ask, &["off", "on-miss", "always"])?,
        exec_node: change(node),
        ..SettingsPatch::default()
    })
}

/// One of a few words, in whatever case.
fn word(field: &str, wanted: &Patch<NonEmpty>, known: &[&str]) -> Result<Change<String>, RpcError> {
    Ok(match wanted {
        Patch::Keep => Change::Keep,
        Patch::Clear => Change::Clear,
        Patch::Set(raw) => {
            let lower = raw.trim().to_ascii_lowercase();
            if !known.contains(&lower.as_str()) {
                let known = known.join("|");
                return Err(RpcError::invalid(format!("invalid {field} (use {known})")));
            }
            Change::Set(lower)
        }
    })
}

/// Who started a session is said once, and only of sessions that are started by others.
fn spawned_by(
    state: &State,
    key: &SessionKey,
    before: Option<&SessionEntry>,
    params: &SessionsPatchParams,
) -> Result<Option<SessionKey>, RpcError> {
    let stored = before.and_then(|entry| entry.spawned_by.as_ref());
    let depth = before.and_then(|entry| extra::field::<u64>(&entry.extra, extra::SPAWN_DEPTH));
    let is_spawned = key.as_str().contains(":subagent:");
    let wanted_depth = params.spawn_depth.value().map(|depth| depth.get());
    once("spawnDepth", is_spawned, depth.as_ref(), &params.spawn_depth, wanted_depth.as_ref())?;
    let parent = match params.spawned_by.value() {
        Some(raw) => Some(Target::named(state, raw, None)?.key),
        None => None,
    };
    once("spawnedBy", is_spawned, stored, &params.spawned_by, parent.as_ref())?;
    Ok(parent)
}

fn once<P, T: PartialEq>(
    field: &str,
    allowed: bool,
    stored: Option<&T>,
    patch: &Patch<P>,
    wanted: Option<&T>,
) -> Result<(), RpcError> {
    if patch.is_keep() {
        return Ok(());
    }
    if !allowed {
        let text = format!("{field} is only supported for subagent:* sessions");
        return Err(RpcError::invalid(text));
    }
    match (stored, wanted) {
        (Some(_), None) => Err(RpcError::invalid(format!("{field} cannot be cleared once set"))),
        (Some(stored), Some(wanted)) if stored != wanted => {
            Err(RpcError::invalid(format!("{field} cannot be changed once set")))
        }
        _ => Ok(()),
    }
}

/// Fields that are kept and shown. In the store's terms `null` takes one away.
fn kept(params: &SessionsPatchParams) -> Map<String, Value> {
    let mut fields = Map::new();
    put(&mut fields, extra::ICON, &params.icon);
    put(&mut fields, extra::COLOR, &params.color);
    put(&mut fields, extra::CATEGORY, &params.category);
    put(&mut fields, "statusNote", &params.status_note);
    put(&mut fields, "attention", &params.attention);
    put(&mut fields, "contextWindow", &params.context_window);
    put(&mut fields, extra::FAST_MODE, &params.fast_mode);
    put(&mut fields, extra::TOOL_OVERRIDES, &params.tool_overrides);
    put(&mut fields, extra::TRACE_LEVEL, &params.trace_level);
    put(&mut fields, extra::PERMISSION_MODE, &params.permission_mode);
    put(&mut fields, "completionOwnerSessionKey", &params.completion_owner_session_key);
    put(&mut fields, "inheritedToolPolicyVersion", &params.inherited_tool_policy_version);
    put(&mut fields, "inheritedToolAllow", &params.inherited_tool_allow);
    put(&mut fields, "inheritedToolDeny", &params.inherited_tool_deny);
    put(&mut fields, extra::SPAWN_DEPTH, &params.spawn_depth);
    set(&mut fields, extra::BOARD_FACE, params.board_face.as_ref());
    set(&mut fields, "ttlMinutes", params.ttl_minutes.as_ref());
    fields
}

/// Says since when a session is put away, on top, read, or unread.
fn stamps(fields: &mut Map<String, Value>, params: &SessionsPatchParams, now_ms: u64) {
    let mut stamp = |name: &str, on: Option<bool>| {
        if let Some(on) = on {
            fields.insert(name.to_owned(), if on { Value::from(now_ms) } else { Value::Null });
        }
    };
    stamp(extra::ARCHIVED_AT, params.archived);
    stamp(extra::PINNED_AT, params.pinned);
    stamp(extra::MARKED_UNREAD_AT, params.unread);
    if params.unread == Some(false) {
        stamp(extra::LAST_READ_AT, Some(true));
    }
}

fn put<T: Serialize>(fields: &mut Map<String, Value>, name: &str, patch: &Patch<T>) {
    if !patch.is_keep() {
        // A cleared field serialises as `null`.
        fields.insert(name.to_owned(), serde_json::to_value(patch).unwrap_or(Value::Null));
    }
}

/// Keeps a field that is given.
pub(super) fn set<T: Serialize>(fields: &mut Map<String, Value>, name: &str, value: Option<&T>) {
    if let Some(value) = value.and_then(|value| serde_json::to_value(value).ok()) {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn params(json: Value) -> SessionsPatchParams {
        serde_json::from_value(json).expect("params")
    }

    fn refusal(json: Value) -> String {
        settings(&params(json)).expect_err("refused").message
    }

    #[test]
    fn words_are_checked() {
        let good = json!({
            "key": "main", "verboseLevel": "Full", "reasoningLevel": null,
            "thinkingLevel": "HIGH", "sendPolicy": "deny", "execNode": "n1",
        });
        let expected = SettingsPatch {
            verbose_level: Change::Set("full".to_owned()),
            reasoning_level: Change::Clear,
            thinking_level: Change::Set("high".to_owned()),
            send_policy: Change::Set("deny".to_owned()),
            exec_node: Change::Set("n1".to_owned()),
            ..SettingsPatch::default()
        };
        assert_eq!(settings(&params(good)), Ok(expected));
        for (field, text) in [
            ("verboseLevel", "invalid verboseLevel (use off|on|full)"),
            ("reasoningLevel", "invalid reasoningLevel (use off|on|stream)"),
            ("elevatedLevel", "invalid elevatedLevel (use off|on|ask|full)"),
            ("execHost", "invalid execHost (use sandbox|gateway|node)"),
            ("execSecurity", "invalid execSecurity (use deny|allowlist|full)"),
            ("execAsk", "invalid execAsk (use off|on-miss|always)"),
        ] {
            assert_eq!(refusal(json!({"key": "main", field: "maybe"})), text);
        }
        assert!(
            refusal(json!({"key": "main", "thinkingLevel": "x"})).starts_with("invalid thinking")
        );
    }

    #[test]
    fn other_fields_are_kept_or_taken_away() {
        let patch = params(json!({
            "key": "main", "icon": "i", "color": null, "boardFace": "dashboard",
            "archived": true, "pinned": false, "unread": false,
        }));
        let mut fields = kept(&patch);
        stamps(&mut fields, &patch, 7);
        let expected = json!({
            "icon": "i", "color": null, "boardFace": "dashboard",
            "archivedAt": 7, "pinnedAt": null, "markedUnreadAt": null, "lastReadAt": 7,
        });
        assert_eq!(Value::Object(fields), expected);
    }

    #[test]
    fn what_is_said_once_stays() {
        let said = |stored: Option<&u8>, patch: &Patch<u8>, allowed| {
            once("x", allowed, stored, patch, patch.value()).map_err(|error| error.message)
        };
        assert_eq!(said(Some(&1), &Patch::Keep, false), Ok(()));
        assert_eq!(said(None, &Patch::Set(1), true), Ok(()));
        assert_eq!(said(Some(&1), &Patch::Set(1), true), Ok(()));
        assert_eq!(
            said(Some(&1), &Patch::Set(2), true),
            Err("x cannot be changed once set".into())
        );
        assert_eq!(said(Some(&1), &Patch::Clear, true), Err("x cannot be cleared once set".into()));
        let wrong = Err("x is only supported for subagent:* sessions".into());
        assert_eq!(said(None, &Patch::Set(1), false), wrong);
    }
}
