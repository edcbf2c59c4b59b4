//! Reading a transcript in pieces: the tail, older pages, and what came after a cursor.
//!
//! A transcript only grows, and its messages are counted from 1 without gaps, so a place in it is a
//! number. A cursor names the transcript and that number; after a reset the transcript is another, and
//! the cursor is of no use.

use openclaw_protocol::{ids::SessionId, transcript::TranscriptMessage};
use openclaw_store::{
    StoreError,
    transcripts::{MessageRow, Transcripts},
};

use crate::shape::message::{Show, shown};

/// Largest answer, in bytes.
pub const MAX_HISTORY_BYTES: usize = 6 * 1024 * 1024;
/// Messages of an answer unless the client says otherwise.
pub const DEFAULT_LIMIT: usize = 200;
/// Messages of an answer at most.
pub const MAX_LIMIT: usize = 1_000;

/// Which part of a transcript, and how it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Most messages.
    pub limit: usize,
    /// How many of the latest are left out.
    pub offset: u64,
    /// Most bytes.
    pub max_bytes: usize,
    /// How each is shown.
    pub show: Show,
}

/// Some messages of a transcript, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<TranscriptMessage>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// Where these begin.
    pub next_offset: Option<u64>,
    /// How many messages the transcript has.
    pub total: u64,
}

/// What is new since a cursor.
#[derive(Clone, Debug, PartialEq)]
pub enum Since {
    /// These, oldest first, and where to go on.
    Delta(Vec<TranscriptMessage>, Cursor),
    /// The cursor is of no use any more.
    Reset,
}

/// A place in a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The transcript.
    pub session_id: SessionId,
    /// The last message that was given out; 0 before the first.
    pub seq: u64,
}

impl Cursor {
    /// Reads what [`Cursor`]'s `Display` wrote.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (session_id, seq) = raw.strip_prefix("v1:")?.rsplit_once(':')?;
        Some(Self { session_id: SessionId::new(session_id), seq: seq.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v1:{}:{}", self.session_id, self.seq)
    }
}

/// Reads a page that ends `offset` messages before the end.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(
    transcripts: Transcripts<'_>,
    session_id: &SessionId,
    window: Window,
) -> Result<Page, StoreError> {
    let total = transcripts.count(session_id).await?;
    let last = total.saturating_sub(window.offset);
    let rows = if last == 0 {
        Vec::new()
    } else {
        transcripts.tail(session_id, window.limit, Some(last + 1)).await?
    };
    Ok(fill(&rows, total, window))
}

fn fill(rows: &[MessageRow], total: u64, window: Window) -> Page {
    let messages = fit(rows.iter().map(|row| shown(row, window.show)), window.max_bytes);
    let given = messages.len() as u64;
    let older = total.saturating_sub(window.offset).saturating_sub(given);
    let has_more = older > 0;
    Page { messages, has_more, next_offset: has_more.then_some(window.offset + given), total }
}

/// Keeps the latest messages that fit together into so many bytes, at least one.
fn fit(
    messages: impl DoubleEndedIterator<Item = TranscriptMessage>,
    max_bytes: usize,
) -> Vec<TranscriptMessage> {
    let mut bytes: usize = 0;
    let mut kept = Vec::new();
    for message in messages.rev() {
        let size = serde_json::to_vec(&message).map_or(usize::MAX, |json| json.len());
        bytes = size.saturating_add(bytes);
        if bytes > max_bytes && !kept.is_empty() {
            break;
        }
        kept.push(message);
    }
    kept.reverse();
    kept
}

