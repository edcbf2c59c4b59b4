//! The documented fields.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::policy::{Ask, Policy, Security};

/// Longest command that is remembered with an entry, in characters.
const MAX_COMMAND: usize = 500;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalsFile {
    /// Always 1.
    pub version: u32,
    /// Where an app on the same machine is asked; kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<Socket>,
    /// What holds where an agent's rules say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// By agent; `*` is everybody.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentRules>,
}

impl Default for ApprovalsFile {
    fn default() -> Self {
        Self { version: 1, socket: None, defaults: None, agents: BTreeMap::new() }
    }
}

/// Where an app on the same machine is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    /// Its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its secret; never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What holds where an agent's rules say nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// What may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// When somebody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// What holds when nobody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_fallback: Option<Security>,
    /// Whether programs that skills bring are allowed; kept, and nothing is allowed by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_allow_skills: Option<bool>,
}

/// The rules for one agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentRules {
    /// What may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// When somebody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// What holds when nobody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_fallback: Option<Security>,
    /// Whether programs that skills bring are allowed; kept, and nothing is allowed by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_allow_skills: Option<bool>,
    /// What may run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowlist: Vec<Entry>,
    /// Tools of MCP servers; kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp_tools: Vec<McpGrant>,
}

/// One thing that may run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A glob over the real path of a program.
    pub pattern: String,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The command it was given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_text: Option<String>,
    /// A regular expression over all of the arguments: joined by spaces, or each followed by a zero
    /// character if the expression holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arg_pattern: Option<String>,
    /// When it was last used, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<u64>,
    /// The last command it allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_command: Option<String>,
    /// The last program it allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resolved_path: Option<String>,
}

/// Where an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// Somebody said so when asked.
    #[serde(rename = "allow-always")]
    AllowAlways,
}

/// A tool of an MCP server that may be called; kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpGrant {
    /// The server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// Where it comes from.
    pub source: Source,
    /// Since when.
    pub added_at: u64,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<u64>,
}

/// An entry and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The agent, or `*`.
    pub agent: String,
    /// What is allowed.
    pub entry: Entry,
}

impl ApprovalsFile {
    /// Every entry of everybody.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        let of = |agent: &String, rules: &AgentRules| {
            let agent = agent.clone();
            let entries = rules.allowlist.clone().into_iter();
            entries.map(move |entry| Grant { agent: agent.clone(), entry })
        };
        self.agents.iter().flat_map(|(agent, rules)| of(agent, rules)).collect()
    }

    /// Adds an entry by hand. True if it was not there.
    ///
    /// # Errors
    /// Why the pattern can match nothing.
    pub fn allow(&mut self, agent: &str, pattern: &str) -> Result<bool, String> {
        if let Some(reason) = pattern_problem(pattern) {
            return Err(reason);
        }
        let list = &mut self.agents.entry(agent.to_owned()).or_default().allowlist;
        let known =
            list.iter().any(|entry| entry.pattern == pattern && entry.arg_pattern.is_none());
        if !known {
            list.push(Entry::new(pattern.to_owned()));
        }
        Ok(!known)
    }

    /// Takes entries away, by id, the beginning of an id (eight characters or more) or pattern.
    pub fn revoke(&mut self, wanted: &str) -> Vec<Grant> {
        let named = |entry: &Entry| {
            let by_id = entry
                .id
                .as_deref()
                .is_some_and(|id| id == wanted || (wanted.len() >= 8 && id.starts_with(wanted)));
            by_id || entry.pattern == wanted
        };
        let mut gone = Vec::new();
        for (agent, rules) in &mut self.agents {
            let revoked = rules.allowlist.extract_if(.., |entry| named(entry));
            gone.extend(revoked.map(|entry| Grant { agent: agent.clone(), entry }));
        }
        gone
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        file.problem().map_or(Ok(file.clone()), Err)
    }

    /// The defaults, with those of a fresh install where they say nothing.
    #[must_use]
    pub fn defaults(&self) -> Policy {
        let none = Defaults::default();
        let defaults = self.defaults.as_ref().unwrap_or(&none);
        Policy {
            security: defaults.security.unwrap_or(Policy::FRESH.security),
            ask: defaults.ask.unwrap_or(Policy::FRESH.ask),
            fallback: defaults.ask_fallback.unwrap_or(Policy::FRESH.fallback),
        }
    }

    /// The file without its secret, as others may see it.
    #[must_use]
    pub fn without_token(mut self) -> Self {
        if let Some(socket) = &mut self.socket {
            socket.token = None;
        }
        self
    }

    pub(super) fn problem(&self) -> Option<String> {
        if self.version != 1 {
            return Some(format!("version {} is not known", self.version));
        }
        self.agents.values().flat_map(|rules| &rules.allowlist).find_map(|entry| {
            pattern_problem(&entry.pattern).or_else(|| {
                let pattern = entry.arg_pattern.as_deref()?;
                crate::matching::arguments(pattern)
                    .err()
                    .map(|error| format!("argPattern: {error}"))
            })
        })
    }

    pub(super) fn keep_token(&mut self, old: &Self) {
        let token = old.socket.as_ref().and_then(|socket| socket.token.clone());
        if let (Some(socket), Some(token)) = (&mut self.socket, token) {
            socket.token.get_or_insert(token);
        }
    }

    pub(super) fn fill_ids(&mut self) {
        for entry in self.agents.values_mut().flat_map(|rules| &mut rules.allowlist) {
            entry.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
        }
    }
}

impl Entry {
    /// An entry for a pattern, with any arguments.
    #[must_use]
    pub fn new(pattern: String) -> Self {
        Self {
            id: None,
            pattern,
            source: None,
            command_text: None,
            arg_pattern: None,
            last_used_at: None,
            last_used_command: None,
            last_resolved_path: None,
        }
    }

    /// What is remembered of an "always": the program's real path, and its arguments if only they may be
    /// used.
    #[must_use]
    pub fn granted(real: &Path, arguments: Option<&[String]>, command: &str, now_ms: u64) -> Self {
        let real = real.display().to_string();
        Self {
            source: Some(Source::AllowAlways),
            command_text: Some(shortened(command)),
            arg_pattern: arguments.map(crate::matching::exactly),
            last_used_at: Some(now_ms),
            last_used_command: Some(shortened(command)),
            last_resolved_path: Some(real.clone()),
            ..Self::new(crate::matching::literal(&real))
        }
    }
}

pub(super) fn shortened(command: &str) -> String {
    match command.char_indices().nth(MAX_COMMAND) {
        Some((at, _)) => format!("{}…", command.get(..at).unwrap_or_default()),
        None => command.to_owned(),
    }
}

/// Why a pattern can match nothing.
pub(super) fn pattern_problem(pattern: &str) -> Option<String> {
    if !(pattern.starts_with('/') || pattern.starts_with("~/") || pattern.starts_with('*')) {
        return Some(format!(
            "{pattern:?} names no path: a pattern is compared with the whole real path of a program, \
             such as /usr/bin/git"
        ));
    }
    crate::matching::path(pattern, Path::new("/")).err()
}
