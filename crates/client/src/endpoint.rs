//! One Gateway as a client knows it: how to reach it, what it may be told, whose key it must show.

use std::{path::PathBuf, sync::Arc};

use openclaw_identity::PublicKey;

use crate::{credentials::Plan, dial::Dial, saved::SavedFile};

/// One Gateway.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// How it is reached.
    pub dial: Arc<dyn Dial>,
    /// What it may be told.
    pub plan: Plan,
    /// Whose key it must show.
    pub pin: Pin,
    /// What was learnt about it earlier, and where that is kept.
    pub saved: Option<SavedFile>,
}

impl Endpoint {
    /// A Gateway about which nothing is known yet.
    pub fn new(dial: impl Dial + 'static, plan: Plan) -> Self {
        Self { dial: Arc::new(dial), plan, pin: Pin::None, saved: None }
    }

    /// Requires a key.
    #[must_use]
    pub fn pinned(mut self, key: PublicKey) -> Self {
        self.pin = Pin::State(key);
        self
    }

    /// Requires the key that a code names.
    #[must_use]
    pub fn named_by_code(mut self, key: PublicKey) -> Self {
        self.pin = Pin::Code(key);
        self
    }

    /// Keeps what is learnt in a file, and requires the key that stands there.
    #[must_use]
    pub fn saved(mut self, file: SavedFile) -> Self {
        self.saved = Some(file);
        self
    }
}

/// The key an endpoint must show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// None is known; the first that is proven is kept.
    #[default]
    None,
    /// The key in the state folder: this is the local Gateway.
    State(PublicKey),
    /// The key in the code that led here.
    Code(PublicKey),
    /// The key this endpoint showed before, and the file that says so.
    Saved(PublicKey, PathBuf),
}

impl Pin {
    /// The key, if one is known.
    #[must_use]
    pub const fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::None => None,
            Self::State(key) | Self::Code(key) | Self::Saved(key, _) => Some(key),
        }
    }

    /// The command that forgets the pin, or finds out who answers instead.
    #[must_use]
    pub fn forget_hint(&self) -> String {
        match self {
            Self::None => "nothing is pinned".to_owned(),
            Self::State(_) => {
                "another program has the port; if that is your tunnel to another Gateway, name it: \
                 --url ws://127.0.0.1:PORT --token TOKEN"
                    .to_owned()
            }
            Self::Code(_) => {
                "the code is of another Gateway than the one that answers at its address: make a new \
                 one with `openclaw devices join-code` on the Gateway's host"
                    .to_owned()
            }
            Self::Saved(_, path) => format!(
                "only if the Gateway was set up anew, forget its key: rm {}",
                quoted(&path.display().to_string())
            ),
        }
    }
}

/// Quotes a path for a shell unless it is plain.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// What the Gateway proved of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It holds this key, and proved so for this connection.
    Proven(PublicKey),
    /// It offers no proof: taken for the original's.
    Unproven,
}

impl Proof {
    /// The proven key.
    #[must_use]
    pub const fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Proven(key) => Some(key),
            Self::Unproven => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted("/a/b-1.json"), "/a/b-1.json");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
