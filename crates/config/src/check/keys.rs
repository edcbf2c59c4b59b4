//! Keys that are not used here: known to the original, given up, misspelt, or unheard of.

use crate::known::{FORMER_KEYS, Known, near};
use crate::problem::Problem;

/// Notes that the original writes for itself; they were never meant to have an effect.
const NOTES: [&str; 2] = ["meta.migrations", "wizard"];

/// What there is to say about a key that has no type here.
///
/// `siblings` are the keys that are used on its level; `known` the original's names there.
pub(super) fn judge<'n>(
    path: &str,
    key: &str,
    known: Option<&'static Known>,
    siblings: impl Iterator<Item = &'n str>,
) -> Option<Problem> {
    if NOTES.contains(&path) {
        return None;
    }
    if let Some((_, now)) = FORMER_KEYS.iter().find(|(former, _)| *former == path) {
        let problem = Problem::warning(path, "is no longer used, it has no effect");
        return Some(problem.hint(format!("the key is {now} now")));
    }
    if known.is_some_and(|known| known.below(key).is_some()) {
        return Some(unserved(path));
    }
    let original = known.into_iter().flat_map(Known::names).map(|name| -> &'n str { name });
    Some(match near(key, siblings.chain(original)) {
        Some(meant) => Problem::error(path, "unknown key").hint(format!("did you mean {meant}?")),
        None => Problem::warning(path, "unknown key, it has no effect"),
    })
}

/// A key that has no effect here yet, whether it has a type or only a name.
pub(super) fn unserved(path: &str) -> Problem {
    Problem::warning(path, "is not supported by this Gateway yet, it has no effect")
}
