//! The configuration as the files say it, keys included that this Gateway does not use.
//!
//! The file is shared with the original, which may run on it another day.

use std::fmt;

use serde_json::Value as Json;

/// The merged files after substitution, secrets in clear. Prints nothing.
#[derive(Clone, Default)]
pub struct Raw(Json);

impl Raw {
    /// Wraps what [`openclaw_config::Loaded::effective`] gives.
    #[must_use]
    pub fn new(value: Json) -> Self {
        Self(value)
    }

    /// The value at a path of plain keys, `gateway.auth.mode`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Json> {
        let found = path.split('.').try_fold(&self.0, |value, key| value.get(key))?;
        Some(found).filter(|value| !value.is_null())
    }

    /// Whether a flag is set to true.
    #[must_use]
    pub fn is_on(&self, path: &str) -> bool {
        self.at(path).and_then(Json::as_bool) == Some(true)
    }

    /// A text, if it is not empty.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path)?.as_str().filter(|text| !text.is_empty())
    }

    /// The texts of a list; empty if there is none.
    #[must_use]
    pub fn texts(&self, path: &str) -> Vec<&str> {
        let items = self.at(path).and_then(Json::as_array);
        items.into_iter().flatten().filter_map(Json::as_str).collect()
    }

    /// The items of a list; empty if there is none.
    #[must_use]
    pub fn items(&self, path: &str) -> &[Json] {
        self.at(path).and_then(Json::as_array).map_or(&[], Vec::as_slice)
    }

    /// The members of an object; none if there is no object.
    pub fn members(&self, path: &str) -> impl Iterator<Item = (&str, &Json)> {
        let map = self.at(path).and_then(Json::as_object);
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// The paths of all flags that are true and whose name passes.
    #[must_use]
    pub fn flags(&self, named: fn(&str) -> bool) -> Vec<String> {
        let mut found = Vec::new();
        flags(&self.0, &mut String::new(), named, &mut found);
        found
    }
}

fn flags(value: &Json, path: &mut String, named: fn(&str) -> bool, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        Json::Object(map) => {
            for (key, value) in map {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                if value == &Json::Bool(true) && named(key) {
                    found.push(path.clone());
                }
                flags(value, path, named, found);
                path.truncate(length);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                flags(item, path, named, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(..)")
    }
}
