//! Which tools an agent has.

use std::collections::BTreeMap;

use openclaw_store::outbox::Route;

/// Names that stand for several tools.
const GROUPS: &[(&str, &[&str])] = &[
    ("group:fs", &["read", "write", "edit", "apply_patch"]),
    ("group:runtime", &["exec", "process"]),
    (
        "group:sessions",
        &[
            "sessions_list",
            "sessions_history",
            "sessions_send",
            "sessions_spawn",
            "session_status",
            "subagents",
        ],
    ),
    ("group:memory", &["memory_search", "memory_get"]),
    ("group:web", &["web_search", "web_fetch"]),
    ("group:ui", &["browser", "canvas"]),
    ("group:automation", &["cron", "gateway"]),
    ("group:messaging", &["message"]),
    ("group:nodes", &["nodes"]),
];

/// Stands for all tools of servers.
const SERVERS: &str = "bundle-mcp";

/// A set of tools to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolProfile {
    /// Only what tells about the session.
    Minimal,
    /// Files, commands and sessions.
    Coding,
    /// Messages and sessions.
    Messaging,
    /// All.
    #[default]
    Full,
}

impl ToolProfile {
    /// Whether a tool belongs to it.
    #[must_use]
    pub fn has(self, tool: &str) -> bool {
        self.tools().is_none_or(|tools| tools.iter().any(|entry| means(entry, tool)))
    }

    /// What it consists of, if it is not everything.
    const fn tools(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Minimal => Some(&["session_status"]),
            Self::Coding => Some(&[
                "group:fs",
                "group:runtime",
                "group:sessions",
                "group:memory",
                "image",
                SERVERS,
            ]),
            Self::Messaging => Some(&[
                "message",
                "sessions_list",
                "sessions_history",
                "sessions_send",
                "session_status",
                SERVERS,
            ]),
            Self::Full => None,
        }
    }
}

/// What is said about tools in one place of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolPolicy {
    /// What to begin with; everything when left out.
    pub profile: Option<ToolProfile>,
    /// Beside the profile.
    pub also_allow: Vec<String>,
    /// If not empty, only these.
    pub allow: Vec<String>,
    /// Never these, whatever else is said.
    pub deny: Vec<String>,
}

impl ToolPolicy {
    /// Whether it leaves a tool in.
    #[must_use]
    pub fn allows(&self, tool: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|entry| means(entry, tool));
        let in_profile = self.profile.and_then(ToolProfile::tools).is_none_or(|tools| {
            tools.iter().any(|entry| means(entry, tool)) || listed(&self.also_allow)
        });
        in_profile && (self.allow.is_empty() || listed(&self.allow)) && !listed(&self.deny)
    }
}

impl ToolPolicy {
    /// Whether it may leave in any tool whose name begins so. It may say yes where none is left in the
    /// end, never no where one is.
    #[must_use]
    pub fn may_allow(&self, beginning: &str) -> bool {
        let lists = [&self.also_allow, &self.allow];
        let named = lists.iter().any(|list| {
            list.iter().any(|entry| {
                entry.trim().to_ascii_lowercase().starts_with(&beginning.to_ascii_lowercase())
            })
        });
        let denied = self.deny.iter().any(|entry| means(entry, beginning));
        !denied && (named || self.allows(beginning))
    }
}

/// What is said about the tools in some chats of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatTools {
    /// The channel.
    pub channel: String,
    /// The account.
    pub account: String,
    /// The chat's id; `*` stands for any characters. Those without come first.
    pub chat: String,
    /// One topic of it, or `*` for any; `None` is the chat with all its topics. Narrower ones come first.
    pub thread: Option<String>,
    /// Whoever writes.
    pub tools: Option<ToolPolicy>,
    /// By who writes: `id:ID` or just the id, or `*`. Goes before what holds for whoever writes.
    pub by_sender: BTreeMap<String, ToolPolicy>,
}

impl ChatTools {
    /// Whether it is about a chat.
    pub(crate) fn is_about(&self, route: &Route) -> bool {
        self.channel == route.channel
            && self.account == route.account
            && name_matches(&self.chat, &route.chat)
            && self.thread.as_deref().is_none_or(|wanted| {
                route.thread.as_deref().is_some_and(|thread| name_matches(wanted, thread))
            })
    }

    /// What it says of who writes.
    pub(crate) fn policy(&self, sender: &str) -> Option<&ToolPolicy> {
        let named = self.by_sender.get(&format!("id:{sender}"));
        let named = named.or_else(|| self.by_sender.get(sender));
        named.or_else(|| self.by_sender.get("*")).or(self.tools.as_ref())
    }
}

