//! Choosing the sessions of a list.

use openclaw_protocol::ids::{AgentId, SessionKey};
use rusqlite::{Connection, named_params};

use super::{SessionEntry, rows};
use crate::{error::StoreError, row};

/// Which sessions, in which order.
#[derive(Clone, Debug)]
pub struct SessionQuery {
    /// Of this agent only.
    pub agent_id: Option<AgentId>,
    /// With this label only.
    pub label: Option<String>,
    /// Started by this session only.
    pub spawned_by: Option<SessionKey>,
    /// With these words in key, label, display name or session id.
    pub search: Option<String>,
    /// Updated since.
    pub updated_since_ms: Option<u64>,
    /// `Some`: only those that are, or are not, archived.
    pub archived: Option<bool>,
    /// `Some`: only those that are, or are not, pinned.
    pub pinned: Option<bool>,
    /// Whether the session `global` belongs to the list.
    pub include_global: bool,
    /// Whether the session `unknown` belongs to the list.
    pub include_unknown: bool,
    /// Whether sessions of sub-agents belong to it.
    pub include_subagents: bool,
    /// Whether sessions of cron jobs belong to it; those of single runs never do.
    pub include_cron: bool,
    /// In which order, the latest first.
    pub sort: SessionSort,
    /// How many to leave out.
    pub offset: usize,
    /// How many at most.
    pub limit: usize,
}

impl Default for SessionQuery {
    fn default() -> Self {
        Self {
            agent_id: None,
            label: None,
            spawned_by: None,
            search: None,
            updated_since_ms: None,
            archived: None,
            pinned: None,
            include_global: false,
            include_unknown: false,
            include_subagents: true,
            include_cron: true,
            sort: SessionSort::Updated,
            offset: 0,
            limit: 100,
        }
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionSort {
    /// By the last thing that happened.
    #[default]
    Updated,
    /// By the last time a person wrote.
    Interaction,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionEntry>,
    /// How many match in all.
    pub total: usize,
}

const MATCHES: &str = "
    WHERE (:agent IS NULL OR agent_id = :agent)
      AND (:label IS NULL OR label = :label)
      AND (:spawned_by IS NULL OR spawned_by = :spawned_by)
      AND (:since IS NULL OR updated_at_ms >= :since)
      AND (:archived IS NULL OR archived = :archived)
      AND (:pinned IS NULL OR pinned = :pinned)
      AND (:global OR session_key <> 'global')
      AND (:unknown OR session_key <> 'unknown')
      AND (:subagents OR instr(session_key, ':subagent:') = 0)
      AND (:cron OR instr(session_key, ':cron:') = 0)
      AND NOT (instr(session_key, ':cron:') > 0 AND instr(session_key, ':run:') > 0)
      AND (:search IS NULL OR instr(
              lower(session_key || ' ' || session_id || ' ' || coalesce(label, '') || ' '
                    || coalesce(display_name, '')), :search) > 0)";

pub(super) fn page(conn: &Connection, query: &SessionQuery) -> Result<SessionPage, StoreError> {
    let order = match query.sort {
        SessionSort::Updated => "updated_at_ms DESC, session_key",
        SessionSort::Interaction => {
            "coalesce(last_interaction_at_ms, created_at_ms) DESC, session_key"
        }
    };
    // Only fixed words go into the text; what a caller says is bound.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT *, count(*) OVER () AS total FROM sessions {MATCHES}
         ORDER BY {order} LIMIT :limit OFFSET :offset"
    ))?;
    // SQLite folds the case of ASCII letters only, so the words are folded the same way.
    let search = query.search.as_ref().map(|words| words.trim().to_ascii_lowercase());
    let mut rows = statement.query(named_params! {
        ":agent": query.agent_id.as_ref().map(AgentId::as_str),
        ":label": query.label, ":search": search,
        ":spawned_by": query.spawned_by.as_ref().map(SessionKey::as_str),
        ":since": query.updated_since_ms,
        ":archived": query.archived, ":pinned": query.pinned,
        ":global": query.include_global, ":unknown": query.include_unknown,
        ":subagents": query.include_subagents, ":cron": query.include_cron,
        ":limit": row::count(query.limit),
        ":offset": row::count(query.offset),
    })?;
    let mut page = SessionPage { sessions: Vec::new(), total: 0 };
    while let Some(row) = rows.next()? {
        page.total = row.get("total")?;
        page.sessions.push(rows::entry(row)?);
    }
    if page.sessions.is_empty() && query.offset > 0 {
        page.total = count(conn, query)?;
    }
    Ok(page)
}

/// A page beyond the end has no row to carry the count.
fn count(conn: &Connection, query: &SessionQuery) -> Result<usize, StoreError> {
    let first = SessionQuery { offset: 0, limit: 1, ..query.clone() };
    Ok(page(conn, &first)?.total)
}
