//! `agent` and `agent.wait`: a run from its message to its end.

use std::{sync::Arc, time::Duration};

use openclaw_agent::{ModelRef, RunOutcome, Start, StartRun};
use openclaw_protocol::{
    RpcError, Scope,
    ids::{RunId, SessionId, SessionKey},
    methods::agent::{AgentParams, AgentResult, AgentWaitParams, AgentWaitResult, RunStatus},
};
use openclaw_store::outbox::Route;

use crate::{
    methods::{
        channels::{Aim, aimed, given},
        chat::send::{start, thinking},
    },
    router::{Cx, Failure},
    shape::{
        attachments::open_pictures,
        failure,
        route::of_session,
        run::{duration_ms, last_answer, waited},
        target::{Target, agent_or_default},
    },
};

/// How long one look at a run lasts before the next.
const WAIT_STEP: Duration = Duration::from_secs(600);
/// How long `agent.wait` waits unless the client says otherwise, in milliseconds.
const DEFAULT_WAIT_MS: u64 = 30_000;

/// What the request asks of the agent.
///
/// # Errors
/// When the request is at fault.
pub(super) async fn order(cx: &Cx, params: AgentParams) -> Result<StartRun, Failure> {
    // The words of the configuration are not known where the method's row says what `/new` needs.
    let scopes = &cx.conn.principal.scopes;
    if cx.state.agent.resets(&params.message) && !scopes.allows(Scope::Admin) {
        return Err(RpcError::missing_scope(Scope::Admin, cx.conn.protocol).into());
    }
    let target = target(cx, &params).await?;
    let route = delivery(cx, &params, &target).await?;
    let run_id = RunId::from(params.idempotency_key.as_str());
    Ok(StartRun {
        expected_session_id: params
            .expected_existing_session_id
            .map(|id| SessionId::new(id.into_string())),
        attachments: open_pictures(params.attachments)?,
        thinking: thinking(params.thinking.as_deref())?,
        timeout: params.timeout.map(|seconds| Duration::from_secs(seconds.get())),
        extra_system_prompt: params.extra_system_prompt.filter(|text| !text.trim().is_empty()),
        model: model(params.provider, params.model),
        agent_id: Some(target.agent),
        owner: cx.is_admin(),
        route,
        ..StartRun::new(
            run_id,
            target.key,
            params.message.into_string(),
            cx.conn.principal.id.as_str(),
        )
    })
}

/// The session: by its key, by its transcript, else the agent's main one. People that a message is
/// addressed to share that one.
async fn target(cx: &Cx, params: &AgentParams) -> Result<Target, Failure> {
    let agent = params.agent_id.as_deref();
    let given = |raw: &Option<String>| raw.clone().filter(|raw| !raw.trim().is_empty());
    if let Some(key) = given(&params.session_key) {
        return Ok(Target::writable(&cx.state, &key, agent)?);
    }
    if let Some(id) = given(&params.session_id) {
        let id = SessionId::new(id.trim());
        let found = cx.state.store.sessions().find_by_session_id(&id).await;
        let found = found.map_err(|error| failure::store(&cx.state, &error))?;
        let Some(entry) = found else {
            return Err(RpcError::invalid(format!("No session found: {id}")).into());
        };
        return Ok(Target::writable(&cx.state, entry.key.as_str(), agent)?);
    }
    let agent_id = agent_or_default(&cx.state, agent)?;
    let key =
        if agent.is_some() { SessionKey::main_of(&agent_id).into_string() } else { String::new() };
    Ok(Target::writable(&cx.state, &key, agent)?)
}

/// Where the answer goes besides to who asks, if it is to go anywhere.
async fn delivery(
    cx: &Cx,
    params: &AgentParams,
    target: &Target,
) -> Result<Option<Route>, Failure> {
    if params.deliver != Some(true) {
        return Ok(None);
    }
    match reply_route(cx, params, target).await {
        Err(_) if params.best_effort_deliver == Some(true) => Ok(None),
        found => found,
    }
}

