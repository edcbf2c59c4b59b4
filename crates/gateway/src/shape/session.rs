//! Sessions as lists, events and answers to changes show them.
//!
//! What the store has columns for is read from there; what the Gateway only keeps for clients lies in
//! the entry's extra fields, under its name on the wire.

use std::collections::HashMap;

use openclaw_agent::SessionActivity;
use openclaw_protocol::{
    events::sessions::SessionsChangedPayload,
    ids::{AgentId, RunId, SessionKey},
    list::Switch,
    methods::{
        chat::QueueMode,
        sessions::{
            ChatType, CreatedVia, GroupActivation, ResponseUsage, SendPolicy, SessionEntry,
            SessionKind, SessionListDefaults, SessionRow, SessionVisibility, SharingRole,
        },
    },
};
use openclaw_store::{
    StoreError, runs::RunRow, sessions::SessionEntry as Stored, transcripts::Edges,
};

use crate::{
    shape::{
        extra::{self, field, kept},
        models::{Catalog, runtime, thinking_levels, thinking_options},
        run,
        words::{preview, title},
    },
    state::State,
};

/// What is known of a session besides its entry.
#[derive(Debug, Default)]
pub struct Around<'a> {
    /// Its last run.
    pub latest: Option<&'a RunRow>,
    /// What it does now.
    pub activity: SessionActivity,
    /// Its first and last words, if a title is to be made up.
    pub title_of: Option<&'a Edges>,
    /// The same, if the last message is to be shown.
    pub preview_of: Option<&'a Edges>,
}

/// A session as a row.
#[must_use]
pub fn row(catalog: &Catalog, entry: &Stored, around: &Around<'_>, now_ms: u64) -> SessionRow {
    let applied = catalog.of_session(entry);
    let settings = &entry.settings;
    let active = around.activity.active.as_ref();
    let mut row = SessionRow {
        key: entry.key.clone(),
        kind: kind(&entry.key),
        session_id: Some(entry.session_id.clone()),
        agent_id: Some(entry.agent_id.clone()),
        derived_title: around.title_of.and_then(title),
        last_message_preview: around.preview_of.and_then(preview),
        chat_type: Some(chat_type(&entry.key)),
        is_main: Some(entry.key.is_main()),
        is_background: Some(false),
        updated_at: Some(entry.updated_at_ms),
        last_activity_at: Some(entry.updated_at_ms),
        visibility: Some(SessionVisibility::Shared),
        sharing_role: Some(SharingRole::Owner),
        aborted_last_run: Some(entry.flags.aborted_last_run),
        has_active_run: Some(active.is_some()),
        active_run_ids: Some(active.map(|run| run.run_id.clone()).into_iter().collect()),
        thinking_level: settings.thinking_level.clone(),
        thinking_levels: Some(thinking_levels(applied.reasoning)),
        thinking_options: Some(thinking_options(applied.reasoning)),
        thinking_default: Some(
            catalog.thinking_default(Some(&entry.agent_id), applied.reasoning).as_str().to_owned(),
        ),
        effective_fast_mode: Some(Switch::Fixed(false)),
        effective_response_usage: Some(response_usage(entry).unwrap_or(ResponseUsage::Off)),
        effective_queue_mode: Some(queue_mode(catalog, entry)),
        permission_mode_pending: Some(false),
        context_tokens: entry.tokens.context.or(applied.context_tokens),
        model_provider: Some(applied.model.provider),
        model: Some(applied.model.model),
        model_override_source: applied.chosen_by,
        agent_runtime: Some(runtime()),
        runtime_selection_locked: Some(false),
        snapshot_at: Some(now_ms),
        ..SessionRow::default()
    };
    fill_stored(&mut row, entry);
    if let Some(latest) = around.latest {
        fill_run(&mut row, latest);
    }
    row
}

/// The fields of a row that are simply stored.
fn fill_stored(row: &mut SessionRow, entry: &Stored) {
    let (settings, tokens, extra) = (&entry.settings, &entry.tokens, &entry.extra);
    row.label.clone_from(&entry.label);
    row.display_name.clone_from(&entry.display_name);
    row.icon = field(extra, extra::ICON);
    row.color = field(extra, extra::COLOR);
    row.category = field(extra, extra::CATEGORY);
    row.created_at = Some(entry.created_at_ms);
    row.last_interaction_at = entry.last_interaction_at_ms;
    row.created_via = created_via(entry);
    row.parent_session_key = field(extra, extra::PARENT);
    row.spawned_by.clone_from(&entry.spawned_by);
    row.spawn_depth = field(extra, extra::SPAWN_DEPTH);
    row.archived = Some(entry.flags.archived);
    row.archived_at = field(extra, extra::ARCHIVED_AT);
    row.pinned = Some(entry.flags.pinned);
    row.pinned_at = field(extra, extra::PINNED_AT);
    row.unread = Some(entry.flags.unread);
    row.last_read_at = field(extra, extra::LAST_READ_AT);
    row.marked_unread_at = field(extra, extra::MARKED_UNREAD_AT);
    row.system_sent = Some(entry.flags.system_sent);
    row.verbose_level.clone_from(&settings.verbose_level);
    row.trace_level = field(extra, extra::TRACE_LEVEL);
    row.reasoning_level.clone_from(&settings.reasoning_level);
    row.elevated_level.clone_from(&settings.elevated_level);
    row.send_policy = settings.send_policy.as_deref().and_then(SendPolicy::parse);
    row.group_activation = settings.group_activation.as_deref().and_then(GroupActivation::parse);
    row.response_usage = response_usage(entry);
    row.permission_mode = field(extra, extra::PERMISSION_MODE);
    row.tool_overrides = field(extra, extra::TOOL_OVERRIDES);
    row.input_tokens = Some(tokens.input);
    row.output_tokens = Some(tokens.output);
    row.total_tokens = (tokens.total > 0).then_some(tokens.total);
    row.total_tokens_fresh = Some(tokens.total_fresh);
}

