//! Which keys can change while the Gateway runs: one table, read by the watch and the schema.

use serde::Serialize;
use serde_json::Value;

use crate::keypath;

/// What a changed key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReloadClass {
    /// Nothing: whoever uses it reads the current configuration each time.
    Live,
    /// The part that uses it has to be told.
    Hot,
    /// The Gateway has to be started again.
    Restart,
}

impl ReloadClass {
    /// The word that `config.schema.lookup` has for it.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Live => "none",
            Self::Hot => "hot",
            Self::Restart => "restart",
        }
    }

    /// The class of a key path; the longest prefix in the table decides.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let matches = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let rows = TABLE.iter().filter(|(prefix, _)| matches(prefix));
        rows.max_by_key(|(prefix, _)| prefix.len()).map_or(Self::Restart, |(_, class)| *class)
    }
}

/// Key prefixes and their class; what matches none needs a restart.
const TABLE: [(&str, ReloadClass); 42] = [
    ("$schema", ReloadClass::Live),
    ("agents", ReloadClass::Live),
    ("agents.defaults.maxConcurrent", ReloadClass::Hot),
    ("bindings", ReloadClass::Live),
    ("channels", ReloadClass::Hot),
    ("commands", ReloadClass::Live),
    ("cron", ReloadClass::Hot),
    ("discovery.mdns", ReloadClass::Hot),
    ("discovery.wideArea", ReloadClass::Live),
    ("env", ReloadClass::Restart),
    ("gateway", ReloadClass::Restart),
    ("gateway.allowRealIpFallback", ReloadClass::Live),
    ("gateway.auth.allowTailscale", ReloadClass::Live),
    ("gateway.auth.identityScopes", ReloadClass::Hot),
    ("gateway.auth.mode", ReloadClass::Restart),
    ("gateway.auth.password", ReloadClass::Hot),
    ("gateway.auth.rateLimit", ReloadClass::Hot),
    ("gateway.auth.token", ReloadClass::Hot),
    ("gateway.auth.trustedProxy", ReloadClass::Live),
    ("gateway.controlUi", ReloadClass::Live),
    ("gateway.http.endpoints", ReloadClass::Live),
    ("gateway.mode", ReloadClass::Live),
    ("gateway.nodes", ReloadClass::Live),
    ("gateway.publicOrigin", ReloadClass::Live),
    ("gateway.reload", ReloadClass::Live),
    ("gateway.remote", ReloadClass::Live),
    ("gateway.tools", ReloadClass::Live),
    ("gateway.trustedProxies", ReloadClass::Live),
    ("hooks", ReloadClass::Hot),
    ("logging", ReloadClass::Restart),
    ("logging.consoleLevel", ReloadClass::Hot),
    ("logging.level", ReloadClass::Hot),
    ("logging.redactSensitive", ReloadClass::Live),
    ("mcp", ReloadClass::Hot),
    ("messages", ReloadClass::Live),
    ("meta", ReloadClass::Live),
    ("models", ReloadClass::Hot),
    ("secrets", ReloadClass::Hot),
    ("session", ReloadClass::Live),
    ("skills", ReloadClass::Live),
    ("tools", ReloadClass::Live),
    ("ui", ReloadClass::Live),
];

/// The leaf paths in which two configurations differ, sorted. A list counts as a leaf.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(Some(old), Some(new), &mut String::new(), &mut found);
    found.sort();
    found
}

fn compare(old: Option<&Value>, new: Option<&Value>, path: &mut String, found: &mut Vec<String>) {
    let empty = serde_json::Map::new();
    let (old_map, new_map) = match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => (old, new),
        (Some(Value::Object(old)), None) if !old.is_empty() => (old, &empty),
        (None, Some(Value::Object(new))) if !new.is_empty() => (&empty, new),
        (old, new) => {
            if old != new {
                found.push(path.clone());
            }
            return;
        }
    };
    let added = new_map.keys().filter(|key| !old_map.contains_key(*key));
    for key in old_map.keys().chain(added) {
        let before = path.len();
        keypath::push(path, key);
        compare(old_map.get(key), new_map.get(key), path, found);
        path.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        for (path, class) in [
            ("gateway.port", ReloadClass::Restart),
            ("gateway.auth.token", ReloadClass::Hot),
            ("gateway.auth.mode", ReloadClass::Restart),
            ("gateway.auth.tokenX", ReloadClass::Restart),
            ("gateway.remote.url", ReloadClass::Live),
            ("agents.list[0].name", ReloadClass::Live),
            ("agents.defaults.maxConcurrent", ReloadClass::Hot),
            ("models.providers.x.apiKey", ReloadClass::Hot),
            ("plugins.enabled", ReloadClass::Restart),
            ("unheard.of", ReloadClass::Restart),
        ] {
            assert_eq!(ReloadClass::of(path), class, "{path}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_has_no_repeats() {
        assert!(TABLE.iter().zip(TABLE.iter().skip(1)).all(|(a, b)| a.0 < b.0));
    }

    #[test]
    fn differences_are_leaves() {
        let old = json!({"a": {"b": 1, "c": [1]}, "d": 1, "x": {"y": {"z": 1}}});
        let new = json!({"a": {"b": 2, "c": [1, 2]}, "d": 1, "e": {"f.g": 1}});
        assert_eq!(differences(&old, &new), ["a.b", "a.c", "e[\"f.g\"]", "x.y.z"]);
        assert_eq!(differences(&old, &old), Vec::<String>::new());
        assert_eq!(differences(&json!({}), &json!({"a": {}})), ["a"]);
    }
}