/// The chat that is named, or the one that the session's last message came from.
async fn reply_route(
    cx: &Cx,
    params: &AgentParams,
    target: &Target,
) -> Result<Option<Route>, Failure> {
    let first = |reply: &Option<String>, own: &Option<String>| {
        given(reply.as_deref()).or_else(|| given(own.as_deref()))
    };
    let channel = first(&params.reply_channel, &params.channel).map(|name| name.to_lowercase());
    let channel = channel.filter(|channel| channel != "last");
    if channel.as_deref() == Some("webchat") {
        return Ok(None);
    }
    let to = first(&params.reply_to, &params.to);
    if let (Some(channel), Some(to)) = (&channel, &to) {
        let account = first(&params.reply_account_id, &params.account_id);
        let aim = Aim {
            channel: Some(channel.as_str()),
            account: account.as_deref(),
            to,
            thread: params.thread_id.as_deref(),
            reply_to: None,
        };
        return aimed(cx, &aim).map(Some);
    }
    let entry = cx.state.store.sessions().get(&target.key).await;
    let entry = entry.map_err(|error| failure::store(&cx.state, &error))?;
    let last = entry.as_ref().and_then(of_session);
    let fits = |route: &Route| channel.as_ref().is_none_or(|channel| *channel == route.channel);
    match last.filter(fits) {
        Some(route) => Ok(Some(route)),
        None => {
            let named = channel.unwrap_or_else(|| "last".to_owned());
            let known = cx.state.channels.known().iter().any(|(channel, _)| *channel == named);
            Err(RpcError::invalid(if known {
                format!("no chat of {named} is known for {}; name one with to", target.key)
            } else {
                format!("unknown channel: {named}")
            })
            .into())
        }
    }
}

/// The model a request names: with its provider, or as the registry knows it.
fn model(provider: Option<String>, model: Option<String>) -> Option<String> {
    let given = |raw: Option<String>| raw.filter(|raw| !raw.trim().is_empty());
    let model = given(model)?;
    Some(match given(provider) {
        Some(provider) => ModelRef::new(provider, model).to_string(),
        None => model,
    })
}

/// Starts the run, says that it was accepted, and answers when it is over.
///
/// # Errors
/// When the agent refuses, or the run fails.
pub(super) async fn to_the_end(cx: &Cx, order: StartRun) -> Result<AgentResult, Failure> {
    let (run_id, key, agent_id) =
        (order.run_id.clone(), order.session_key.clone(), order.agent_id.clone());
    let accepted_at = match start(cx, order).await? {
        Start::Accepted { accepted_at_ms, .. } | Start::InFlight { accepted_at_ms, .. } => {
            accepted_at_ms
        }
        Start::Done(outcome) => return last_answer(&outcome, duration_ms(&outcome)),
        Start::Stopped { .. } => return Ok(stopped(run_id)),
    };
    cx.interim(&AgentResult {
        run_id: run_id.clone(),
        status: RunStatus::Accepted,
        accepted_at: Some(accepted_at),
        session_key: Some(key),
        agent_id,
        ..AgentResult::default()
    });
    let outcome = end_of(cx, &run_id).await?;
    last_answer(&outcome, duration_ms(&outcome))
}

/// The message was a word to stop: there is no run that could end.
fn stopped(run_id: RunId) -> AgentResult {
    AgentResult {
        run_id,
        status: RunStatus::Ok,
        summary: Some("stopped".to_owned()),
        ..AgentResult::default()
    }
}

async fn end_of(cx: &Cx, run_id: &RunId) -> Result<Arc<RunOutcome>, Failure> {
    loop {
        let outcome = cx.state.agent.wait(run_id, WAIT_STEP).await;
        if let Some(outcome) = outcome.map_err(|error| failure::agent(&cx.state, &error))? {
            return Ok(outcome);
        }
        if cx.state.is_draining() {
            let error =
                RpcError::unavailable("the Gateway is stopping; the run goes on afterwards");
            return Err(error.into());
        }
    }
}

/// Waits for a run to end, known or not.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn wait(cx: &Cx, params: AgentWaitParams) -> Result<AgentWaitResult, Failure> {
    let run_id = RunId::new(params.run_id.into_string());
    let limit =
        Duration::from_millis(params.timeout_ms.map_or(DEFAULT_WAIT_MS, |limit| limit.get()));
    let outcome = cx.state.agent.wait(&run_id, limit).await;
    let outcome = outcome.map_err(|error| failure::agent(&cx.state, &error))?;
    Ok(match outcome {
        Some(outcome) => waited(&outcome),
        None => {
            AgentWaitResult { run_id, status: RunStatus::Timeout, ..AgentWaitResult::default() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_be_named_in_two_parts() {
        let named = |provider: &str, name: &str| model(Some(provider.into()), Some(name.into()));
        assert_eq!(named("openai", "gpt"), Some("openai/gpt".to_owned()));
        assert_eq!(named(" ", "gpt"), Some("gpt".to_owned()));
        assert_eq!(named("openai", ""), None);
        assert_eq!(model(None, None), None);
    }
}
