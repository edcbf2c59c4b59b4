//! A merge patch as edits: what it does not name keeps its bytes, comments included.
//!
//! `null` removes a key. A list of objects that all have an `id` is merged into one of the same kind,
//! item by item; every other list takes the place of the one before.

use serde_json::Value as Json;

use crate::edit;
use crate::error::ConfigError;
use crate::keypath;
use crate::restore::id;
use crate::syntax::{self, Node, Value};

/// The text with the patch applied. `replaced` names lists that are not merged.
///
/// # Errors
/// The text cannot be parsed, or the patch is no object or leads through something that holds no keys.
pub(crate) fn apply(text: &str, patch: &str, replaced: &[String]) -> Result<String, ConfigError> {
    let patch = edit::parse_value(patch)?;
    if !matches!(patch.value, Value::Object(_)) {
        return Err(ConfigError::PatchNotObject);
    }
    let mut patched = Patched { text: text.to_owned(), replaced };
    let root = syntax::parse(text, 0).ok().map(|document| document.root);
    patched.object(&patch, root.as_ref(), &mut String::new())?;
    Ok(patched.text)
}

struct Patched<'a> {
    text: String,
    replaced: &'a [String],
}

impl Patched<'_> {
    fn object(
        &mut self,
        patch: &Node,
        target: Option<&Node>,
        path: &mut String,
    ) -> Result<(), ConfigError> {
        let before = path.len();
        for member in patch.members() {
            keypath::push(path, &member.key);
            let found = target.and_then(|target| target.get(&member.key));
            self.value(&member.node, found.map(|found| &found.node), path)?;
            path.truncate(before);
        }
        Ok(())
    }

    fn value(
        &mut self,
        patch: &Node,
        target: Option<&Node>,
        path: &mut String,
    ) -> Result<(), ConfigError> {
        match (&patch.value, target) {
            (Value::Null, None) => Ok(()),
            (Value::Null, Some(_)) => {
                if let Some(text) = edit::unset(&self.text, path)? {
                    self.text = text;
                }
                Ok(())
            }
            (Value::Object(_), Some(target)) if matches!(target.value, Value::Object(_)) => {
                self.object(patch, Some(target), path)
            }
            (Value::Array(items), Some(target))
                if all_have_ids(items)
                    && all_have_ids(target.items())
                    && !self.replaced.contains(path) =>
            {
                self.list(items, target, path)
            }
            _ => self.set(path, &without_null(patch.to_json())),
        }
    }

    fn list(
        &mut self,
        items: &[Node],
        target: &Node,
        path: &mut String,
    ) -> Result<(), ConfigError> {
        let mut length = target.items().len();
        let before = path.len();
        for item in items {
            let at = target.items().iter().position(|other| id(other) == id(item));
            keypath::push_index(path, at.unwrap_or(length));
            match at.and_then(|at| target.items().get(at)) {
                Some(found) => self.object(item, Some(found), path)?,
                None => {
                    self.set(path, &without_null(item.to_json()))?;
                    length += 1;
                }
            }
            path.truncate(before);
        }
        Ok(())
    }

    /// A value that is there already keeps its spelling.
    fn set(&mut self, path: &str, value: &Json) -> Result<(), ConfigError> {
        if edit::get(&self.text, path)?.as_ref() != Some(value) {
            self.text = edit::set_shown(&self.text, path, &value.to_string())?;
        }
        Ok(())
    }
}

fn all_have_ids(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| id(item).is_some())
}

/// What a merge patch means where there was nothing: a key that it removes is left out.
fn without_null(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(kept.map(|(key, value)| (key, without_null(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(text: &str, patch: &str, replaced: &[&str]) -> String {
        let replaced: Vec<String> = replaced.iter().map(|&path| path.to_owned()).collect();
        apply(text, patch, &replaced).unwrap()
    }

    #[test]
    fn what_is_not_named_keeps_its_bytes() {
        let text = "{ // mine\n  a: { b: 0x10, c: 'x' }, // kept\n  d: [1,  2],\n}\n";
        assert_eq!(
            patched(text, "{a: {b: 16, c: null, e: {f: 1, g: null}}, z: null}", &[]),
            "{ // mine\n  a: { b: 0x10, e: {\"f\":1} }, // kept\n  d: [1,  2],\n}\n"
        );
        assert_eq!(patched(text, "{d: [1, 2]}", &[]), text);
        assert_eq!(patched(text, "{d: [3]}", &[]), text.replace("[1,  2]", "[3]"));
        assert_eq!(patched("", "{a: {b: 1}}", &[]), "{\n  a: {\"b\":1}\n}\n");
    }

    #[test]
    fn lists_are_merged_by_id_unless_they_are_to_be_replaced() {
        let text = "{list: [{id: 'a', n: 1}, {id: 'b', n: 2}]}";
        let patch = "{list: [{id: 'b', n: 3}, {id: 'c'}, {id: 'd'}]}";
        assert_eq!(
            patched(text, patch, &[]),
            "{list: [{id: 'a', n: 1}, {id: 'b', n: 3}, {\"id\":\"c\"}, {\"id\":\"d\"}]}"
        );
        let whole = "{list: [{\"id\":\"b\",\"n\":3},{\"id\":\"c\"},{\"id\":\"d\"}]}";
        assert_eq!(patched(text, patch, &["list"]), whole);
    }

    #[test]
    fn keys_that_look_like_paths_are_keys() {
        assert_eq!(patched("{'a.b': {c: 1}}", "{'a.b': {c: 2}}", &[]), "{'a.b': {c: 2}}");
    }

    #[test]
    fn a_patch_is_an_object() {
        assert!(matches!(apply("{}", "[1]", &[]), Err(ConfigError::PatchNotObject)));
        assert!(matches!(apply("{}", "{", &[]), Err(ConfigError::BadValue { .. })));
    }
}
