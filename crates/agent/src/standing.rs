//! Which rules hold for the tools of one turn: those of all, of the agent, of the models that may be
//! asked, and of the chats and people that are answered.

use std::collections::BTreeMap;

use openclaw_protocol::ids::AgentId;
use openclaw_store::outbox::Route;

use crate::{
    model::ModelRef,
    settings::AgentSettings,
    tool_policy::{ToolPolicy, means},
};

/// For whom a turn is.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The agent.
    pub agent: &'a AgentId,
    /// Every model that may be asked.
    pub models: Vec<&'a ModelRef>,
    /// The chats that are answered, each with who wrote, as a run names them.
    pub asked: Vec<(&'a Route, &'a str)>,
    /// Whether everybody who is answered is an owner.
    pub owner: bool,
}

impl<'a> Standing<'a> {
    /// An agent by itself.
    #[must_use]
    pub const fn of(agent: &'a AgentId) -> Self {
        Self { agent, models: Vec::new(), asked: Vec::new(), owner: false }
    }
}

/// Tools that only owners have, whatever the settings say.
const OWNER_ONLY: [&str; 3] = ["cron", "gateway", "whatsapp_login"];

impl AgentSettings {
    /// Whether one who writes in a chat is an owner: named in the list of owners, or, where there is none,
    /// let in by the chat's own settings. Whoever was only paired is none, and `*` names nobody.
    #[must_use]
    pub fn is_owner(&self, route: &Route, principal: &str) -> bool {
        let id = principal.strip_prefix(route.channel.as_str()).and_then(|id| id.strip_prefix(':'));
        let Some(id) = id.filter(|id| !id.is_empty() && *id != "*") else { return false };
        let is = |entry: &String| {
            let entry = entry.trim();
            entry == id || entry == principal
        };
        if self.owners.is_empty() {
            let places = self.channel_owners.iter();
            let mut of_account = places
                .filter(|place| place.channel == route.channel && place.account == route.account);
            of_account.any(|place| place.ids.iter().any(is))
        } else {
            self.owners.iter().any(is)
        }
    }

    /// The rules that hold; all of them have to leave a tool in.
    fn rules<'s>(&'s self, standing: &Standing<'_>) -> Vec<&'s ToolPolicy> {
        let own = self.profile(standing.agent);
        let mut rules = vec![&self.tools];
        rules.extend(own.map(|agent| &agent.tools));
        for model in &standing.models {
            let lists = [Some(&self.tools_by_provider), own.map(|agent| &agent.tools_by_provider)];
            rules.extend(lists.into_iter().flatten().filter_map(|list| by_provider(list, model)));
        }
        for (route, principal) in &standing.asked {
            rules.extend(self.chat_rule(route, principal));
        }
        rules
    }

    /// What is said about the tools of one who writes in a chat, if anything is.
    pub(crate) fn chat_rule(&self, route: &Route, principal: &str) -> Option<&ToolPolicy> {
        let start = format!("{}:", route.channel);
        let sender = principal.strip_prefix(start.as_str()).unwrap_or(principal);
        let mut about = self.chats.iter().filter(|chat| chat.is_about(route));
        about.find_map(|chat| chat.policy(sender))
    }

    /// Whether a tool is there.
    #[must_use]
    pub fn has_tool(&self, standing: &Standing<'_>, tool: &str) -> bool {
        let owners = self.owner_only.iter().map(String::as_str).chain(OWNER_ONLY);
        let theirs = !standing.owner && owners.into_iter().any(|entry| means(entry, tool));
        !theirs && self.rules(standing).iter().all(|rule| rule.allows(tool))
    }

    /// Whether any tool may be there whose name begins so.
    #[must_use]
    pub fn may_have(&self, standing: &Standing<'_>, beginning: &str) -> bool {
        let theirs = !standing.owner && self.owner_only.iter().any(|entry| means(entry, beginning));
        !theirs && self.rules(standing).iter().all(|rule| rule.may_allow(beginning))
    }
}

