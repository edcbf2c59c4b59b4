//! Wake words and their routes: kept in two files of the state folder, as the original keeps the first.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use openclaw_base::fs;
use openclaw_protocol::{
    RpcError,
    ids::{AgentId, DeviceId, SessionKey},
    methods::voicewake::{
        DEFAULT_TRIGGERS, MAX_TRIGGER_CHARS, MAX_TRIGGERS, VoicewakeRouting, VoicewakeTriggers,
        WakeMode, WakeRouteRow, WakeRouting, WakeRoutingRow, WakeTarget, WakeTargetRow,
    },
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;
/// Within this time the same words of the same node are one utterance, in milliseconds.
const ECHO_MS: u64 = 1_500;
/// Nodes whose last words are remembered.
const MAX_HEARD: usize = 1_024;

/// Wake words and routes.
#[derive(Debug)]
pub struct VoiceWake {
    folder: PathBuf,
    kept: Mutex<Option<Kept>>,
    heard: Mutex<HashMap<DeviceId, (u64, String)>>,
}

#[derive(Clone, Debug)]
struct Kept {
    triggers: Vec<String>,
    routing: WakeRoutingRow,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct TriggerFile {
    triggers: Vec<String>,
    #[serde(default)]
    updated_at_ms: u64,
}

/// Where words are meant to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The main session of the default agent.
    Current,
    /// The main session of an agent.
    Agent(AgentId),
    /// A session.
    Session(SessionKey),
}

impl VoiceWake {
    /// Kept below this state folder; nothing is read before it is asked for.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("settings"), kept: Mutex::default(), heard: Mutex::default() }
    }

    fn kept(&self) -> Kept {
        self.kept.lock().get_or_insert_with(|| read(&self.folder)).clone()
    }

    /// The wake words.
    pub fn triggers(&self) -> VoicewakeTriggers {
        VoicewakeTriggers { triggers: self.kept().triggers }
    }

    /// The routes.
    pub fn routing(&self) -> VoicewakeRouting {
        VoicewakeRouting { config: self.kept().routing }
    }

    /// Chooses wake words; none are the usual ones.
    ///
    /// # Errors
    /// When there are too many, one is too long, or they cannot be written.
    pub fn set_triggers(
        &self,
        wanted: &[String],
        now_ms: u64,
    ) -> Result<VoicewakeTriggers, RpcError> {
        let triggers = cleaned(wanted)?;
        let file = TriggerFile { triggers: triggers.clone(), updated_at_ms: now_ms };
        let mut kept = self.kept.lock();
        let current = kept.get_or_insert_with(|| read(&self.folder));
        write(&self.folder, "voicewake.json", &file)?;
        current.triggers.clone_from(&triggers);
        Ok(VoicewakeTriggers { triggers })
    }

    /// Chooses routes. `place` checks agents and sessions and names them in full.
    ///
    /// # Errors
    /// When a target is none, there are too many routes, or they cannot be written.
    pub fn set_routing(
        &self,
        wanted: WakeRouting,
        now_ms: u64,
        place: impl Fn(&WakeTarget) -> Result<WakeTargetRow, RpcError>,
    ) -> Result<VoicewakeRouting, RpcError> {
        let routes = wanted.routes.unwrap_or_default();
        if routes.len() > MAX_TRIGGERS {
            return Err(RpcError::invalid(format!("at most {MAX_TRIGGERS} routes")));
        }
        let mut rows: Vec<WakeRouteRow> = Vec::with_capacity(routes.len());
        for route in routes {
            let trigger = plain(route.trigger.as_str());
            if trigger.is_empty() || trigger.chars().count() > MAX_TRIGGER_CHARS {
                return Err(RpcError::invalid(format!(
                    "\"{}\" is no wake word",
                    route.trigger.as_str()
                )));
            }
            if rows.iter().any(|row| row.trigger == trigger) {
                return Err(RpcError::invalid(format!("\"{trigger}\" has two routes")));
            }
            rows.push(WakeRouteRow { trigger, target: place(&route.target)? });
        }
        let default_target = match &wanted.default_target {
            Some(target) => place(target)?,
            None => current(),
        };
        let routing =
            WakeRoutingRow { version: 1, default_target, routes: rows, updated_at_ms: now_ms };
        let mut kept = self.kept.lock();
        let now = kept.get_or_insert_with(|| read(&self.folder));
        write(&self.folder, "voicewake-routing.json", &routing)?;
        now.routing = routing.clone();
        Ok(VoicewakeRouting { config: routing })
    }

    /// Where words go that this wake word began.
    pub fn place(&self, trigger: Option<&str>) -> Place {
        let routing = self.kept().routing;
        let wanted = trigger.map(plain).filter(|trigger| !trigger.is_empty());
        let route = wanted
            .and_then(|trigger| routing.routes.into_iter().find(|route| route.trigger == trigger));
        let target = route.map_or(routing.default_target, |route| route.target);
        match (target.agent_id, target.session_key) {
            (Some(agent), _) => Place::Agent(agent),
            (None, Some(session)) => Place::Session(session),
            (None, None) => Place::Current,
        }
    }

    /// Whether a node said exactly this a moment ago: two wake words in one breath, or an echo.
    pub fn is_echo(&self, node: &DeviceId, text: &str, now_ms: u64) -> bool {
        let mut heard = self.heard.lock();
        let before = heard
            .get(node)
            .is_some_and(|(at, said)| said == text && now_ms.saturating_sub(*at) < ECHO_MS);
        if heard.len() >= MAX_HEARD {
            heard.retain(|_, (at, _)| now_ms.saturating_sub(*at) < ECHO_MS);
        }
        if heard.len() < MAX_HEARD {
            heard.insert(node.clone(), (now_ms, text.to_owned()));
        }
        before
    }
}

