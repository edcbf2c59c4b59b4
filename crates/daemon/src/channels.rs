//! Concrete channels from the configuration, and what joins them to the agent.

mod post;
mod telegram;
mod webhook;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::future::BoxFuture;
use openclaw_agent::{
    Agent, AgentError, AgentEvent, AgentEventKind, AgentEvents, AgentSettings, Attachment, Start,
    StartRun, is_known_command, shown, tools::keep_file,
};
use openclaw_base::SharedClock;
use openclaw_channels::{
    Channel, ChatKind, Hub, Intake, IntakeError, Received, Taken, Turn,
    mentions::{Mentions, of_name},
    policy::{Approvals, DmPolicy, HISTORY},
    routing::{Binding, DmScope, Routing},
};
use openclaw_config::{
    Loaded, Paths,
    schema::{self, DirectPolicy, PeerId, PeerKind},
};
use openclaw_gateway::{
    run_events::RunEvents,
    shape::attachments::{MAX_PICTURE_BYTES, sniff},
};
use openclaw_protocol::ids::AgentId;
use openclaw_store::sessions::SessionPatch;
use parking_lot::Mutex;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OnceCell, watch};

pub(crate) use self::post::Post;
pub use self::telegram::check_telegram;

/// Where files that people send are put, in the workspace of who answers.
const MEDIA: &str = "media/inbound";

/// Hands the agent's events to clients and to the chats that are answered.
pub(crate) struct Fan {
    pub(crate) clients: RunEvents,
    pub(crate) hub: Arc<OnceCell<Hub>>,
}

impl AgentEvents for Fan {
    fn emit(&self, event: AgentEvent) {
        if let (Some(run), Some(route), Some(hub)) = (&event.run_id, &event.route, self.hub.get()) {
            match &event.kind {
                AgentEventKind::Started { .. } => hub.run_begins(run, route),
                AgentEventKind::Text { cumulative, .. } => {
                    hub.run_grows(run, &shown(cumulative));
                }
                AgentEventKind::Finished(_) => hub.run_ends(run),
                _ => {}
            }
        }
        self.clients.emit(event);
    }
}

/// Starts runs for messages of channels.
pub(crate) struct AgentIntake {
    agent: Agent,
    settings: watch::Receiver<Arc<AgentSettings>>,
    store: openclaw_store::Store,
    clock: SharedClock,
}

impl AgentIntake {
    pub(crate) fn new(
        agent: &Agent,
        settings: &watch::Receiver<Arc<AgentSettings>>,
        store: &openclaw_store::Store,
        clock: &SharedClock,
    ) -> Self {
        Self {
            settings: settings.clone(),
            agent: agent.clone(),
            store: store.clone(),
            clock: Arc::clone(clock),
        }
    }
}

impl AgentIntake {
    /// What is said, with a line for each file that came with it, and the pictures among them. The
    /// files are put into the agent's workspace.
    async fn brought(&self, turn: &Turn) -> (String, Vec<Attachment>) {
        let (mut text, mut pictures) = (turn.text.clone(), Vec::new());
        let named = Sha256::digest(turn.run_id.as_str());
        let named = hex::encode(named.get(..6).unwrap_or_default());
        for (index, file) in turn.files.iter().enumerate() {
            let Received { kind, name, content, .. } = file;
            let bytes = match content {
                Ok(bytes) => bytes,
                Err(why) => {
                    text.push_str(&format!("\n[The {kind} could not be fetched: {why}]"));
                    continue;
                }
            };
            let path = format!("{MEDIA}/{named}-{index}-{name}");
            let kept = keep_file(&self.settings, &turn.agent, path, bytes.clone()).await;
            text.push_str(&match kept {
                Ok(path) => format!("\n[The {kind} is in {path}, {} bytes]", bytes.len()),
                Err(why) => format!("\n[The {kind} could not be kept: {why}]"),
            });
            if let Some(mime) = sniff(bytes).filter(|_| bytes.len() <= MAX_PICTURE_BYTES) {
                let data = BASE64.encode(bytes);
                let file_name = Some(name.clone());
                pictures.push(Attachment { mime_type: mime.to_owned(), data, file_name });
            }
        }
        (text, pictures)
    }
}

impl Intake for AgentIntake {
    fn is_command(&self, text: &str) -> bool {
        is_known_command(text, &self.settings.borrow().reset_triggers)
    }