fn fill_run(row: &mut SessionRow, latest: &RunRow) {
    row.status = Some(run::status_of(latest));
    row.last_run_id = Some(latest.run_id.clone());
    row.last_run_error = run::error_of(latest);
    row.started_at = latest.started_at_ms;
    row.ended_at = latest.ended_at_ms;
    row.runtime_ms = latest
        .started_at_ms
        .zip(latest.ended_at_ms)
        .map(|(started, ended)| ended.saturating_sub(started));
}

/// What is stored of a session.
#[must_use]
pub fn entry(stored: &Stored, latest: Option<&RunRow>) -> SessionEntry {
    let (settings, tokens, extra) = (&stored.settings, &stored.tokens, &stored.extra);
    let has_override = settings.model_override.is_some();
    SessionEntry {
        session_id: stored.session_id.clone(),
        updated_at: stored.updated_at_ms,
        created_at: Some(stored.created_at_ms),
        created_via: created_via(stored),
        last_interaction_at: stored.last_interaction_at_ms,
        chat_type: Some(chat_type(&stored.key)),
        label: stored.label.clone(),
        display_name: stored.display_name.clone(),
        icon: field(extra, extra::ICON),
        color: field(extra, extra::COLOR),
        category: field(extra, extra::CATEGORY),
        archived: stored.flags.archived.then_some(true),
        pinned: stored.flags.pinned.then_some(true),
        unread: stored.flags.unread.then_some(true),
        thinking_level: settings.thinking_level.clone(),
        fast_mode: field(extra, extra::FAST_MODE),
        verbose_level: settings.verbose_level.clone(),
        trace_level: field(extra, extra::TRACE_LEVEL),
        reasoning_level: settings.reasoning_level.clone(),
        elevated_level: settings.elevated_level.clone(),
        response_usage: response_usage(stored),
        send_policy: settings.send_policy.as_deref().and_then(SendPolicy::parse),
        group_activation: settings.group_activation.as_deref().and_then(GroupActivation::parse),
        permission_mode: field(extra, extra::PERMISSION_MODE),
        tool_overrides: field(extra, extra::TOOL_OVERRIDES),
        provider_override: settings.provider_override.clone(),
        model_override: settings.model_override.clone(),
        model_override_source: has_override
            .then_some(openclaw_protocol::methods::sessions::ModelOverrideSource::User),
        exec_host: settings.exec_host.clone(),
        exec_security: settings.exec_security.clone(),
        exec_ask: settings.exec_ask.clone(),
        exec_node: settings.exec_node.clone(),
        parent_session_key: field(extra, extra::PARENT),
        spawned_by: stored.spawned_by.clone(),
        spawn_depth: field(extra, extra::SPAWN_DEPTH),
        model_provider: stored.model_provider.clone(),
        model: stored.model.clone(),
        context_tokens: tokens.context,
        system_sent: Some(stored.flags.system_sent),
        aborted_last_run: Some(stored.flags.aborted_last_run),
        status: latest.map(run::status_of),
        input_tokens: Some(tokens.input),
        output_tokens: Some(tokens.output),
        total_tokens: Some(tokens.total),
        total_tokens_fresh: Some(tokens.total_fresh),
        cache_read: Some(tokens.cache_read),
        cache_write: Some(tokens.cache_write),
        kept: kept(extra),
        ..SessionEntry::default()
    }
}

/// What a new session of an agent uses.
#[must_use]
pub fn defaults(catalog: &Catalog, agent: &AgentId) -> SessionListDefaults {
    let applied = catalog.of_agent(agent);
    SessionListDefaults {
        context_tokens: applied.context_tokens,
        agent_runtime: Some(runtime()),
        thinking_levels: Some(thinking_levels(applied.reasoning)),
        thinking_options: Some(thinking_options(applied.reasoning)),
        thinking_default: Some(
            catalog.thinking_default(Some(agent), applied.reasoning).as_str().to_owned(),
        ),
        model_provider: Some(applied.model.provider),
        model: Some(applied.model.model),
    }
}

