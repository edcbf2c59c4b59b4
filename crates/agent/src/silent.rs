//! Silence: a model that has nothing to say answers with the token `NO_REPLY`.
//!
//! An answer is silent if it starts with the token as a word of its own or ends with it at a word
//! boundary. While an answer streams, text that could still become the token is held back.

const TOKEN: &str = "NO_REPLY";

/// Whether a whole answer means silence.
#[must_use]
pub(crate) fn is_silent(text: &str) -> bool {
    let text = text.trim();
    let starts =
        text.strip_prefix(TOKEN).is_some_and(|rest| !rest.chars().next().is_some_and(is_word));
    let ends = text
        .strip_suffix(TOKEN)
        .is_some_and(|before| !before.chars().next_back().is_some_and(is_word));
    starts || ends
}

/// Whether a beginning must not be shown yet, because it is or may become the token.
#[must_use]
pub(crate) fn hold_back(text: &str) -> bool {
    let text = text.trim();
    TOKEN.starts_with(text) || is_silent(text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_word_at_an_edge() {
        for silent in ["NO_REPLY", " NO_REPLY\n", "NO_REPLY.", "NO_REPLY: nothing", "ok. NO_REPLY"]
        {
            assert!(is_silent(silent), "{silent:?}");
        }
        for heard in ["", "NO_REPLYING", "say NO_REPLY to it", "XNO_REPLY", "no_reply"] {
            assert!(!is_silent(heard), "{heard:?}");
        }
    }

    #[test]
    fn beginnings_of_the_token_are_held_back() {
        for held in ["", " ", "N", "NO", "NO_REP", "NO_REPLY", "NO_REPLY "] {
            assert!(hold_back(held), "{held:?}");
        }
        for shown in ["No", "NOT", "NO_REPLYING", "Hello"] {
            assert!(!hold_back(shown), "{shown:?}");
        }
    }
}
