//! Fields of a session that the Gateway only keeps for clients, under their names on the wire.

use openclaw_protocol::list::OpenObject;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Sign.
pub const ICON: &str = "icon";
/// Colour.
pub const COLOR: &str = "color";
/// Heading.
pub const CATEGORY: &str = "category";
/// Fast rather than well.
pub const FAST_MODE: &str = "fastMode";
/// How much is recorded.
pub const TRACE_LEVEL: &str = "traceLevel";
/// What it may do.
pub const PERMISSION_MODE: &str = "permissionMode";
/// Settings of tools.
pub const TOOL_OVERRIDES: &str = "toolOverrides";
/// How it was made.
pub const CREATED_VIA: &str = "createdVia";
/// Session it belongs to.
pub const PARENT: &str = "parentSessionKey";
/// How deep it was started.
pub const SPAWN_DEPTH: &str = "spawnDepth";
/// Since when it is put away.
pub const ARCHIVED_AT: &str = "archivedAt";
/// Since when it stays on top.
pub const PINNED_AT: &str = "pinnedAt";
/// When it was last read.
pub const LAST_READ_AT: &str = "lastReadAt";
/// When it was marked unread.
pub const MARKED_UNREAD_AT: &str = "markedUnreadAt";
/// How it is shown.
pub const BOARD_FACE: &str = "boardFace";
/// All of the above that have a place of their own in a row or entry.
pub const SHOWN: [&str; 14] = [
    ICON,
    COLOR,
    CATEGORY,
    FAST_MODE,
    TRACE_LEVEL,
    PERMISSION_MODE,
    TOOL_OVERRIDES,
    CREATED_VIA,
    PARENT,
    SPAWN_DEPTH,
    ARCHIVED_AT,
    PINNED_AT,
    LAST_READ_AT,
    MARKED_UNREAD_AT,
];

/// An extra field, if it is there and of its type.
#[must_use]
pub fn field<T: DeserializeOwned>(extra: &Map<String, Value>, name: &str) -> Option<T> {
    extra.get(name).and_then(|value| T::deserialize(value).ok())
}

/// Extra fields that have no place of their own.
#[must_use]
pub fn kept(fields: &Map<String, Value>) -> Option<OpenObject> {
    let kept: OpenObject = fields
        .iter()
        .filter(|(name, _)| !SHOWN.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_place_of_its_own_is_kept_together() {
        let Value::Object(fields) = serde_json::json!({"icon": "i", "statusNote": "n"}) else {
            panic!("an object");
        };
        let kept = kept(&fields).expect("something");
        assert_eq!(Value::Object(kept), serde_json::json!({"statusNote": "n"}));
    }
}
