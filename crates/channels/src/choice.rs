//! Questions with a few answers: put to a chat, and decided there by those who may.
//!
//! An answer is a command, such as `/approve ID deny`. Whoever reads the chat may type it; a channel that
//! has buttons makes each of them say it. So a channel without them needs nothing of its own.

use futures_util::future::BoxFuture;
use openclaw_store::outbox::Route;

/// The command that decides.
const APPROVE: &str = "/approve";

/// One answer that may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What stands on a button.
    pub label: String,
    /// What is typed to give this answer.
    pub command: String,
}

/// A question with a few answers.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Names the question for ever.
    pub key: &'a str,
    /// Where it is put.
    pub route: &'a Route,
    /// What is asked, in Markdown.
    pub text: &'a str,
    /// The answers.
    pub choices: &'a [Choice],
}

impl Question<'_> {
    /// The question and its answers as text, for a channel without buttons.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut text = format!("{}\n", self.text.trim_end());
        for choice in self.choices {
            text.push_str(&format!("\n{}: `{}`", choice.label, choice.command));
        }
        text
    }
}

/// An answer that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The question's id, or its beginning.
    pub id: String,
    /// The word of the answer, such as `allow-once`.
    pub word: String,
    /// Who gave it.
    pub by: String,
    /// Where.
    pub route: Route,
    /// Whether this person may answer what was asked elsewhere, too.
    pub anywhere: bool,
}

impl Decision {
    /// The id and the word of `/approve ID WORD`; `None` for anything else.
    pub(crate) fn read(text: &str) -> Option<(&str, &str)> {
        let mut words = text.split_whitespace();
        let command = words.next()?;
        if !command.eq_ignore_ascii_case(APPROVE) {
            return None;
        }
        Some((words.next().unwrap_or_default(), words.next().unwrap_or_default()))
    }
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What the person is told.
    pub said: String,
    /// Whether the answer counts.
    pub counts: bool,
    /// Whether the question is over, so that its buttons lead nowhere.
    pub over: bool,
}

impl Decided {
    /// An answer that does not count; the question stays.
    #[must_use]
    pub fn refused(said: &str) -> Self {
        Self { said: said.to_owned(), counts: false, over: false }
    }
}

/// Whoever asked.
pub trait Decide: Send + Sync {
    /// Takes an answer of somebody who may give it.
    fn decide(&self, decision: Decision) -> BoxFuture<'_, Decided>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_command_with_an_id_and_a_word() {
        assert_eq!(Decision::read("/approve 1f deny"), Some(("1f", "deny")));
        assert_eq!(Decision::read(" /Approve  1f\nallow-once x"), Some(("1f", "allow-once")));
        assert_eq!(Decision::read("/approve"), Some(("", "")));
        for other in ["approve 1f deny", "/approved 1f deny", "", "say /approve 1f deny"] {
            assert_eq!(Decision::read(other), None, "{other}");
        }
    }

    #[test]
    fn without_buttons_the_commands_are_told() {
        let choice = |label: &str, word: &str| Choice {
            label: label.to_owned(),
            command: format!("/approve 1f {word}"),
        };
        let choices = [choice("Allow once", "allow-once"), choice("Deny", "deny")];
        let route = Route {
            channel: "webhook".into(),
            account: "door".into(),
            chat: "ada".into(),
            thread: None,
            reply_to: None,
            reply_asked: false,
        };
        let question = Question { key: "k", route: &route, text: "May I?\n", choices: &choices };
        assert_eq!(
            question.in_words(),
            "May I?\n\nAllow once: `/approve 1f allow-once`\nDeny: `/approve 1f deny`"
        );
    }
}
