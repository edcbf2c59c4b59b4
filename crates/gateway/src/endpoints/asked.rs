//! What a caller asks, whichever vendor's words it uses: who is to answer, where, and what was said.

use axum::http::HeaderMap;
use openclaw_agent::{Attachment, QueueMode, StartRun};
use openclaw_protocol::{
    ids::{AgentId, RunId, SessionKey},
    methods::chat::Attachment as SentFile,
};
use serde_json::Value;

use super::{PRINCIPAL, reply::Fault};
use crate::{
    shape::{
        attachments::pictures,
        target::{Target, agent_or_default},
    },
    state::State,
};

const AGENT: &str = "x-openclaw-agent-id";
const SESSION: &str = "x-openclaw-session-key";
const MODEL: &str = "x-openclaw-model";
const IDEMPOTENCY: &str = "idempotency-key";
/// Longest idempotency key.
const MAX_KEY_CHARS: usize = 256;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The person.
    User,
    /// The agent.
    Assistant,
    /// A tool of the caller.
    Tool,
}

/// What somebody said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) who: Who,
    pub(super) text: String,
    pub(super) pictures: Vec<String>,
}

/// A conversation as it was sent.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Standing instructions.
    pub(super) system: Vec<String>,
    /// What was said, in order.
    pub(super) said: Vec<Said>,
}

/// Where a run is to take place, and what it is called.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) target: Target,
    /// Nothing was said there before.
    pub(super) fresh: bool,
    pub(super) run_id: RunId,
    /// The caller named the run, and may come back for it.
    pub(super) named: bool,
}

/// What sets one endpoint's sessions and runs apart from another's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Part of the session keys.
    pub(super) session: &'static str,
    /// Beginning of the run ids.
    pub(super) run: &'static str,
}

fn given<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

/// The agent that a model's name means. Names of other vendors' models mean none.
fn agent_of_model(model: &str) -> Result<Option<&str>, Fault> {
    let model = model.trim();
    let named =
        ["openclaw/", "openclaw:", "agent:"].iter().find_map(|start| model.strip_prefix(start));
    match (model, named) {
        ("" | "openclaw", _) | (_, Some("default")) => Ok(None),
        (_, Some(agent)) if !agent.is_empty() => Ok(Some(agent)),
        _ => Err(Fault::invalid(format!(
            "Invalid `model` \"{model}\". Use `openclaw` or `openclaw/<agentId>`; a model of the Gateway \
             is chosen with the header {MODEL}."
        ))),
    }
}

/// Who answers, and in which session: the one named in a header, else the one of `user`, else a new one.
pub(super) fn place(
    state: &State,
    headers: &HeaderMap,
    family: Family,
    model: Option<&str>,
    user: Option<&str>,
) -> Result<Place, Fault> {
    let of_model = agent_of_model(model.unwrap_or_default())?;
    let wanted = given(headers, AGENT).or(of_model);
    let id = uuid::Uuid::now_v7().simple().to_string();
    let user = user.map(str::trim).filter(|user| !user.is_empty());
    let (target, fresh) = match (given(headers, SESSION), user) {
        (Some(key), _) => (Target::writable(state, key, wanted)?, false),
        (None, user) => {
            let agent = agent_or_default(state, wanted)?;
            let rest = match user {
                Some(user) => format!("{}-user:{user}", family.session),
                None => format!("{}:{id}", family.session),
            };
            let key = format!("agent:{agent}:{rest}");
            (Target::writable(state, &key, Some(agent.as_str()))?, user.is_none())
        }
    };
    let named = given(headers, IDEMPOTENCY);
    if named.is_some_and(|key| key.chars().count() > MAX_KEY_CHARS) {
        return Err(Fault::invalid(format!(
            "{IDEMPOTENCY} is longer than {MAX_KEY_CHARS} characters"
        )));
    }
    let run_id = RunId::new(format!("{}_{}", family.run, named.unwrap_or(&id)));
    Ok(Place { target, fresh, run_id, named: named.is_some() })
}

/// The order of a run. A session that is kept knows what was said before, so only what is new is taken;
/// a new one is told the rest.
pub(super) fn order(
    headers: &HeaderMap,
    place: &Place,
    conversation: Conversation,
) -> Result<StartRun, Fault> {
    let Conversation { system, said } = conversation;
    let new = said.iter().rposition(|it| it.who == Who::Assistant).map_or(0, |at| at + 1);
    let (before, new) = said.split_at_checked(new).unwrap_or((&said, &[]));
    if !new.iter().any(|it| !it.text.trim().is_empty() || !it.pictures.is_empty()) {
        return Err(Fault::invalid("Missing user message in `messages`."));
    }
    let message = words(new);
    let message = match words_with_names(before) {
        earlier if place.fresh && !earlier.is_empty() => {
            format!("What was said before:\n{earlier}\n\nWhat is said now:\n{message}")
        }
        _ => message,
    };
    let system = system.join("\n\n");
    Ok(StartRun {
        agent_id: Some(place.target.agent.clone()),
        attachments: attachments(new)?,
        extra_system_prompt: Some(system).filter(|text| !text.trim().is_empty()),
        model: given(headers, MODEL).map(str::to_owned),
        queue_mode: Some(QueueMode::Followup),
        plain: true,
        // Whoever has the shared secret may do everything.
        owner: true,
        ..StartRun::new(place.run_id.clone(), place.target.key.clone(), message, PRINCIPAL)
    })
}