    fn take(&self, turn: Turn) -> BoxFuture<'_, Result<Taken, IntakeError>> {
        Box::pin(async move {
            let (session, agent, now) =
                (turn.session.clone(), turn.agent.clone(), self.clock.now_ms());
            let known = about(&turn);
            let (text, attachments) = self.brought(&turn).await;
            let start = StartRun {
                agent_id: Some(turn.agent),
                extra_system_prompt: turn.system_prompt,
                route: Some(turn.route),
                attachments,
                ..StartRun::new(turn.run_id, turn.session, text, turn.principal)
            };
            match self.agent.start(start).await {
                Ok(Start::Accepted { .. }) => {
                    // Only for show: a list that lacks it is no reason to take the message again.
                    if let Err(error) =
                        self.store.sessions().patch(&session, &agent, known, now).await
                    {
                        tracing::debug!(%error, "where a session is written to is not noted");
                    }
                    Ok(Taken::Run)
                }
                // The same message, known already: perhaps with other settings.
                Ok(Start::InFlight { .. } | Start::Done(_)) | Err(AgentError::Conflict(_)) => {
                    Ok(Taken::Run)
                }
                Ok(Start::Stopped { aborted, .. }) => {
                    let said = if aborted { "Stopped." } else { "Nothing was running." };
                    Ok(Taken::Answer(said.to_owned()))
                }
                Err(
                    error @ (AgentError::Store(_)
                    | AgentError::Stopping
                    | AgentError::StillActive(_)
                    | AgentError::QueueFull { .. }),
                ) => Err(IntakeError::Later(error.to_string())),
                Err(error) => Err(IntakeError::Refused(error.to_string())),
            }
        })
    }
}

/// What the list of sessions shows of where a session is written to.
fn about(turn: &Turn) -> SessionPatch {
    let route = &turn.route;
    let to = format!("{}:{}", route.channel, route.chat);
    let kind = if turn.kind == ChatKind::Group { "group" } else { "direct" };
    let delivery = json!({
        "channel": route.channel, "to": to, "accountId": route.account, "threadId": route.thread,
    });
    let extra = json!({
        "channel": route.channel, "chatType": kind, "lastChannel": route.channel, "lastTo": to,
        "lastAccountId": route.account, "deliveryContext": delivery,
        "subject": turn.title.as_ref().filter(|_| turn.kind == ChatKind::Group),
    });
    let extra = match extra {
        serde_json::Value::Object(extra) => extra,
        _ => serde_json::Map::new(),
    };
    SessionPatch { extra, ..SessionPatch::default() }
}

/// Who answers what.
pub(crate) fn routing(loaded: &Loaded, paths: &Paths) -> Routing {
    let config = &loaded.config;
    let bindings = config.bindings.iter().map(|binding| {
        let matching = &binding.matching;
        Binding {
            agent: binding.agent_id.clone(),
            channel: matching.channel.clone(),
            account: matching.account_id.clone(),
            peer: matching.peer.as_ref().map(|peer| {
                let kind = match peer.kind {
                    PeerKind::Direct | PeerKind::Dm => ChatKind::Direct,
                    PeerKind::Group | PeerKind::Channel => ChatKind::Group,
                };
                (Some(kind), peer.id.to_string())
            }),
        }
    });
    Routing {
        bindings: bindings.collect(),
        agents: config.agents(paths).iter().map(|agent| AgentId::new(agent.id.as_str())).collect(),
        default_agent: AgentId::new(config.default_agent(paths).id),
        dm_scope: match config.session.dm_scope {
            schema::DmScope::Main => DmScope::Main,
            schema::DmScope::PerPeer => DmScope::PerPeer,
            schema::DmScope::PerChannelPeer => DmScope::PerChannelPeer,
            schema::DmScope::PerAccountChannelPeer => DmScope::PerAccountChannelPeer,
        },
        global: config.session.scope == schema::SessionScope::Global,
        main_key: config.session.main_key.to_lowercase(),
        identity_links: config.session.identity_links.clone(),
        mentions: mentions(loaded, paths),
    }
}

