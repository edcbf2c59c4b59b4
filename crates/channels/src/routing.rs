//! Which agent answers a message, and in which session: pure rules.

use std::collections::BTreeMap;

use openclaw_protocol::ids::{AgentId, SessionKey};

use crate::{
    mentions::Mentions,
    message::{ChatKind, Inbound},
};

/// Which direct messages share a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmScope {
    /// All of them: the agent's main session.
    #[default]
    Main,
    /// Those of one person.
    PerPeer,
    /// Those of one person on one channel.
    PerChannelPeer,
    /// Those of one person with one account of a channel.
    PerAccountChannelPeer,
}

/// Says which agent answers certain messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The agent.
    pub agent: String,
    /// The channel.
    pub channel: String,
    /// The account: `*` is any, none is `default`.
    pub account: Option<String>,
    /// One chat: whether it is a group, and its id.
    pub peer: Option<(Option<ChatKind>, String)>,
}

/// What routing needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Who answers what.
    pub bindings: Vec<Binding>,
    /// Agents there are; one that is not is as none.
    pub agents: Vec<AgentId>,
    /// Who answers the rest.
    pub default_agent: AgentId,
    /// Which direct messages share a session.
    pub dm_scope: DmScope,
    /// One session for everything.
    pub global: bool,
    /// The last part of main sessions.
    pub main_key: String,
    /// Several names of one person.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// By what else than the account's name a group means an agent.
    pub mentions: Mentions,
}

/// Who answers a message, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// The agent.
    pub agent: AgentId,
    /// The session.
    pub session: SessionKey,
}

impl Routing {
    /// Decides.
    #[must_use]
    pub fn of(&self, channel: &str, account: &str, message: &Inbound) -> Routed {
        let agent = self.agent(channel, account, message);
        let session = self.session(&agent, channel, account, message);
        Routed { agent, session }
    }

    fn agent(&self, channel: &str, account: &str, message: &Inbound) -> AgentId {
        let here = self.bindings.iter().filter(|binding| {
            binding.channel.eq_ignore_ascii_case(channel)
                && match binding.account.as_deref() {
                    None => account == "default",
                    Some("*") => true,
                    Some(named) => named.eq_ignore_ascii_case(account),
                }
        });
        let tier = |binding: &Binding| match &binding.peer {
            Some((kind, id)) => {
                // A topic counts before the group that it is part of.
                let place = if id.eq_ignore_ascii_case(&group_peer(message)) {
                    Some(0)
                } else {
                    id.eq_ignore_ascii_case(peer_of(message)).then_some(1)
                };
                place.filter(|_| kind.is_none_or(|kind| kind == message.kind))
            }
            None if binding.account.as_deref() == Some("*") => Some(3),
            None => Some(2),
        };
        // `min_by_key` keeps the first of equals: the order of the list counts within a tier.
        let best = here.filter_map(|binding| Some((tier(binding)?, binding)));
        let best = best.min_by_key(|(tier, _)| *tier).map(|(_, binding)| binding);
        best.and_then(|binding| AgentId::normalise(&binding.agent))
            .filter(|agent| self.agents.contains(agent))
            .unwrap_or_else(|| self.default_agent.clone())
    }

    fn session(
        &self,
        agent: &AgentId,
        channel: &str,
        account: &str,
        message: &Inbound,
    ) -> SessionKey {
        if self.global {
            return SessionKey::new("global");
        }
        let base = match message.kind {
            ChatKind::Group => format!("agent:{agent}:{channel}:group:{}", group_peer(message)),
            ChatKind::Direct => {
                let peer = self.person(channel, &message.author.id);
                match self.dm_scope {
                    DmScope::Main => format!("agent:{agent}:{}", self.main()),
                    DmScope::PerPeer => format!("agent:{agent}:direct:{peer}"),
                    DmScope::PerChannelPeer => format!("agent:{agent}:{channel}:direct:{peer}"),
                    DmScope::PerAccountChannelPeer => {
                        format!("agent:{agent}:{channel}:{account}:direct:{peer}")
                    }
                }
            }
        };
        let key = match (&message.thread, message.kind) {
            (Some(thread), ChatKind::Direct) => format!("{base}:thread:{thread}"),
            (_, ChatKind::Group) | (None, ChatKind::Direct) => base,
        };
        SessionKey::canonical(&key, agent)
    }

    fn main(&self) -> &str {
        if self.main_key.is_empty() { "main" } else { &self.main_key }
    }

