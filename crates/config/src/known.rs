//! The original's key names, which are accepted although nothing here uses them.
//!
//! The names stand in one generated list, `known_keys.txt`. It is only read when a configuration
//! has a key that this Gateway does not use.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The generated list; its head says how it is made.
const LIST: &str = include_str!("known_keys.txt");

/// Names that were given up, and what took their place.
pub(crate) const FORMER_KEYS: [(&str, &str); 15] = [
    ("agent", "agents.defaults"),
    ("bridge", "gateway"),
    ("discord", "channels.discord"),
    ("gateway.token", "gateway.auth.token"),
    ("gateway.password", "gateway.auth.password"),
    ("gateway.controlUi.allowInsecureAuth", "gateway.auth"),
    ("identity", "agents.list[].identity"),
    ("imessage", "channels.imessage"),
    ("memorySearch", "agents.defaults.memorySearch"),
    ("routing", "bindings, messages and agents"),
    ("signal", "channels.signal"),
    ("slack", "channels.slack"),
    ("telegram", "channels.telegram"),
    ("tools.bash", "tools.exec"),
    ("whatsapp", "channels.whatsapp"),
];

/// Names on one level and what stands below them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    children: BTreeMap<&'static str, Known>,
}

impl Known {
    /// The whole list.
    pub(crate) fn list() -> &'static Self {
        static KNOWN: OnceLock<Known> = OnceLock::new();
        KNOWN.get_or_init(|| Self::read(LIST))
    }

    fn read(list: &'static str) -> Self {
        let mut lines = list.lines().filter(|line| !line.starts_with('#')).peekable();
        Self::level(&mut lines, 0)
    }

    fn level(
        lines: &mut std::iter::Peekable<impl Iterator<Item = &'static str>>,
        depth: usize,
    ) -> Self {
        let mut known = Self::default();
        while let Some(line) = lines.peek().copied() {
            let name = line.trim_start_matches(' ');
            if line.len() - name.len() < depth || name.is_empty() {
                break;
            }
            lines.next();
            known.children.insert(name, Self::level(lines, depth + 1));
        }
        known
    }

    /// The names below a key; `None` when the key is not in the list.
    ///
    /// `key` is `[]` for the items of a list.
    pub(crate) fn below(&self, key: &str) -> Option<&Self> {
        if self.is_open() {
            return Some(self);
        }
        self.children.get(key).or_else(|| self.children.get("*").filter(|_| key != "[]"))
    }

    /// Whether anything may stand here.
    pub(crate) fn is_open(&self) -> bool {
        self.children.contains_key("**")
    }

    /// The names on this level, wildcards left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.children.keys().copied().filter(|name| !matches!(*name, "*" | "**" | "[]"))
    }
}

/// The name that was probably meant, if one is close enough.
pub(crate) fn near<'n>(key: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = key.to_lowercase();
    let allowance = match key.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=9 => 2,
        _ => 3,
    };
    let scored = names.map(|name| (strsim::osa_distance(&wanted, &name.to_lowercase()), name));
    let best = scored.min_by_key(|(distance, name)| (*distance, *name))?;
    (best.0 <= allowance).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str) -> Option<&'static Known> {
        path.split('.').try_fold(Known::list(), |known, key| known.below(key))
    }

    #[test]
    fn both_generations_are_known() {
        for path in [
            "gateway.auth.trustedProxy.userHeader",
            "gateway.nodes.allowCommands",
            "gateway.nodes.commands.allow",
            "agents.list.[].sandbox.whatever",
            "agents.entries.ops.heartbeat.every",
            "channels.telegram.botToken",
            "plugins.entries.any.config.anything.goes",
            "canvasHost.liveReload",
            "cron.webhookToken",
            "models.providers.x.models.[].compat.supportsStore",
            "$schema",
        ] {
            assert!(find(path).is_some(), "{path}");
        }
        for path in ["gateway.prt", "nonsense", "agents.defaults.nonsense", "agents.list.id"] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_holds_names_only() {
        let lines: Vec<&str> = LIST.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.len() > 1500);
        for line in lines {
            let name = line.trim_start_matches(' ');
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-$*[]/.".contains(c));
            assert!(!name.is_empty() && plain, "{line:?}");
        }
        let top: Vec<&str> = Known::list().names().collect();
        assert!(top.is_sorted());
    }

    #[test]
    fn a_near_name_is_close_for_its_length() {
        let names = ["port", "mode", "bind", "auth", "customBindHost", "id", "trustedProxies"];
        for (typed, meant) in [
            ("prt", Some("port")),
            ("Port", Some("port")),
            ("bnid", Some("bind")),
            ("costumBindhost", Some("customBindHost")),
            ("trusted_proxies", Some("trustedProxies")),
            ("ix", None),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(near(typed, names.into_iter()), meant, "{typed}");
        }
    }
}