/// By what groups mean each agent: its own patterns, those of all, or its name and emoji.
fn mentions(loaded: &Loaded, paths: &Paths) -> Mentions {
    let config = &loaded.config;
    let shared = config.messages.group_chat.mention_patterns.as_deref();
    let by_agent = config.agents(paths).into_iter().filter_map(|agent| {
        let of_identity = || {
            let names = [&agent.identity.name, &agent.identity.emoji];
            names.into_iter().flatten().filter_map(|name| of_name(name)).collect()
        };
        let own = agent.group_chat.mention_patterns.clone();
        let own = own.or_else(|| shared.is_none().then(of_identity))?;
        Some((AgentId::new(agent.id.as_str()), own))
    });
    let (mentions, bad) = Mentions::new(shared.unwrap_or_default(), by_agent);
    for (pattern, error) in bad {
        tracing::warn!(pattern, %error, "a mentionPatterns entry is left out");
    }
    mentions
}

/// Keeps the accounts as the configuration has them.
pub(crate) struct Accounts {
    pub(crate) hub: Hub,
    pub(crate) routing: watch::Sender<Arc<Routing>>,
    clock: SharedClock,
    /// What each account runs with, to be compared.
    running: Mutex<BTreeMap<(&'static str, String), String>>,
}

impl Accounts {
    pub(crate) fn new(hub: Hub, routing: watch::Sender<Arc<Routing>>, clock: SharedClock) -> Self {
        Self { hub, routing, clock, running: Mutex::default() }
    }

    /// Starts what is new, stops what is gone, and starts again what changed; the rest goes on.
    pub(crate) async fn follow(&self, loaded: &Loaded, paths: &Paths) {
        self.routing.send_replace(Arc::new(routing(loaded, paths)));
        let mut wanted = telegram::wanted(loaded, paths);
        wanted.extend(webhook::wanted(loaded, &self.clock));
        let keys: BTreeSet<_> = wanted.iter().map(Wanted::key).collect();
        let gone: Vec<_> =
            self.running.lock().keys().filter(|key| !keys.contains(key)).cloned().collect();
        for key in gone {
            self.hub.remove(key.0, &key.1).await;
            self.running.lock().remove(&key);
        }
        for account in wanted {
            let before = self.running.lock().insert(account.key(), account.fingerprint.clone());
            if before.as_ref() != Some(&account.fingerprint) {
                self.start(account).await;
            }
        }
    }

    async fn start(&self, account: Wanted) {
        let Wanted { channel, name, build, .. } = account;
        let built = match build {
            Build::Off => return self.hub.add_idle(channel, &name, false, None).await,
            Build::Broken(why) => Err(why),
            Build::Account(build) => build(),
        };
        match built {
            Ok(built) => self.hub.add(built).await,
            Err(why) => {
                tracing::error!(channel, account = name, why, "account does not start");
                self.hub.add_idle(channel, &name, true, Some(&why)).await;
            }
        }
    }
}

/// An account as the configuration wants it.
struct Wanted {
    channel: &'static str,
    name: String,
    /// All that it depends on, a digest of its secret included.
    fingerprint: String,
    build: Build,
}

/// How an account is made.
enum Build {
    /// It is switched off.
    Off,
    /// It cannot be, for this reason.
    Broken(String),
    /// Like this.
    Account(Box<dyn FnOnce() -> Result<Arc<dyn Channel>, String> + Send>),
}

impl Wanted {
    fn key(&self) -> (&'static str, String) {
        (self.channel, self.name.clone())
    }
}

/// How many messages of a group are remembered.
fn history(own: Option<u32>, messages: &schema::Messages) -> usize {
    let set = own.or(messages.group_chat.history_limit);
    set.map_or(HISTORY, |set| usize::try_from(set).unwrap_or(HISTORY))
}

fn approvals(set: Option<schema::ChatApprovals>) -> Approvals {
    let set = set.unwrap_or_default();
    Approvals {
        enabled: set.enabled.unwrap_or(true),
        approvers: set.approvers.map(|list| peers(&list)),
    }
}

fn dm_policy(policy: Option<DirectPolicy>) -> DmPolicy {
    match policy {
        Some(DirectPolicy::Allowlist) => DmPolicy::Allowlist,
        Some(DirectPolicy::Open) => DmPolicy::Open,
        Some(DirectPolicy::Disabled) => DmPolicy::Disabled,
        Some(DirectPolicy::Pairing) | None => DmPolicy::Pairing,
    }
}

fn peers(list: &[PeerId]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