    /// The one name of a person who has several.
    fn person<'a>(&'a self, channel: &str, id: &'a str) -> &'a str {
        let long = format!("{channel}:{id}");
        let is_them = |peer: &String| {
            peer.trim().eq_ignore_ascii_case(id) || peer.trim().eq_ignore_ascii_case(&long)
        };
        let linked = self.identity_links.iter().find(|(_, peers)| peers.iter().any(is_them));
        linked.map_or(id, |(name, _)| name)
    }
}

fn peer_of(message: &Inbound) -> &str {
    match message.kind {
        ChatKind::Direct => &message.author.id,
        ChatKind::Group => &message.chat,
    }
}

fn group_peer(message: &Inbound) -> String {
    match &message.thread {
        Some(thread) => format!("{}:topic:{thread}", message.chat),
        None => message.chat.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Author;

    fn message(kind: ChatKind, thread: Option<&str>) -> Inbound {
        Inbound {
            key: "1".into(),
            chat: if kind == ChatKind::Group { "-100" } else { "42" }.into(),
            kind,
            title: None,
            thread: thread.map(str::to_owned),
            author: Author { id: "42".into(), name: None, username: None },
            message_id: "1".into(),
            text: "hello".into(),
            quoted: None,
            files: Vec::new(),
            mentioned: true,
        }
    }

    fn routing() -> Routing {
        Routing {
            agents: vec![AgentId::new("main"), AgentId::new("ops"), AgentId::new("home")],
            default_agent: AgentId::new("main"),
            ..Routing::default()
        }
    }

    #[test]
    fn sessions_have_the_documented_keys() {
        let key = |routing: &Routing, kind, thread| {
            routing.of("telegram", "work", &message(kind, thread)).session.into_string()
        };
        let mut routing = routing();
        let direct = ChatKind::Direct;
        assert_eq!(key(&routing, direct, None), "agent:main:main");
        assert_eq!(key(&routing, direct, Some("5")), "agent:main:main:thread:5");
        routing.dm_scope = DmScope::PerPeer;
        assert_eq!(key(&routing, direct, None), "agent:main:direct:42");
        routing.dm_scope = DmScope::PerChannelPeer;
        assert_eq!(key(&routing, direct, None), "agent:main:telegram:direct:42");
        routing.identity_links.insert("Ada".into(), vec!["telegram:42".into()]);
        assert_eq!(key(&routing, direct, None), "agent:main:telegram:direct:ada");
        routing.dm_scope = DmScope::PerAccountChannelPeer;
        assert_eq!(key(&routing, direct, None), "agent:main:telegram:work:direct:ada");
        let group = ChatKind::Group;
        assert_eq!(key(&routing, group, None), "agent:main:telegram:group:-100");
        assert_eq!(key(&routing, group, Some("7")), "agent:main:telegram:group:-100:topic:7");
        routing.global = true;
        assert_eq!(key(&routing, group, Some("7")), "global");
    }

    #[test]
    fn the_narrowest_binding_wins_and_the_first_within_a_tier() {
        let binding = |agent: &str, account: Option<&str>, peer: Option<&str>| Binding {
            agent: agent.into(),
            channel: "telegram".into(),
            account: account.map(str::to_owned),
            peer: peer.map(|id| (Some(ChatKind::Group), id.to_owned())),
        };
        let with = |bindings: Vec<Binding>, account: &str| {
            let routing = Routing { bindings, ..routing() };
            routing.of("telegram", account, &message(ChatKind::Group, None)).agent.into_string()
        };
        let any = || binding("ops", Some("*"), None);
        assert_eq!(with(vec![any()], "work"), "ops");
        assert_eq!(with(vec![binding("ops", None, None)], "work"), "main");
        assert_eq!(with(vec![binding("ops", None, None)], "default"), "ops");
        let own = binding("home", Some("work"), None);
        assert_eq!(with(vec![any(), own.clone()], "work"), "home");
        let peer = binding("ops", Some("work"), Some("-100"));
        assert_eq!(with(vec![own.clone(), peer], "work"), "ops");
        assert_eq!(with(vec![own, binding("ops", Some("work"), None)], "work"), "home");
        assert_eq!(with(vec![binding("gone", Some("*"), None)], "work"), "main");
        let chat = binding("home", Some("work"), Some("-100"));
        let topic = binding("ops", Some("work"), Some("-100:topic:7"));
        let routing = Routing { bindings: vec![chat, topic], ..routing() };
        let agent = |thread| {
            let message = message(ChatKind::Group, thread);
            routing.of("telegram", "work", &message).agent.into_string()
        };
        assert_eq!((agent(Some("7")), agent(Some("8"))), ("ops".into(), "home".into()));
        assert_eq!(agent(None), "home");
    }
}
