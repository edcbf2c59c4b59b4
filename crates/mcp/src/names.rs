//! The names that models call tools of servers by: `server__tool`, in letters every provider takes.

use std::collections::BTreeSet;

/// Characters of a server's name that are kept.
const MAX_SERVER: usize = 30;
/// Longest name that every provider takes.
const MAX_NAME: usize = 64;
/// Between the two.
const BETWEEN: &str = "__";

/// The name of a tool of a server, as models call it.
#[must_use]
pub fn tool_name(server: &str, tool: &str) -> String {
    let mut name = prefix(server);
    name.push_str(&plain(tool, "tool"));
    name.truncate(MAX_NAME);
    name
}

/// What the names of all tools of a server begin with.
pub(crate) fn prefix(server: &str) -> String {
    let mut name = plain(server, "server");
    name.truncate(MAX_SERVER);
    name.push_str(BETWEEN);
    name
}

/// Names for all tools of a server, in their order; those that would be the same get a number.
pub(crate) fn distinct(server: &str, tools: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut named = |tool: &String| {
        let name = tool_name(server, tool);
        let numbered = (2_usize..).map(|number| {
            let end = format!("-{number}");
            let mut start = name.clone();
            start.truncate(MAX_NAME - end.len());
            start + &end
        });
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        let free = free.unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    tools.iter().map(&mut named).collect()
}

/// Only letters, digits, `-` and `_`; ASCII, so that it can be cut anywhere.
fn plain(text: &str, instead: &str) -> String {
    let fine = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let text: String = text.trim().chars().map(fine).collect();
    if text.is_empty() { instead.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_every_provider_takes() {
        let long = "x".repeat(100);
        for (server, tool, expected) in [
            ("docs", "search", "docs__search".to_owned()),
            ("my docs", "read.page", "my-docs__read-page".to_owned()),
            ("", "", "server__tool".to_owned()),
            ("Über/uns", "ä", "-ber-uns__-".to_owned()),
            ("a\n b", "c\0d", "a--b__c-d".to_owned()),
            (&long, "t", format!("{}__t", "x".repeat(30))),
            ("s", &long, format!("s__{}", "x".repeat(61))),
        ] {
            assert_eq!(tool_name(server, tool), expected);
        }
    }

    #[test]
    fn no_two_are_the_same() {
        let tools = ["a b", "a.b", "a-b", "c"].map(str::to_owned);
        assert_eq!(distinct("s", &tools), ["s__a-b", "s__a-b-2", "s__a-b-3", "s__c"]);
        let long = [format!("{}1", "x".repeat(80)), format!("{}2", "x".repeat(80))];
        let names = distinct("s", &long);
        assert!(names.iter().all(|name| name.len() == 64) && names[0] != names[1], "{names:?}");
    }
}