fn words(said: &[Said]) -> String {
    let texts = said.iter().map(|it| match it.who {
        Who::Tool => format!("[tool result]\n{}", it.text),
        Who::User | Who::Assistant => it.text.clone(),
    });
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn words_with_names(said: &[Said]) -> String {
    let named = said.iter().filter(|it| !it.text.is_empty()).map(|it| {
        let who = match it.who {
            Who::User => "User",
            Who::Assistant => "Assistant",
            Who::Tool => "Tool",
        };
        format!("{who}: {}", it.text)
    });
    named.collect::<Vec<_>>().join("\n")
}

fn attachments(said: &[Said]) -> Result<Vec<Attachment>, Fault> {
    let mut files = Vec::new();
    for address in said.iter().flat_map(|it| &it.pictures) {
        if !address.starts_with("data:") {
            return Err(Fault::invalid(
                "pictures are taken as data addresses only (data:image/png;base64,…)",
            ));
        }
        files
            .push(SentFile { content: Some(Value::from(address.as_str())), ..SentFile::default() });
    }
    let count = files.len();
    let read = pictures(Some(files))?;
    if read.len() < count {
        return Err(Fault::invalid("a picture is neither PNG, JPEG, GIF nor WebP"));
    }
    Ok(read)
}

/// The session of a call by hand.
pub(super) fn session(
    state: &State,
    key: Option<&str>,
    headers: &HeaderMap,
) -> Result<(SessionKey, AgentId), Fault> {
    let key = key.map(str::trim).filter(|key| !key.is_empty()).unwrap_or("main");
    let target = Target::writable(state, key, given(headers, AGENT))?;
    Ok((target.key, target.agent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(who: Who, text: &str) -> Said {
        Said { who, text: text.to_owned(), pictures: Vec::new() }
    }

    fn message(fresh: bool, said: Vec<Said>) -> String {
        let agent = AgentId::new("main");
        let target = Target { key: SessionKey::new("agent:main:x"), agent };
        let place = Place { target, fresh, run_id: RunId::new("r"), named: false };
        let conversation = Conversation { system: vec!["be kind".into()], said };
        match order(&HeaderMap::new(), &place, conversation) {
            Ok(order) => {
                assert_eq!(order.extra_system_prompt.as_deref(), Some("be kind"));
                order.message
            }
            Err(fault) => fault.message().to_owned(),
        }
    }

    #[test]
    fn models_name_agents() {
        let named = |model| agent_of_model(model).map_err(|_| "refused");
        assert_eq!(named(""), Ok(None));
        assert_eq!(named("openclaw"), Ok(None));
        assert_eq!(named("openclaw/default"), Ok(None));
        assert_eq!(named("openclaw/ops"), Ok(Some("ops")));
        assert_eq!(named("openclaw:ops"), Ok(Some("ops")));
        assert_eq!(named("agent:ops"), Ok(Some("ops")));
        assert_eq!(named("gpt-5"), Err("refused"));
        assert_eq!(named("openclaw/"), Err("refused"));
    }

    #[test]
    fn a_new_session_is_told_what_was_said_before_and_a_kept_one_is_not() {
        let talk =
            || vec![said(Who::User, "one"), said(Who::Assistant, "two"), said(Who::User, "three")];
        assert_eq!(message(false, talk()), "three");
        let whole = "What was said before:\nUser: one\nAssistant: two\n\nWhat is said now:\nthree";
        assert_eq!(message(true, talk()), whole);
        assert_eq!(
            message(true, vec![said(Who::User, "a"), said(Who::Tool, "b")]),
            "a\n\n[tool result]\nb"
        );
    }

    #[test]
    fn there_has_to_be_a_message() {
        let missing = "Missing user message in `messages`.";
        assert_eq!(message(true, Vec::new()), missing);
        assert_eq!(message(true, vec![said(Who::User, "a"), said(Who::Assistant, "b")]), missing);
        assert_eq!(message(true, vec![said(Who::User, " ")]), missing);
    }

    #[test]
    fn pictures_come_with_the_request_or_not_at_all() {
        let picture = |address: &str| {
            attachments(&[Said { pictures: vec![address.to_owned()], ..said(Who::User, "") }])
        };
        assert!(picture("https://example.com/a.png").is_err());
        assert!(picture("data:image/png;base64,aGVsbG8=").is_err());
        let png = picture("data:image/png;base64,iVBORw0KGgo=").expect("a picture");
        assert_eq!(png.first().map(|it| it.mime_type.as_str()), Some("image/png"));
    }
}
