//! A message as every channel hands it in.

/// Longest name that is shown, in characters.
const MAX_NAME: usize = 80;

/// What kind of chat a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatKind {
    /// One person and the account.
    Direct,
    /// Several people.
    Group,
}

/// Who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The person, as the channel names them for ever.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// The name others call them by, which they may change.
    pub username: Option<String>,
}

impl Author {
    /// What people call them, on one line and with no brackets: it stands between such.
    #[must_use]
    pub fn shown_name(&self) -> String {
        let name = self.name.as_ref().or(self.username.as_ref()).unwrap_or(&self.id);
        let plain = |c: char| !(c.is_control() || "[]\u{2028}\u{2029}".contains(c));
        let name: String = name.chars().filter(|c| plain(*c)).take(MAX_NAME).collect();
        if name.trim().is_empty() { self.id.clone() } else { name.trim().to_owned() }
    }
}

/// A message that is replied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Who wrote it.
    pub author: Option<String>,
    /// What it says.
    pub text: String,
}

/// A file of a message that was not fetched yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What kind of file, such as `image` or `voice`.
    pub kind: &'static str,
    /// How the channel names it.
    pub handle: String,
    /// The name it was sent with.
    pub name: Option<String>,
    /// Its type, as it was said to be.
    pub mime: Option<String>,
    /// Its length, as it was said to be.
    pub size: Option<u64>,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Names the message for ever within its account: handed in twice, it is taken once.
    pub key: String,
    /// The chat.
    pub chat: String,
    /// What kind of chat.
    pub kind: ChatKind,
    /// What people call the chat.
    pub title: Option<String>,
    /// The thread or topic in it.
    pub thread: Option<String>,
    /// Who wrote.
    pub author: Author,
    /// The message, as the channel names it.
    pub message_id: String,
    /// What it says, with pictures and the like told in words.
    pub text: String,
    /// What it replies to.
    pub quoted: Option<Quoted>,
    /// The files it brought.
    pub files: Vec<Media>,
    /// Whether the account is meant: by name, or as the one replied to.
    pub mentioned: bool,
}
