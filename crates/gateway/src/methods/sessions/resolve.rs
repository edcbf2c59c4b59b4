//! `sessions.resolve`: the session that is meant by a key, a transcript, a label, or the beginning of
//! an id.

use openclaw_protocol::{
    RpcError,
    ids::{SessionId, SessionKey},
    methods::sessions::{ResolveCandidate, SessionsResolveParams, SessionsResolveResult},
};
use openclaw_store::{
    StoreError,
    sessions::{SessionEntry, SessionQuery},
};

use crate::{
    router::{Cx, Failure},
    shape::{
        failure,
        target::{Target, agent_or_default},
    },
};

/// Candidates that one answer names.
const MAX_CANDIDATES: usize = 10;

/// Finds it.
///
/// # Errors
/// When not exactly one way to name it is given, or nothing is found and that is not allowed.
pub(super) async fn find(
    cx: &Cx,
    params: SessionsResolveParams,
) -> Result<SessionsResolveResult, Failure> {
    let named = [
        params.key.is_some(),
        params.session_id.is_some(),
        params.label.is_some(),
        params.short_id.is_some(),
    ];
    match named.iter().filter(|given| **given).count() {
        0 => return Err(RpcError::invalid("Either key, sessionId, or label is required").into()),
        1 => {}
        _ => {
            let text = "Provide either key, sessionId, or label (not multiple)";
            return Err(RpcError::invalid(text).into());
        }
    }
    let agent = params.agent_id.as_deref();
    if let Some(short_id) = params.short_id.as_deref() {
        let found = by_short_id(cx, short_id, agent).await?;
        return answer(&found, short_id, params.allow_missing == Some(true));
    }
    let (found, wanted) = exactly(cx, &params).await?;
    let found = found.filter(|entry| is_wanted(cx, entry, &params));
    answer(found.as_slice(), &wanted, params.allow_missing == Some(true))
}

async fn exactly(
    cx: &Cx,
    params: &SessionsResolveParams,
) -> Result<(Option<SessionEntry>, String), Failure> {
    let sessions = cx.state.store.sessions();
    let failed = |error: StoreError| failure::store(&cx.state, &error);
    if let Some(key) = params.key.as_deref() {
        let target = Target::named(&cx.state, key, params.agent_id.as_deref())?;
        return Ok((sessions.get(&target.key).await.map_err(failed)?, key.to_owned()));
    }
    if let Some(id) = params.session_id.as_deref() {
        let found = sessions.find_by_session_id(&SessionId::new(id)).await.map_err(failed)?;
        return Ok((found, id.to_owned()));
    }
    let label = params.label.as_deref().unwrap_or_default();
    Ok((sessions.find_by_label(label).await.map_err(failed)?, label.to_owned()))
}

fn is_wanted(cx: &Cx, entry: &SessionEntry, params: &SessionsResolveParams) -> bool {
    let by_key = params.key.is_some();
    let agent = params.agent_id.as_deref().and_then(openclaw_protocol::ids::AgentId::normalise);
    let parent = params.spawned_by.as_deref();
    let parent = parent.and_then(|key| Target::named(&cx.state, key, None).ok());
    agent.is_none_or(|agent| agent == entry.agent_id)
        && parent.is_none_or(|parent| entry.spawned_by.as_ref() == Some(&parent.key))
        && (by_key || entry.key.as_str() != "global" || params.include_global == Some(true))
        && (by_key || entry.key.as_str() != "unknown" || params.include_unknown == Some(true))
}

fn answer(
    found: &[SessionEntry],
    wanted: &str,
    allow_missing: bool,
) -> Result<SessionsResolveResult, Failure> {
    match found {
        [] if allow_missing => Ok(SessionsResolveResult::default()),
        [] => Err(RpcError::invalid(format!("No session found: {wanted}")).into()),
        [one] => Ok(SessionsResolveResult {
            ok: true,
            key: Some(one.key.clone()),
            agent_id: Some(one.agent_id.clone()),
            display_name: one.display_name.clone(),
            candidates: None,
        }),
        several => Ok(SessionsResolveResult {
            candidates: Some(several.iter().take(MAX_CANDIDATES).map(candidate).collect()),
            ..SessionsResolveResult::default()
        }),
    }
}

fn candidate(entry: &SessionEntry) -> ResolveCandidate {
    ResolveCandidate {
        key: entry.key.clone(),
        agent_id: entry.agent_id.clone(),
        display_name: entry.display_name.clone(),
    }
}

/// The one session whose id, or whose key's last part, begins like this.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) async fn only_by_short_id(
    cx: &Cx,
    short_id: &str,
    agent: Option<&str>,
) -> Result<SessionKey, Failure> {
    let found = by_short_id(cx, short_id, agent).await?;
    match found.as_slice() {
        [one] => Ok(one.key.clone()),
        [] => Err(RpcError::invalid(format!("No session found: {short_id}")).into()),
        several => {
            let keys: Vec<_> = several.iter().map(|entry| entry.key.as_str()).collect();
            let keys = keys.join(", ");
            Err(RpcError::invalid(format!("Multiple sessions found: {short_id} ({keys})")).into())
        }
    }
}

async fn by_short_id(
    cx: &Cx,
    short_id: &str,
    agent: Option<&str>,
) -> Result<Vec<SessionEntry>, Failure> {
    let beginning = short_id.trim().to_ascii_lowercase();
    let agent_id = match agent {
        Some(_) => Some(agent_or_default(&cx.state, agent)?),
        None => None,
    };
    let query = SessionQuery {
        agent_id,
        search: Some(beginning.clone()),
        include_global: true,
        include_unknown: true,
        limit: MAX_CANDIDATES * 10,
        ..SessionQuery::default()
    };
    let page = cx.state.store.sessions().list(query).await;
    let page = page.map_err(|error| failure::store(&cx.state, &error))?;
    let begins = |entry: &SessionEntry| {
        let last = entry.key.as_str().rsplit(':').next().unwrap_or_default();
        last.starts_with(&beginning) || entry.session_id.as_str().starts_with(&beginning)
    };
    Ok(page.sessions.into_iter().filter(begins).take(MAX_CANDIDATES).collect())
}
