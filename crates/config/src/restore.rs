//! Putting back what was hidden: a text that was shown with its secrets replaced comes back edited, and
//! every placeholder in it becomes what stood there, byte by byte.

use crate::edit::splice;
use crate::error::ConfigError;
use crate::redact;
use crate::secret::REDACTED;
use crate::syntax::{self, Document, Lines, Node, Value};

/// The text with its placeholders replaced by what the original has in their places.
///
/// A text that is not JSON5 is given back as it is; whoever checks it says where it is wrong.
///
/// # Errors
/// [`ConfigError::LostSecret`] for a placeholder that stands where nothing was hidden.
pub(crate) fn restore(text: &str, original: &str) -> Result<String, ConfigError> {
    if !text.contains(REDACTED) {
        return Ok(text.to_owned());
    }
    let Ok(document) = syntax::parse(text, 0) else { return Ok(text.to_owned()) };
    let hidden = Hidden::of(original);
    let mut cuts = Vec::new();
    let pair = hidden.as_ref().map(|hidden| (&hidden.shown.root, &hidden.written.root));
    node(&document.root, pair, original, &mut cuts).map_err(|at| lost(text, at))?;
    if let Some(hidden) = &hidden {
        comments(text, &document, hidden, original, &mut cuts);
    }
    Ok(splice(text, cuts))
}

/// The original, as it stands and as it was shown.
struct Hidden {
    written: Document,
    shown: Document,
    shown_text: String,
}

impl Hidden {
    fn of(original: &str) -> Option<Self> {
        let written = syntax::parse(original, 0).ok()?;
        let shown_text = redact::text(original, &written);
        let shown = syntax::parse(&shown_text, 0).ok()?;
        Some(Self { written, shown, shown_text })
    }
}

type Cuts = Vec<(std::ops::Range<usize>, String)>;

/// A value as it was shown, and as it stands.
type Pair<'a> = Option<(&'a Node, &'a Node)>;

fn node(new: &Node, pair: Pair<'_>, original: &str, cuts: &mut Cuts) -> Result<(), usize> {
    let start = new.span.range().start;
    match &new.value {
        Value::String(text) if text.contains(REDACTED) => {
            let same = pair.filter(|(shown, _)| shown.as_str() == Some(text));
            let written = same.and_then(|(_, written)| original.get(written.span.range()));
            cuts.push((new.span.range(), written.ok_or(start)?.to_owned()));
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                node(item, counterpart(item, place, items.len(), pair), original, cuts)?;
            }
        }
        Value::Object(members) => {
            for member in members {
                if member.key.contains(REDACTED) {
                    return Err(member.key_span.range().start);
                }
                let inner = pair.and_then(|(shown, written)| {
                    Some((&shown.get(&member.key)?.node, &written.get(&member.key)?.node))
                });
                node(&member.node, inner, original, cuts)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The item of a list that this one was: the one of the same id; where there are no ids, the one in the
/// same place of a list as long as this one.
fn counterpart<'a>(item: &Node, place: usize, length: usize, pair: Pair<'a>) -> Pair<'a> {
    let (shown, written) = pair?;
    let at = match id(item) {
        Some(name) => shown.items().iter().position(|other| id(other) == Some(name))?,
        None if shown.items().len() == length => place,
        None => return None,
    };
    Some((shown.items().get(at)?, written.items().get(at)?))
}

pub(crate) fn id(node: &Node) -> Option<&str> {
    node.get("id")?.node.as_str()
}

/// A comment that nobody touched gets its words back; another one is what its writer made of it.
fn comments(text: &str, document: &Document, hidden: &Hidden, original: &str, cuts: &mut Cuts) {
    for comment in &document.comments {
        let words = text.get(comment.range()).unwrap_or("");
        if !words.contains(REDACTED) {
            continue;
        }
        let mut known = hidden.shown.comments.iter().zip(&hidden.written.comments);
        let same = known.find(|(shown, _)| hidden.shown_text.get(shown.range()) == Some(words));
        if let Some(before) = same.and_then(|(_, written)| original.get(written.range())) {
            cuts.push((comment.range(), before.to_owned()));
        }
    }
}

fn lost(text: &str, at: usize) -> ConfigError {
    let (line, column) = Lines::of(text).position(text, at);
    ConfigError::LostSecret { line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str = "{ // the token: 'old-secret-1'
  gateway: { auth: { token: 'secret-of-mine', }, port: 1 },
  list: [{ id: 'a', apiKey: \"key-of-a\" }, { id: 'b', apiKey: 'key-of-b' }],
  plain: [{ token: 'first-one' }, { token: 'second-one' }],
  url: 'https://me:pass@host/x', copy: 'secret-of-mine',
}\n";

    fn shown() -> String {
        let text = redact::text(ORIGINAL, &syntax::parse(ORIGINAL, 0).unwrap());
        for secret in ["secret-of-mine", "key-of", "-one", "pass@", "old-secret"] {
            assert!(!text.contains(secret), "{text}");
        }
        text
    }

    #[test]
    fn what_was_shown_and_not_touched_is_what_it_was() {
        assert_eq!(restore(&shown(), ORIGINAL).unwrap(), ORIGINAL);
        let edited = shown().replace("port: 1", "port: 2");
        assert_eq!(restore(&edited, ORIGINAL).unwrap(), ORIGINAL.replace("port: 1", "port: 2"));
    }

    #[test]
    fn items_are_known_by_their_id() {
        let edited = shown().replace(&format!("{{ id: 'a', apiKey: \"{REDACTED}\" }}, "), "");
        let expected = ORIGINAL.replace("{ id: 'a', apiKey: \"key-of-a\" }, ", "");
        assert_eq!(restore(&edited, ORIGINAL).unwrap(), expected);
    }

    #[test]
    fn a_placeholder_with_nothing_behind_it_is_refused_with_its_line() {
        let at_item = shown().replacen(&format!("{{ token: \"{REDACTED}\" }}, "), "", 1);
        for (text, line) in [
            (format!("{{\n a: '{REDACTED}' }}"), 2),
            (format!("{{ '{REDACTED}': 1 }}"), 1),
            (format!("{{ gateway: {{ port: '{REDACTED}' }} }}"), 1),
            (at_item, 4),
        ] {
            let refused = restore(&text, ORIGINAL).unwrap_err();
            let at = matches!(refused, ConfigError::LostSecret { line: at, .. } if at == line);
            assert!(at, "{text}: {refused:?}");
        }
        assert!(restore(&format!("{{ a: '{REDACTED}' }}"), "not json").is_err());
    }

    #[test]
    fn a_broken_text_is_left_to_the_check() {
        let broken = format!("{{ a: '{REDACTED}'");
        assert_eq!(restore(&broken, ORIGINAL).unwrap(), broken);
    }
}
