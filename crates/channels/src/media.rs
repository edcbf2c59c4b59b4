//! Files that people send: told from afar first, fetched once it is known that they may write.

use futures_util::future::{BoxFuture, join_all};

use openclaw_store::outbox::Route;

use crate::message::{Inbound, Media};

/// Longest name of a file, in characters.
const MAX_NAME: usize = 80;
/// Files of one message that are fetched.
const MAX_FILES: usize = 10;

/// A file as a channel fetched it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What the service calls it.
    pub name: Option<String>,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// A file of a message, for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What kind of file.
    pub kind: &'static str,
    /// A name that is safe to use for a file.
    pub name: String,
    /// Its type, as it was said to be.
    pub mime: Option<String>,
    /// All of it, or why it could not be had.
    pub content: Result<Vec<u8>, String>,
}

/// What is asked of the service that messages come from.
pub(crate) trait Service: Send + Sync {
    /// Puts a reaction on the message that a route replies to; whether it is there.
    fn react<'a>(&'a self, route: &'a Route, emoji: &'a str) -> BoxFuture<'a, bool>;

    /// Fetches one, or says why it cannot be had.
    fn fetch<'a>(&'a self, media: &'a Media) -> BoxFuture<'a, Result<Fetched, String>>;
}

/// Fetches what a message brought.
pub(crate) async fn fetch(channel: &dyn Service, message: &Inbound) -> Vec<Received> {
    let all = message.files.iter().take(MAX_FILES);
    join_all(all.map(|media| async move {
        let fetched = channel.fetch(media).await;
        let (told, content) = match fetched {
            Ok(fetched) => (fetched.name, Ok(fetched.bytes)),
            Err(why) => (None, Err(why)),
        };
        let name = media.name.as_deref().or(told.as_deref()).unwrap_or(media.kind);
        Received {
            kind: media.kind,
            name: safe_name(name, media.kind),
            mime: media.mime.clone(),
            content,
        }
    }))
    .await
}

/// The last part of a name, with nothing in it that means something to a shell or a path.
fn safe_name(name: &str, otherwise: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let clean: Vec<char> = last.chars().map(plain).collect();
    // The end says what it is.
    let end = clean.get(clean.len().saturating_sub(MAX_NAME)..).unwrap_or_default();
    let name: String = end.iter().collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe() {
        for (name, safe) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..", "voice"),
            (".bashrc", "bashrc"),
            ("-rf *", "rf__"),
            ("a b;$(c).txt", "a_b___c_.txt"),
            ("C:\\x\\y.doc", "y.doc"),
            ("", "voice"),
        ] {
            assert_eq!(safe_name(name, "voice"), safe, "{name}");
        }
        let long = safe_name(&format!("{}.pdf", "x".repeat(300)), "voice");
        assert!(long.ends_with("x.pdf") && long.len() == MAX_NAME);
    }
}