/// What is said about a model, or else about its provider.
fn by_provider<'s>(
    list: &'s BTreeMap<String, ToolPolicy>,
    model: &ModelRef,
) -> Option<&'s ToolPolicy> {
    let named = |name: &str| {
        list.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, rule)| rule)
    };
    named(&model.to_string()).or_else(|| named(&model.provider))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        settings::{AgentProfile, ChannelOwners},
        tool_policy::ChatTools,
    };

    fn only(tools: &[&str]) -> ToolPolicy {
        let allow = tools.iter().map(|tool| (*tool).to_owned()).collect();
        ToolPolicy { allow, ..ToolPolicy::default() }
    }

    fn without(tool: &str) -> ToolPolicy {
        ToolPolicy { deny: vec![tool.to_owned()], ..ToolPolicy::default() }
    }

    fn settings() -> AgentSettings {
        let chat = |chat: &str, tools, by_sender: &[(&str, ToolPolicy)]| ChatTools {
            channel: "telegram".into(),
            account: "default".into(),
            chat: chat.into(),
            thread: None,
            tools,
            by_sender: by_sender
                .iter()
                .map(|(who, rule)| ((*who).to_owned(), rule.clone()))
                .collect(),
        };
        let profile = AgentProfile {
            tools_by_provider: [("ollama".to_owned(), without("write"))].into(),
            ..AgentProfile::default()
        };
        AgentSettings {
            agents: vec![profile],
            tools: without("process"),
            tools_by_provider: [
                ("Small".to_owned(), without("exec")),
                ("small/trusted".to_owned(), only(&["exec", "read"])),
            ]
            .into(),
            chats: vec![
                chat(
                    "-100",
                    Some(only(&["read"])),
                    &[("id:7", without("edit")), ("8", only(&["edit"]))],
                ),
                chat("-200", None, &[("7", only(&["write"]))]),
                chat(
                    "-*",
                    Some(only(&["session_status"])),
                    &[("*", only(&["exec"])), ("id:9", only(&["edit"]))],
                ),
            ],
            ..AgentSettings::default()
        }
    }

    #[test]
    fn every_rule_has_to_leave_a_tool_in() {
        let settings = settings();
        let agent = AgentId::new("main");
        for (models, chat, principal, tool, expected) in [
            (&[] as &[&str], None, "", "exec", true),
            (&[], None, "", "process", false),
            (&["small/x"], None, "", "exec", false),
            (&["small/trusted"], None, "", "exec", true),
            (&["small/trusted"], None, "", "write", false),
            (&["big/x", "small/x"], None, "", "exec", false),
            (&["ollama/x"], None, "", "write", false),
            (&["ollama/x"], None, "", "read", true),
            (&[], Some("-100"), "telegram:1", "read", true),
            (&[], Some("-100"), "telegram:1", "exec", false),
            (&[], Some("-100"), "telegram:7", "exec", true),
            (&[], Some("-100"), "telegram:7", "edit", false),
            (&[], Some("-100"), "telegram:7", "process", false),
            (&[], Some("-100"), "telegram:8", "edit", true),
            (&[], Some("-100"), "telegram:8", "read", false),
            (&[], Some("-200"), "telegram:7", "write", true),
            (&[], Some("-200"), "telegram:1", "exec", true),
            (&[], Some("-200"), "telegram:1", "read", false),
            (&[], Some("-300"), "telegram:9", "edit", true),
            (&[], Some("-300"), "telegram:1", "edit", false),
            (&[], Some("42"), "telegram:1", "edit", true),
            (&[], Some("-100"), "webhook:7", "exec", false),
        ] {
            let models: Vec<ModelRef> =
                models.iter().map(|m| ModelRef::parse(m).unwrap()).collect();
            let route = chat.map(|chat| Route {
                channel: "telegram".into(),
                account: "default".into(),
                chat: chat.to_owned(),
                thread: None,
                reply_to: None,
                reply_asked: false,
            });
            let standing = Standing {
                agent: &agent,
                models: models.iter().collect(),
                asked: route.iter().map(|route| (route, principal)).collect(),
                owner: false,
            };
            let has = settings.has_tool(&standing, tool);
            assert_eq!(has, expected, "{models:?} {chat:?} {principal} {tool}");
        }
    }

    #[test]
    fn a_topic_goes_before_its_group() {
        let rule = |chat: &str, thread: Option<&str>, tool: &str| ChatTools {
            channel: "telegram".into(),
            account: "default".into(),
            chat: chat.into(),
            thread: thread.map(str::to_owned),
            tools: Some(only(&[tool])),
            by_sender: BTreeMap::new(),
        };
        let chats = vec![
            rule("-100", Some("5"), "read"),
            rule("-100", Some("*"), "write"),
            rule("-100", None, "edit"),
        ];
        let settings = AgentSettings { chats, ..AgentSettings::default() };
        for (thread, tool) in [(Some("5"), "read"), (Some("6"), "write"), (None, "edit")] {
            let route = Route {
                channel: "telegram".into(),
                account: "default".into(),
                chat: "-100".into(),
                thread: thread.map(str::to_owned),
                reply_to: None,
                reply_asked: false,
            };
            for asked in ["read", "write", "edit"] {
                let agent = AgentId::new("main");
                let standing =
                    Standing { asked: vec![(&route, "telegram:1")], ..Standing::of(&agent) };
                assert_eq!(
                    settings.has_tool(&standing, asked),
                    asked == tool,
                    "{thread:?} {asked}"
                );
            }
        }
    }

    #[test]
    fn of_several_who_wrote_the_least_trusted_counts() {
        let settings = settings();
        let agent = AgentId::new("main");
        let route = Route {
            channel: "telegram".into(),
            account: "default".into(),
            chat: "-100".into(),
            thread: None,
            reply_to: None,
            reply_asked: false,
        };
        let asked = vec![(&route, "telegram:7"), (&route, "telegram:1")];
        let standing = Standing { asked, ..Standing::of(&agent) };
        assert!(settings.has_tool(&standing, "read") && !settings.has_tool(&standing, "exec"));
        assert!(!settings.may_have(&standing, "docs__"));
    }

    #[test]
    fn only_an_owner_has_what_is_for_owners() {
        let agent = AgentId::new("main");
        let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let place = |account: &str, list: &[&str]| ChannelOwners {
            channel: "telegram".to_owned(),
            account: account.to_owned(),
            ids: ids(list),
        };
        let route = |channel: &str, account: &str| Route {
            channel: channel.to_owned(),
            account: account.to_owned(),
            chat: "42".to_owned(),
            thread: None,
            reply_to: None,
            reply_asked: false,
        };
        let base = AgentSettings {
            owner_only: ids(&["nodes", "home__*"]),
            channel_owners: vec![place("default", &["1", "*"]), place("work", &["2"])],
            ..AgentSettings::default()
        };
        let named = AgentSettings { owners: ids(&["telegram:7", " 8 ", "*"]), ..base.clone() };
        for (settings, route, principal, owner) in [
            (&base, route("telegram", "default"), "telegram:1", true),
            (&base, route("telegram", "default"), "telegram:2", false),
            (&base, route("telegram", "work"), "telegram:2", true),
            (&base, route("telegram", "work"), "telegram:1", false),
            (&base, route("telegram", "default"), "telegram:*", false),
            (&base, route("telegram", "default"), "telegram:", false),
            (&base, route("telegram", "default"), "1", false),
            (&base, route("webhook", "default"), "webhook:1", false),
            (&base, route("webhook", "default"), "telegram:1", false),
            (&named, route("telegram", "default"), "telegram:7", true),
            (&named, route("telegram", "default"), "telegram:8", true),
            (&named, route("webhook", "default"), "webhook:8", true),
            (&named, route("webhook", "default"), "webhook:7", false),
            (&named, route("telegram", "default"), "telegram:1", false),
            (&named, route("telegram", "default"), "telegram:9", false),
        ] {
            assert_eq!(settings.is_owner(&route, principal), owner, "{route:?} {principal}");
            let standing = Standing { owner, ..Standing::of(&agent) };
            for tool in ["nodes", "home__lights", "cron", "gateway"] {
                assert_eq!(settings.has_tool(&standing, tool), owner, "{tool} {principal}");
            }
            assert_eq!(settings.may_have(&standing, "home__"), owner, "{principal}");
            assert!(
                settings.has_tool(&standing, "read") && settings.may_have(&standing, "files__")
            );
        }
    }
}
