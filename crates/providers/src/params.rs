//! Parameters of a model that its owner sets (`agents.defaults.models.NAME.params`), in the form of each dialect.

use serde_json::{Map, Value};

/// What the conversation itself is made of: no parameter takes its place.
pub(crate) const KEPT: &[&str] = &[
    "contents",
    "input",
    "instructions",
    "messages",
    "model",
    "stream",
    "stream_options",
    "system",
    "systemInstruction",
    "tools",
];

/// The longest answer in tokens. It goes its own way, as the dialects need it for more than its name.
pub(crate) const MAX_TOKENS: &str = "maxTokens";

/// Puts parameters into the body of a request, or into a part of it, under the dialect's own names. Where it
/// says something of the same name already, the owner's word counts.
pub(crate) fn put(
    body: &mut Value,
    part: Option<&str>,
    names: &[(&str, &str)],
    params: &Map<String, Value>,
) {
    if params.is_empty() {
        return;
    }
    let place = match part {
        None => body.as_object_mut(),
        Some(part) => body.as_object_mut().and_then(|body| {
            body.entry(part).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
        }),
    };
    let Some(place) = place else { return };
    for (name, value) in params.iter().filter(|(name, _)| *name != MAX_TOKENS) {
        let own = names.iter().find(|(ours, _)| ours == name).map(|(_, theirs)| *theirs);
        let name = own.unwrap_or(name);
        if KEPT.contains(&name) {
            tracing::warn!(name, "no parameter of a model: it is part of the conversation");
        } else {
            place.insert(name.to_owned(), value.clone());
        }
    }
}