/// Whether a tool is one of a server, by its name.
fn is_of_server(tool: &str) -> bool {
    tool.contains("__")
}

/// Whether a tool belongs to a group, such as `group:fs`.
#[must_use]
pub fn is_in_group(group: &str, tool: &str) -> bool {
    GROUPS.iter().any(|(name, tools)| *name == group && tools.contains(&tool))
}

/// Whether an entry of a list means a tool: by name, by group, or with `*` for any characters.
#[must_use]
pub fn means(entry: &str, tool: &str) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    let entry = if entry == "bash" { "exec" } else { entry.as_str() };
    let tool = tool.to_ascii_lowercase();
    let group = GROUPS.iter().find(|(name, _)| *name == entry);
    match group {
        Some((_, tools)) => tools.contains(&tool.as_str()),
        None => match entry {
            "group:openclaw" => !is_of_server(&tool),
            SERVERS | "group:plugins" => is_of_server(&tool),
            entry => name_matches(entry, &tool),
        },
    }
}

/// Whether a text is what a pattern says, in which `*` stands for any characters.
#[must_use]
pub fn name_matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| text.get(at..).is_some_and(|text| name_matches(rest, text)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn deny_always_wins() {
        use ToolProfile::{Coding, Full, Messaging, Minimal};
        for (profile, also, allow, deny, tool, expected) in [
            (None, &[] as &[&str], &[] as &[&str], &[] as &[&str], "exec", true),
            (Some(Full), &[], &[], &[], "exec", true),
            (Some(Minimal), &[], &[], &[], "exec", false),
            (Some(Minimal), &[], &[], &[], "session_status", true),
            (Some(Minimal), &["exec"], &[], &[], "exec", true),
            (Some(Coding), &[], &[], &[], "edit", true),
            (Some(Coding), &[], &[], &[], "web_fetch", false),
            (Some(Messaging), &[], &[], &[], "exec", false),
            (None, &[], &["group:fs"], &[], "read", true),
            (None, &[], &["group:fs"], &[], "exec", false),
            (None, &[], &["BASH"], &[], "exec", true),
            (None, &[], &["*"], &["exec"], "exec", false),
            (None, &[], &["exec"], &["exec"], "exec", false),
            (None, &[], &[], &["group:runtime"], "process", false),
            (None, &[], &[], &["sessions_*"], "sessions_list", false),
            (None, &[], &[], &["sessions_*"], "session_status", true),
            (None, &[], &[], &["*"], "read", false),
            (None, &[], &[], &["group:openclaw"], "read", false),
            (None, &[], &["nobody"], &[], "read", false),
            (None, &[], &[], &[], "docs__search", true),
            (Some(Coding), &[], &[], &[], "docs__search", true),
            (Some(Messaging), &[], &[], &[], "docs__search", true),
            (Some(Minimal), &[], &[], &[], "docs__search", false),
            (Some(Minimal), &["docs__*"], &[], &[], "docs__search", true),
            (None, &[], &[], &["bundle-mcp"], "docs__search", false),
            (None, &[], &[], &["bundle-mcp"], "read", true),
            (None, &[], &[], &["docs__*"], "docs__search", false),
            (None, &[], &[], &["group:openclaw"], "docs__search", true),
            (None, &[], &["read"], &[], "docs__search", false),
        ] {
            let policy = ToolPolicy {
                profile,
                also_allow: list(also),
                allow: list(allow),
                deny: list(deny),
            };
            assert_eq!(policy.allows(tool), expected, "{policy:?} {tool}");
        }
    }

    #[test]
    fn what_nobody_may_use_is_not_started() {
        use ToolProfile::Minimal;
        for (profile, also, allow, deny, expected) in [
            (None, &[] as &[&str], &[] as &[&str], &[] as &[&str], true),
            (Some(Minimal), &[], &[], &[], false),
            (Some(Minimal), &["docs__search"], &[], &[], true),
            (None, &[], &["docs__search"], &[], true),
            (None, &[], &["read"], &[], false),
            (None, &[], &["bundle-mcp"], &[], true),
            (None, &[], &[], &["bundle-mcp"], false),
            (None, &[], &[], &["Docs__*"], false),
            (None, &[], &[], &["docs__search"], true),
            (None, &[], &["docs__search"], &["*"], false),
        ] {
            let policy = ToolPolicy {
                profile,
                also_allow: list(also),
                allow: list(allow),
                deny: list(deny),
            };
            assert_eq!(policy.may_allow("docs__"), expected, "{policy:?}");
        }
    }
}