/// Reads what came after a cursor, if the transcript is still the one of `session_id` and the answer
/// is complete within the window.
///
/// # Errors
/// When the store cannot be read.
pub async fn since(
    transcripts: Transcripts<'_>,
    session_id: &SessionId,
    cursor: &str,
    window: Window,
) -> Result<Since, StoreError> {
    let Some(cursor) = Cursor::parse(cursor).filter(|cursor| cursor.session_id == *session_id)
    else {
        return Ok(Since::Reset);
    };
    let rows = transcripts.since(session_id, cursor.seq, window.limit + 1).await?;
    if rows.len() > window.limit {
        return Ok(Since::Reset);
    }
    let seq = match rows.last() {
        Some(last) => last.seq,
        // A cursor from beyond the end was not made by this transcript.
        None if cursor.seq > transcripts.count(session_id).await? => return Ok(Since::Reset),
        None => cursor.seq,
    };
    let messages = fit(rows.iter().map(|row| shown(row, window.show)), window.max_bytes);
    if messages.len() < rows.len() {
        return Ok(Since::Reset);
    }
    Ok(Since::Delta(messages, Cursor { session_id: session_id.clone(), seq }))
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::ids::{AgentId, SessionKey};
    use openclaw_store::{
        Store,
        transcripts::{MessageRole, NewMessage},
    };

    use super::*;

    const WINDOW: Window = Window {
        limit: 3,
        offset: 0,
        max_bytes: MAX_HISTORY_BYTES,
        show: Show { max_chars: 100, usage: true },
    };

    async fn transcript(texts: usize) -> (Store, SessionId) {
        let store = Store::in_memory().expect("store");
        let (key, agent) = (SessionKey::new("agent:main:main"), AgentId::new("main"));
        let opened = store.sessions().get_or_create(&key, &agent, 1).await.expect("session");
        let id = opened.entry.session_id;
        let said = |at: usize| NewMessage::text(MessageRole::User, format!("t{at}"), at as u64);
        let messages = (1..=texts).map(said).collect();
        store.transcripts().append(&id, messages).await.expect("appended");
        (store, id)
    }

    fn texts(messages: &[TranscriptMessage]) -> String {
        let texts: Vec<_> = messages.iter().map(|message| message.content.plain_text()).collect();
        texts.join(" ")
    }

    #[tokio::test]
    async fn pages_lead_back_to_the_beginning() {
        let (store, id) = transcript(7).await;
        let mut seen = Vec::new();
        let mut offset = Some(0);
        while let Some(from) = offset {
            let window = Window { offset: from, ..WINDOW };
            let page = page(store.transcripts(), &id, window).await.expect("page");
            assert_eq!((page.total, page.has_more), (7, page.next_offset.is_some()));
            offset = page.next_offset;
            seen.push(texts(&page.messages));
        }
        assert_eq!(seen, ["t5 t6 t7", "t2 t3 t4", "t1"]);
        let beyond = page(store.transcripts(), &id, Window { offset: 9, ..WINDOW }).await;
        assert_eq!(beyond.expect("page").messages, Vec::new());
    }

    #[tokio::test]
    async fn an_answer_keeps_the_latest_that_fit() {
        let (store, id) = transcript(5).await;
        let one = page(store.transcripts(), &id, Window { max_bytes: 1, ..WINDOW }).await;
        let one = one.expect("page");
        assert_eq!((texts(&one.messages).as_str(), one.next_offset), ("t5", Some(1)));
    }

    #[tokio::test]
    async fn a_cursor_gives_what_is_new() {
        let (store, id) = transcript(4).await;
        let read = async |cursor: &Cursor| {
            let found = since(store.transcripts(), &id, &cursor.to_string(), WINDOW).await;
            found.expect("readable")
        };
        let at = |seq: u64| Cursor { session_id: id.clone(), seq };
        match read(&at(2)).await {
            Since::Delta(messages, next) => {
                assert_eq!((texts(&messages).as_str(), next), ("t3 t4", at(4)));
            }
            Since::Reset => panic!("the cursor is good"),
        }
        assert_eq!(read(&at(4)).await, Since::Delta(Vec::new(), at(4)));
        assert_eq!(read(&at(0)).await, Since::Reset, "more than the window holds");
        assert_eq!(read(&at(5)).await, Since::Reset, "beyond the end");
        let other = Cursor { session_id: SessionId::new("other"), seq: 1 };
        assert_eq!(read(&other).await, Since::Reset);
    }

    #[test]
    fn cursors_read_as_they_were_written() {
        let cursor = Cursor { session_id: SessionId::new("a:b"), seq: 12 };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for bad in ["", "v1:a", "v1:a:x", "v2:a:1", "v1:a:-1"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