/// Rows of these sessions, with what they do now and how their last run stands.
///
/// # Errors
/// When the store cannot be read.
pub async fn rows(
    state: &State,
    entries: &[Stored],
    titles: bool,
    previews: bool,
) -> Result<Vec<SessionRow>, StoreError> {
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
    let latest = state.store.runs().latest(&keys).await?;
    let edges = if titles || previews {
        let ids: Vec<_> = entries.iter().map(|entry| entry.session_id.clone()).collect();
        state.store.transcripts().edges(&ids).await?
    } else {
        HashMap::new()
    };
    let catalog = Catalog::of(state);
    let now_ms = state.clock.now_ms();
    let rows = entries.iter().map(|entry| {
        let edges = edges.get(&entry.session_id);
        let around = Around {
            latest: latest.get(&entry.key),
            activity: state.agent.activity(&entry.key),
            title_of: edges.filter(|_| titles),
            preview_of: edges.filter(|_| previews),
        };
        row(&catalog, entry, &around, now_ms)
    });
    Ok(rows.collect())
}

/// The row of one session, if it is there. A run that has just `ended` does not count as active.
///
/// # Errors
/// When the store cannot be read.
pub async fn row_of(
    state: &State,
    key: &SessionKey,
    ended: Option<&RunId>,
) -> Result<Option<SessionRow>, StoreError> {
    let Some(entry) = state.store.sessions().get(key).await? else { return Ok(None) };
    let Some(mut row) = rows(state, &[entry], false, false).await?.pop() else { return Ok(None) };
    if let (Some(ended), Some(active)) = (ended, row.active_run_ids.as_mut()) {
        active.retain(|run| run != ended);
        row.has_active_run = Some(!active.is_empty());
    }
    Ok(Some(row))
}

/// A session that changed, as it is now; a session without a row is gone.
#[must_use]
pub fn changed(key: &SessionKey, ts: u64, row: Option<SessionRow>) -> SessionsChangedPayload {
    let mut payload = SessionsChangedPayload {
        session_key: key.clone(),
        ts,
        ..SessionsChangedPayload::default()
    };
    if let Some(row) = row {
        payload.agent_id.clone_from(&row.agent_id);
        payload.session_id.clone_from(&row.session_id);
        payload.updated_at = row.updated_at;
        payload.status = row.status;
        payload.has_active_run = row.has_active_run;
        payload.active_run_ids.clone_from(&row.active_run_ids);
        payload.label.clone_from(&row.label);
        payload.model_provider.clone_from(&row.model_provider);
        payload.model.clone_from(&row.model);
        payload.session = Some(row);
    } else {
        payload.agent_id = key.agent();
    }
    payload
}

/// The kind of a session, by its key.
#[must_use]
pub fn kind(key: &SessionKey) -> SessionKind {
    match key.as_str() {
        "global" => SessionKind::Global,
        "unknown" => SessionKind::Unknown,
        key if key.contains(":group:") || key.contains(":channel:") => SessionKind::Group,
        _ => SessionKind::Direct,
    }
}

fn chat_type(key: &SessionKey) -> ChatType {
    let key = key.as_str();
    if key.contains(":channel:") {
        ChatType::Channel
    } else if key.contains(":group:") {
        ChatType::Group
    } else {
        ChatType::Direct
    }
}

fn created_via(entry: &Stored) -> Option<CreatedVia> {
    field(&entry.extra, extra::CREATED_VIA)
        .or_else(|| entry.spawned_by.is_some().then_some(CreatedVia::Spawn))
}

fn response_usage(entry: &Stored) -> Option<ResponseUsage> {
    entry.settings.response_usage.as_deref().and_then(ResponseUsage::parse)
}

fn queue_mode(catalog: &Catalog, entry: &Stored) -> QueueMode {
    let set = entry.settings.queue_mode.as_deref().and_then(openclaw_agent::QueueMode::parse);
    let mode = set.unwrap_or(catalog.settings().queue.mode_for(None));
    QueueMode::parse(mode.as_str()).unwrap_or(QueueMode::Collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_key() {
        let kind_of = |raw: &str| (kind(&SessionKey::new(raw)), chat_type(&SessionKey::new(raw)));
        assert_eq!(kind_of("global"), (SessionKind::Global, ChatType::Direct));
        assert_eq!(kind_of("unknown"), (SessionKind::Unknown, ChatType::Direct));
        assert_eq!(kind_of("agent:a:main"), (SessionKind::Direct, ChatType::Direct));
        assert_eq!(kind_of("agent:a:telegram:group:1"), (SessionKind::Group, ChatType::Group));
        assert_eq!(kind_of("agent:a:slack:channel:1"), (SessionKind::Group, ChatType::Channel));
    }
}
