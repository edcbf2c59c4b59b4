//! Keeping what was given to a server out of what is said about it.

use secrecy::{ExposeSecret, SecretString};

/// Shorter values are words, and hiding them would only make the text unreadable.
const SHORTEST: usize = 6;

/// Values that are replaced wherever they appear.
#[derive(Clone, Default)]
pub(crate) struct Hiding(Vec<SecretString>);

impl Hiding {
    pub(crate) fn of<'s>(secrets: impl Iterator<Item = &'s SecretString>) -> Self {
        let mut secrets: Vec<SecretString> =
            secrets.filter(|secret| secret.expose_secret().len() >= SHORTEST).cloned().collect();
        // One that holds another goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self(secrets)
    }

    /// A text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        let hide =
            |text: String, secret: &SecretString| text.replace(secret.expose_secret(), "***");
        self.0.iter().fold(text.to_owned(), hide)
    }
}

impl std::fmt::Debug for Hiding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hiding({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_and_words_are_not() {
        let secrets = ["hunter2-and-more", "hunter2", "no"].map(SecretString::from);
        let hiding = Hiding::of(secrets.iter());
        assert_eq!(hiding.hide("no: hunter2-and-more, hunter2!"), "no: ***, ***!");
        assert_eq!(format!("{hiding:?}"), "Hiding(2)");
    }
}
