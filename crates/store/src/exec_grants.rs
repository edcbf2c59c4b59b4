//! Who allowed what to run without asking, and when.
//!
//! What is allowed is a file on each machine; these are notes about it, and allow nothing. Bounded: the
//! newest [`MAX_NOTES`].

use rusqlite::{Connection, Row, named_params};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    row::{RowExt as _, count, words},
};

/// Notes that are kept.
pub const MAX_NOTES: usize = 4096;
/// Longest text, in characters.
const MAX_TEXT: usize = 400;

words! {
    /// What a note is about.
    pub enum GrantSubject {
        /// A command that somebody said "always" to.
        Command = "command",
        /// A pattern that was put on the list.
        Pattern = "pattern",
    }
}

/// One note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantNote {
    /// The node on which it holds; empty for the Gateway's own machine.
    pub node: String,
    /// The agent; empty if nobody said.
    pub agent: String,
    /// What it is about.
    pub subject: GrantSubject,
    /// The command or pattern, or its beginning.
    pub text: String,
    /// Who allowed it.
    pub by: String,
    /// From where.
    pub origin: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl GrantNote {
    /// Whether it is about this command or pattern of an agent.
    #[must_use]
    pub fn is_about(&self, agent: &str, subject: GrantSubject, text: &str) -> bool {
        self.subject == subject
            && (self.agent.is_empty() || self.agent == agent)
            && self.text == shortened(text)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Operations on the notes.
#[derive(Clone, Copy)]
pub struct ExecGrants<'a> {
    engine: &'a Engine,
}

impl<'a> ExecGrants<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Adds a note; the oldest make room.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn note(self, note: GrantNote) -> Result<(), StoreError> {
        self.engine.write(Durability::Process, move |conn| add(conn, &note)).await
    }

    /// The notes about a machine, newest first.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn of(self, node: &str) -> Result<Vec<GrantNote>, StoreError> {
        let node = node.to_owned();
        self.engine
            .read(move |conn| {
                let mut statement = conn.prepare_cached(
                    "SELECT * FROM exec_grants WHERE node = ?1 ORDER BY seq DESC",
                )?;
                let notes = statement.query_map([node], note)?;
                Ok(notes.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn note(row: &Row<'_>) -> rusqlite::Result<GrantNote> {
    Ok(GrantNote {
        node: row.get("node")?,
        agent: row.get("agent")?,
        subject: row.word("subject")?,
        text: row.get("text")?,
        by: row.get("granted_by")?,
        origin: row.get("origin")?,
        at_ms: row.get("granted_at_ms")?,
    })
}

fn add(conn: &Connection, note: &GrantNote) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO exec_grants (node, agent, subject, text, granted_by, origin, granted_at_ms)
         VALUES (:node, :agent, :subject, :text, :by, :origin, :at)",
    )?
    .execute(named_params! {
        ":node": note.node, ":agent": note.agent, ":subject": note.subject.as_str(),
        ":text": shortened(&note.text), ":by": note.by, ":origin": note.origin, ":at": note.at_ms,
    })?;
    conn.prepare_cached(
        "DELETE FROM exec_grants WHERE seq IN
             (SELECT seq FROM exec_grants ORDER BY seq DESC LIMIT -1 OFFSET ?1)",
    )?
    .execute([count(MAX_NOTES)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn the_newest_note_comes_first_and_the_oldest_make_room() {
        let store = Store::in_memory().unwrap();
        let grants = store.exec_grants();
        let note = |at_ms: u64| GrantNote {
            node: String::new(),
            agent: "main".to_owned(),
            subject: GrantSubject::Command,
            text: format!("{}{at_ms}", "ls ".repeat(200)),
            by: "owner".to_owned(),
            origin: "door".to_owned(),
            at_ms,
        };
        for at_ms in 0..3 {
            grants.note(note(at_ms)).await.unwrap();
        }
        let other = GrantNote { node: "n".to_owned(), agent: String::new(), ..note(9) };
        grants.note(other).await.unwrap();
        let kept = grants.of("").await.unwrap();
        assert_eq!(kept.iter().map(|note| note.at_ms).collect::<Vec<_>>(), [2, 1, 0]);
        assert!(kept[0].is_about("main", GrantSubject::Command, &"ls ".repeat(200)));
        assert!(!kept[0].is_about("other", GrantSubject::Command, &"ls ".repeat(200)));
        assert!(!kept[0].is_about("main", GrantSubject::Pattern, &"ls ".repeat(200)));
        let of_node = grants.of("n").await.unwrap();
        assert!(of_node[0].is_about("anybody", GrantSubject::Command, &"ls ".repeat(200)));
    }
}