fn current() -> WakeTargetRow {
    WakeTargetRow { mode: Some(WakeMode::Current), agent_id: None, session_key: None }
}

fn usual() -> Vec<String> {
    DEFAULT_TRIGGERS.map(str::to_owned).into()
}

/// A file that is missing or damaged is as if nobody had chosen anything.
fn read(folder: &Path) -> Kept {
    let bytes = |name: &str| fs::read_limited(&folder.join(name), MAX_FILE).unwrap_or_default();
    let triggers = serde_json::from_slice::<TriggerFile>(&bytes("voicewake.json"));
    let triggers = triggers.ok().and_then(|file| cleaned(&file.triggers).ok());
    let routing = serde_json::from_slice(&bytes("voicewake-routing.json"));
    let nothing = || WakeRoutingRow {
        version: 1,
        default_target: current(),
        routes: Vec::new(),
        updated_at_ms: 0,
    };
    Kept {
        triggers: triggers.unwrap_or_else(usual),
        routing: routing.unwrap_or_else(|_| nothing()),
    }
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), RpcError> {
    let kept = || -> io::Result<()> {
        fs::create_private_dir(folder)?;
        fs::write_private(&folder.join(name), &serde_json::to_vec_pretty(value)?)
    };
    kept().map_err(|error| {
        tracing::error!(%error, name, "settings cannot be written");
        RpcError::unavailable("the state folder cannot be written; free space and try again")
    })
}

/// Wake words without blanks around them and without repeats.
fn cleaned(wanted: &[String]) -> Result<Vec<String>, RpcError> {
    let mut triggers: Vec<String> = Vec::new();
    for word in wanted.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        if word.chars().count() > MAX_TRIGGER_CHARS {
            return Err(RpcError::invalid(format!(
                "a wake word has at most {MAX_TRIGGER_CHARS} characters"
            )));
        }
        if !triggers.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            triggers.push(word.to_owned());
        }
    }
    match triggers.len() {
        0 => Ok(usual()),
        1..=MAX_TRIGGERS => Ok(triggers),
        _ => Err(RpcError::invalid(format!("at most {MAX_TRIGGERS} wake words"))),
    }
}

/// A wake word as it is compared: lower case, single blanks, no marks around its words.
fn plain(word: &str) -> String {
    let lower = word.to_lowercase();
    let words =
        lower.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::text::NonEmpty;

    use super::*;

    fn row(target: &WakeTarget) -> Result<WakeTargetRow, RpcError> {
        let agent_id = target.agent_id.as_ref().map(|agent| AgentId::new(agent.as_str()));
        Ok(WakeTargetRow { mode: target.mode, agent_id, session_key: None })
    }

    #[test]
    fn words_are_kept_over_a_restart_and_limited() {
        let folder = tempfile::tempdir().expect("folder");
        let wake = VoiceWake::new(folder.path());
        assert_eq!(wake.triggers().triggers, DEFAULT_TRIGGERS);
        let words = [" Hey Claw ", "", "hey claw", "computer"].map(str::to_owned);
        assert_eq!(wake.set_triggers(&words, 7).expect("set").triggers, ["Hey Claw", "computer"]);
        let again = VoiceWake::new(folder.path());
        assert_eq!(again.triggers().triggers, ["Hey Claw", "computer"]);
        assert_eq!(again.set_triggers(&[], 8).expect("set").triggers, DEFAULT_TRIGGERS);
        assert!(again.set_triggers(&["x".repeat(65)], 9).is_err());
        let many: Vec<String> = (0..33).map(|index| format!("word {index}")).collect();
        assert!(again.set_triggers(&many, 9).is_err());
    }

    #[test]
    fn a_wake_word_finds_its_route_however_it_is_said() {
        let folder = tempfile::tempdir().expect("folder");
        let wake = VoiceWake::new(folder.path());
        let text = |text: &str| NonEmpty::new(text).expect("text");
        let target = WakeTarget { agent_id: Some(text("home")), ..WakeTarget::default() };
        let route = |trigger| openclaw_protocol::methods::voicewake::WakeRoute {
            trigger: text(trigger),
            target: target.clone(),
        };
        let routes = |routes| WakeRouting { default_target: None, routes: Some(routes) };
        wake.set_routing(routes(vec![route("Hey, House!")]), 1, row).expect("set");
        let again = VoiceWake::new(folder.path());
        assert_eq!(again.place(Some("hey  house")), Place::Agent(AgentId::new("home")));
        assert_eq!(again.place(Some("computer")), Place::Current);
        assert_eq!(again.place(None), Place::Current);
        for wrong in [vec![route("?!")], vec![route("a"), route("A")]] {
            assert!(wake.set_routing(routes(wrong), 2, row).is_err());
        }
    }

    #[test]
    fn an_echo_is_heard_once() {
        let wake = VoiceWake::new(Path::new("/nonexistent"));
        let (one, other) = (DeviceId::new("a"), DeviceId::new("b"));
        assert!(!wake.is_echo(&one, "lights on", 1_000));
        assert!(wake.is_echo(&one, "lights on", 2_400));
        assert!(!wake.is_echo(&other, "lights on", 2_400));
        assert!(!wake.is_echo(&one, "lights off", 2_500));
        assert!(!wake.is_echo(&one, "lights off", 4_100));
    }
}
