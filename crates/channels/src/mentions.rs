//! Words by which a group means an agent without naming its account.

use std::collections::BTreeMap;

use openclaw_protocol::ids::AgentId;
use regex::{Regex, RegexBuilder};

/// Longest pattern that is taken, in bytes; more is no name of anybody.
const MAX_PATTERN: usize = 512;
/// Memory that a pattern may take, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// By whom a group may be meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Of every agent without its own.
    shared: Vec<Pattern>,
    by_agent: BTreeMap<AgentId, Vec<Pattern>>,
}

/// A regular expression, whatever the case. It takes time in proportion to the text.
#[derive(Clone, Debug)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// Why a pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// It is longer than any name.
    #[error("has more than {MAX_PATTERN} bytes")]
    Long,
    /// It is no regular expression.
    #[error(transparent)]
    Regex(#[from] regex::Error),
}

impl Mentions {
    /// Reads the patterns of everybody, and of single agents; with those that cannot be used.
    pub fn new(
        shared: &[String],
        by_agent: impl IntoIterator<Item = (AgentId, Vec<String>)>,
    ) -> (Self, Vec<(String, BadPattern)>) {
        let mut bad = Vec::new();
        let mut read = |patterns: &[String]| {
            let mut good = Vec::new();
            for pattern in patterns {
                match compile(pattern) {
                    Ok(regex) => good.push(Pattern(regex)),
                    Err(error) => bad.push((pattern.clone(), error)),
                }
            }
            good
        };
        let shared = read(shared);
        let by_agent = by_agent.into_iter().map(|(agent, list)| (agent, read(&list))).collect();
        (Self { shared, by_agent }, bad)
    }

    /// Whether a text means the agent.
    #[must_use]
    pub fn mean(&self, agent: &AgentId, text: &str) -> bool {
        let patterns = self.by_agent.get(agent).unwrap_or(&self.shared);
        // What cannot be seen cannot keep a name from being one.
        let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        patterns.iter().any(|Pattern(regex)| regex.is_match(&seen))
    }
}

/// The pattern of a name that stands for itself, with or without `@`.
#[must_use]
pub fn of_name(name: &str) -> Option<String> {
    let name = name.trim();
    let words: Vec<String> = name.split_whitespace().map(regex::escape).collect();
    if words.is_empty() {
        return None;
    }
    // A name that is made of other signs than words, such as an emoji, has no ends of words.
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let edge = |word: bool| if word { r"\b" } else { "" };
    let (first, last) = (is_word(name.chars().next()), is_word(name.chars().next_back()));
    let start = if first { r"(?:\b|@)" } else { "" };
    Some(format!("{start}{}{}", words.join(r"\s+"), edge(last)))
}

/// Reads a pattern.
///
/// # Errors
/// When it is too long, too large, or none.
fn compile(pattern: &str) -> Result<Regex, BadPattern> {
    if pattern.len() > MAX_PATTERN {
        return Err(BadPattern::Long);
    }
    let mut builder = RegexBuilder::new(pattern);
    Ok(builder.case_insensitive(true).size_limit(MAX_COMPILED).build()?)
}

const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_meant_by_its_own_patterns_or_those_of_all() {
        let (main, ops) = (AgentId::new("main"), AgentId::new("ops"));
        let own = vec![r"\bops\b".to_owned()];
        let (mentions, bad) = Mentions::new(&["claw(y|ie)?".to_owned()], [(ops.clone(), own)]);
        assert!(bad.is_empty());
        assert!(mentions.mean(&main, "hey CLAWIE, you there?"));
        assert!(mentions.mean(&main, "hey cla\u{200b}wie"));
        assert!(!mentions.mean(&main, "ask ops"));
        assert!(mentions.mean(&ops, "ask Ops!") && !mentions.mean(&ops, "clawie"));
        assert!(!mentions.mean(&ops, "drops"));
    }

    #[test]
    fn a_pattern_that_is_none_is_told_and_the_others_hold() {
        let patterns =
            ["(".to_owned(), "x".repeat(600), "(a{1000}){1000}".to_owned(), "ok".to_owned()];
        let (mentions, bad) = Mentions::new(&patterns, []);
        assert_eq!(bad.len(), 3);
        assert!(mentions.mean(&AgentId::new("main"), "OK"));
    }

    #[test]
    fn a_name_is_a_word_and_not_a_part_of_one() {
        let means = |name: &str, text: &str| {
            let pattern = of_name(name).expect("a name");
            compile(&pattern).expect("a pattern").is_match(text)
        };
        for text in ["Molty, hi", "hi @molty", "MOLTY!"] {
            assert!(means("Molty", text), "{text}");
        }
        assert!(!means("Molty", "moltyping") && !means("Molty", "smolty"));
        assert!(means("Space  Lobster", "dear space lobster?"));
        assert!(means("a.b", "a.b") && !means("a.b", "axb"));
        assert!(means("🦞", "ask🦞now"));
        assert_eq!(of_name("  "), None);
    }
}
