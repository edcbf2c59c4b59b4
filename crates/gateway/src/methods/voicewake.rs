//! Wake words, and what nodes heard.

use openclaw_agent::{Start, StartRun, model::ThinkingLevel};
use openclaw_protocol::{
    RpcError,
    events::voicewake::{VoicewakeChanged, VoicewakeRoutingChanged},
    ids::{DeviceId, RunId},
    methods::{system::NoParams, voicewake::*},
};
use serde::Deserialize;
use serde_json::Value;

use super::chat::send;
use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::target::{Target, agent_or_default},
    voicewake::Place,
};

/// Longest thing that is heard, in characters.
const MAX_HEARD: usize = 20_000;

impl Handle<VoicewakeGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<VoicewakeTriggers, Failure> {
        Ok(cx.state.voicewake.triggers())
    }
}

impl Handle<VoicewakeSet> for Methods {
    async fn handle(cx: Cx, params: VoicewakeSetParams) -> Result<VoicewakeTriggers, Failure> {
        let now = cx.state.voicewake.set_triggers(&params.triggers, cx.now_ms())?;
        cx.state.events.publish::<VoicewakeChanged>(&now);
        Ok(now)
    }
}

impl Handle<VoicewakeRoutingGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<VoicewakeRouting, Failure> {
        Ok(cx.state.voicewake.routing())
    }
}

impl Handle<VoicewakeRoutingSet> for Methods {
    async fn handle(
        cx: Cx,
        params: VoicewakeRoutingSetParams,
    ) -> Result<VoicewakeRouting, Failure> {
        let place = |target: &WakeTarget| full(&cx, target);
        let now = cx.state.voicewake.set_routing(params.config, cx.now_ms(), place)?;
        cx.state.events.publish::<VoicewakeRoutingChanged>(&now);
        Ok(now)
    }
}

/// A target with its agent or session named in full; exactly one is.
fn full(cx: &Cx, target: &WakeTarget) -> Result<WakeTargetRow, RpcError> {
    let nowhere = WakeTargetRow { mode: None, agent_id: None, session_key: None };
    match (target.mode, &target.agent_id, &target.session_key) {
        (Some(mode), None, None) => Ok(WakeTargetRow { mode: Some(mode), ..nowhere }),
        (None, Some(agent), None) => {
            let agent = agent_or_default(&cx.state, Some(agent.as_str()))?;
            Ok(WakeTargetRow { agent_id: Some(agent), ..nowhere })
        }
        (None, None, Some(session)) => {
            let session = Target::writable(&cx.state, session.as_str(), None)?.key;
            Ok(WakeTargetRow { session_key: Some(session), ..nowhere })
        }
        _ => Err(RpcError::invalid("a target is one of mode, agentId and sessionKey")),
    }
}

/// What a node heard.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transcript {
    text: String,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    event_id: Option<String>,
    #[serde(default)]
    trigger: Option<String>,
}

/// Starts a turn for what a node heard, in the session it names or its wake word is routed to. The answer
/// goes to that session and, whole, back to the node; nothing else is chosen for it. `None`: it was heard.
///
/// # Errors
/// Why nothing came of it, in words.
pub(crate) async fn heard(cx: &Cx, payload: Value) -> Result<(), String> {
    let transcript: Transcript =
        serde_json::from_value(payload).map_err(|error| format!("invalid payload: {error}"))?;
    let text = transcript.text.trim();
    if text.is_empty() || text.chars().count() > MAX_HEARD {
        return Err(format!("text has to have between 1 and {MAX_HEARD} characters"));
    }
    let node = cx.conn.principal.device.clone().ok_or("only a paired node is heard")?;
    if cx.state.voicewake.is_echo(&node, text, cx.now_ms()) {
        return Err("the same was said a moment ago".to_owned());
    }
    let target = target(cx, &transcript).map_err(|error| error.message)?;
    let order = StartRun {
        thinking: Some(ThinkingLevel::Low),
        agent_id: Some(target.agent),
        // What was heard is never a command: nobody sees what would be carried out.
        plain: true,
        ..StartRun::new(run_id(&node, &transcript), target.key, text, node.as_str())
    };
    match send::start(cx, order).await {
        Ok(Start::Accepted { .. } | Start::InFlight { .. } | Start::Done(_)) => Ok(()),
        Ok(Start::Stopped { .. }) => Err("it stopped a run".to_owned()),
        Err(failure) => Err(failure.error.message),
    }
}

fn target(cx: &Cx, transcript: &Transcript) -> Result<Target, RpcError> {
    if let Some(session) = transcript.session_key.as_deref().filter(|key| !key.trim().is_empty()) {
        return Target::writable(&cx.state, session, None);
    }
    match cx.state.voicewake.place(transcript.trigger.as_deref()) {
        Place::Current => Target::writable(&cx.state, "main", None),
        Place::Agent(agent) => Target::writable(&cx.state, "main", Some(agent.as_str())),
        Place::Session(session) => Target::writable(&cx.state, session.as_str(), None),
    }
}

/// The same event gives the same run, however often it is told.
fn run_id(node: &DeviceId, transcript: &Transcript) -> RunId {
    let event = transcript.event_id.as_deref().filter(|id| !id.is_empty() && id.len() <= 128);
    match event {
        Some(id) => RunId::new(format!("voice:{}:{id}", node.as_str())),
        None => RunId::new(uuid::Uuid::now_v7().to_string()),
    }
}
