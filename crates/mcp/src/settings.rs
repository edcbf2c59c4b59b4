//! What is set about servers.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use openclaw_agent::name_matches;
use secrecy::{ExposeSecret, SecretString};

use crate::names::tool_name;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct McpSettings {
    /// The servers by name.
    pub servers: BTreeMap<String, ServerSetting>,
    /// How long a server stays that nobody uses; for ever when left out.
    pub idle: Option<Duration>,
}

/// One server.
#[derive(Clone, Debug)]
pub struct ServerSetting {
    /// How it is reached. `Err`: why it cannot be, in words.
    pub way: Result<Way, String>,
    /// How long it may take to be there and name its tools.
    pub connect_timeout: Duration,
    /// How long one call may take.
    pub request_timeout: Duration,
    /// Whether its owner says that calls may overlap.
    pub parallel: bool,
    /// Which of its tools count.
    pub filter: ToolFilter,
}

/// How a server is reached.
#[derive(Clone, Debug)]
pub enum Way {
    /// A program of this machine that speaks over its standard input and output.
    Stdio {
        /// The program, then its arguments.
        argv: Vec<String>,
        /// Variables that it gets beside the usual ones.
        environment: BTreeMap<String, SecretString>,
        /// Where it runs; the agent's folder when left out.
        cwd: Option<PathBuf>,
    },
    /// An address that speaks streamable HTTP.
    Http {
        /// The address.
        url: String,
        /// Sent with every request.
        headers: BTreeMap<String, SecretString>,
    },
}

/// Which tools of a server count. Names may hold `*`, and may be those of the server or ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolFilter {
    /// If not empty, only these.
    pub include: Vec<String>,
    /// Never these.
    pub exclude: Vec<String>,
}

impl ToolFilter {
    /// Whether a tool counts.
    #[must_use]
    pub fn lets(&self, server: &str, tool: &str) -> bool {
        let ours = tool_name(server, tool);
        let listed = |list: &[String]| {
            list.iter().any(|entry| name_matches(entry, tool) || name_matches(entry, &ours))
        };
        (self.include.is_empty() || listed(&self.include)) && !listed(&self.exclude)
    }
}

impl ServerSetting {
    /// Whether nothing differs that a running server would have to be started again for.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let way = match (&self.way, &other.way) {
            (Ok(one), Ok(other)) => one.same(other),
            (Err(one), Err(other)) => one == other,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        way && self.filter == other.filter
            && (self.connect_timeout, self.request_timeout, self.parallel)
                == (other.connect_timeout, other.request_timeout, other.parallel)
    }
}

impl Way {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Stdio { argv, environment, cwd },
                Self::Stdio { argv: argv2, environment: environment2, cwd: cwd2 },
            ) => argv == argv2 && cwd == cwd2 && same(environment, environment2),
            (Self::Http { url, headers }, Self::Http { url: url2, headers: headers2 }) => {
                url == url2 && same(headers, headers2)
            }
            (Self::Stdio { .. }, Self::Http { .. }) | (Self::Http { .. }, Self::Stdio { .. }) => {
                false
            }
        }
    }

    /// What must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        match self {
            Self::Stdio { environment: secrets, .. } | Self::Http { headers: secrets, .. } => {
                secrets.values()
            }
        }
    }
}

fn same(one: &BTreeMap<String, SecretString>, other: &BTreeMap<String, SecretString>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((name, value), (name2, value2))| {
            name == name2 && value.expose_secret() == value2.expose_secret()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_filter_knows_both_names() {
        for (include, exclude, tool, expected) in [
            (&[] as &[&str], &[] as &[&str], "search", true),
            (&["search"], &[], "search", true),
            (&["docs__search"], &[], "search", true),
            (&["sea*"], &[], "search", true),
            (&["docs__*"], &["admin_*"], "search", true),
            (&["docs__*"], &["admin_*"], "admin_drop", false),
            (&["other"], &[], "search", false),
            (&[], &["docs__search"], "search", false),
            (&["search"], &["*"], "search", false),
        ] {
            let filter = ToolFilter { include: list(include), exclude: list(exclude) };
            assert_eq!(filter.lets("docs", tool), expected, "{filter:?} {tool}");
        }
    }

    #[test]
    fn a_changed_secret_is_a_change() {
        let with = |secret: &str| ServerSetting {
            way: Ok(Way::Stdio {
                argv: list(&["server"]),
                environment: [("KEY".to_owned(), SecretString::from(secret))].into(),
                cwd: None,
            }),
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(1),
            parallel: false,
            filter: ToolFilter::default(),
        };
        assert!(with("a").same(&with("a")));
        assert!(!with("a").same(&with("b")));
        assert!(!with("a").same(&ServerSetting { parallel: true, ..with("a") }));
    }
}
