//! `sessions.list`: a page of sessions.
//!
//! There are no profiles of people here: everything belongs to the owner, so a list of somebody else's
//! sessions is empty, and one's own are all.

use openclaw_protocol::{
    ids::{AgentId, SessionKey},
    list::Switch,
    methods::sessions::{BoardFace, SessionSort, SessionsListParams, SessionsListResult},
};
use openclaw_store::{
    StoreError,
    sessions::{SessionEntry, SessionPage, SessionQuery, SessionSort as StoredSort},
};

use crate::{
    router::{Cx, Failure},
    shape::{
        extra::{self, field},
        failure,
        models::Catalog,
        session,
        target::{Target, agent_or_default},
    },
};

/// Sessions of a page unless the client says otherwise.
const DEFAULT_LIMIT: usize = 100;
/// The same for protocol 3, which knows no pages.
const DEFAULT_LIMIT_V3: usize = 1_000;
/// Sessions of a page at most.
const MAX_LIMIT: usize = 1_000;
/// Sessions looked through for wishes that the store cannot filter by.
const MAX_SCANNED: usize = 10_000;
const MS_PER_MINUTE: u64 = 60_000;

/// Reads a page.
///
/// # Errors
/// When an agent is named that is not configured, or the store cannot be read.
pub(super) async fn read(
    cx: &Cx,
    params: SessionsListParams,
) -> Result<SessionsListResult, Failure> {
    let agent = agent_or_default(&cx.state, params.agent_id.as_deref())?;
    let by_protocol = if cx.conn.protocol >= 4 { DEFAULT_LIMIT } else { DEFAULT_LIMIT_V3 };
    let limit = params.limit.map_or(by_protocol, |limit| limit.as_usize()).min(MAX_LIMIT);
    let offset = params.offset.map_or(0, |offset| offset.as_usize());
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    let page = page(cx, &params, &agent, (limit, offset)).await?;
    let titles = params.include_derived_titles == Some(true);
    let previews = params.include_last_message == Some(true);
    let sessions = session::rows(&cx.state, &page.sessions, titles, previews).await;
    let sessions = sessions.map_err(failed)?;
    let end = offset + sessions.len();
    let has_more = end < page.total && !sessions.is_empty();
    Ok(SessionsListResult {
        ts: cx.now_ms(),
        path: cx.state.info.store_name(),
        count: sessions.len() as u64,
        total_count: Some(page.total as u64),
        limit_applied: Some(limit as u64),
        next_offset: has_more.then_some(end as u64),
        has_more: Some(has_more),
        defaults: session::defaults(&Catalog::of(&cx.state), &agent),
        sessions,
    })
}

async fn page(
    cx: &Cx,
    params: &SessionsListParams,
    agent: &AgentId,
    (limit, offset): (usize, usize),
) -> Result<SessionPage, Failure> {
    if asks_for_somebody(params) {
        return Ok(SessionPage { sessions: Vec::new(), total: 0 });
    }
    let query = query(cx, params, agent)?;
    let wishes = Wishes::of(cx, params);
    let list = async |query| {
        let page = cx.state.store.sessions().list(query).await;
        page.map_err(|error| failure::store(&cx.state, &error))
    };
    if wishes.is_nothing() {
        return list(SessionQuery { limit, offset, ..query }).await;
    }
    let all = list(SessionQuery { limit: MAX_SCANNED, offset: 0, ..query }).await?;
    let fitting: Vec<_> =
        all.sessions.into_iter().filter(|entry| wishes.are_met_by(entry)).collect();
    let total = fitting.len();
    let sessions = fitting.into_iter().skip(offset).take(limit).collect();
    Ok(SessionPage { sessions, total })
}

const fn asks_for_somebody(params: &SessionsListParams) -> bool {
    params.creator_id.is_some()
        || params.owner_id.is_some()
        || params.involving_profile_id.is_some()
}

fn query(cx: &Cx, params: &SessionsListParams, agent: &AgentId) -> Result<SessionQuery, Failure> {
    let spawned_by = params.spawned_by.as_deref();
    let spawned_by = spawned_by.map(|key| Target::named(&cx.state, key, None)).transpose()?;
    let since = params.active_minutes.map(|minutes| minutes.get().saturating_mul(MS_PER_MINUTE));
    Ok(SessionQuery {
        agent_id: params.agent_id.is_some().then(|| agent.clone()),
        label: params.label.as_ref().map(|label| label.as_str().to_owned()),
        spawned_by: spawned_by.map(|target| target.key),
        search: params.search.clone().filter(|words| !words.trim().is_empty()),
        updated_since_ms: since.map(|age| cx.now_ms().saturating_sub(age)),
        archived: match params.archived {
            None => Some(false),
            Some(Switch::Fixed(archived)) => Some(archived),
            Some(Switch::Word(_)) => None,
        },
        include_global: params.include_global == Some(true),
        include_unknown: params.include_unknown == Some(true),
        sort: match params.sort_by {
            Some(SessionSort::LastInteractionAt) => StoredSort::Interaction,
            Some(SessionSort::UpdatedAt | SessionSort::Activity) | None => StoredSort::Updated,
        },
        ..SessionQuery::default()
    })
}

/// What the store does not filter by.
struct Wishes {
    agents: Option<Vec<AgentId>>,
    spoken_to: bool,
    face: Option<BoardFace>,
}

impl Wishes {
    fn of(cx: &Cx, params: &SessionsListParams) -> Self {
        let configured = params.configured_agents_only == Some(true);
        Self {
            agents: configured.then(|| cx.state.settings.load().agents.clone()),
            spoken_to: params.require_last_interaction == Some(true),
            face: params.board_face,
        }
    }

    const fn is_nothing(&self) -> bool {
        self.agents.is_none() && !self.spoken_to && self.face.is_none()
    }

    fn are_met_by(&self, entry: &SessionEntry) -> bool {
        let known =
            |agents: &Vec<AgentId>| is_shared(&entry.key) || agents.contains(&entry.agent_id);
        let face = field(&entry.extra, extra::BOARD_FACE).unwrap_or(BoardFace::Chat);
        self.agents.as_ref().is_none_or(known)
            && (!self.spoken_to || entry.last_interaction_at_ms.is_some())
            && self.face.is_none_or(|wanted| wanted == face)
    }
}

fn is_shared(key: &SessionKey) -> bool {
    matches!(key.as_str(), "global" | "unknown")
}
