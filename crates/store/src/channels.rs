//! What channels remember: how far they have read, who was let in, who asks to be.
//!
//! Everything here survives a power cut once it is acknowledged.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::{
    engine::{Durability, Engine},
    error::StoreError,
    outbox::{self, NewDelivery},
};

/// How far an account has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Whose numbers these are, such as the id of a bot: another one counts anew.
    pub scope: String,
    /// The next number that was not read.
    pub position: i64,
}

/// A person who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The channel.
    pub channel: String,
    /// Its account.
    pub account: String,
    /// The person, as the channel names them for ever.
    pub sender: String,
    /// A name for people.
    pub name: Option<String>,
    /// Where they are written to.
    pub chat: String,
    /// When.
    pub approved_at_ms: u64,
}

/// A person who asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The channel.
    pub channel: String,
    /// Its account.
    pub account: String,
    /// The person, as the channel names them for ever.
    pub sender: String,
    /// What they were told to have approved.
    pub code: String,
    /// A name for people.
    pub name: Option<String>,
    /// Where they are written to.
    pub chat: String,
    /// When they asked first.
    pub created_at_ms: u64,
    /// When they asked last.
    pub last_seen_at_ms: u64,
    /// When the code ends.
    pub expires_at_ms: u64,
}

/// What became of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The request is new, and the answer to it is in the outbox.
    New,
    /// The person waits already.
    Waits,
    /// Too many wait.
    Full,
    /// The person has been let in.
    Allowed,
}

/// Operations on channels.
#[derive(Clone, Copy)]
pub struct Channels<'a> {
    engine: &'a Engine,
}

impl<'a> Channels<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// How far an account has read.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn offset(self, channel: &str, account: &str) -> Result<Option<Offset>, StoreError> {
        let (channel, account) = (channel.to_owned(), account.to_owned());
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT scope, position FROM channel_offsets
                     WHERE channel = ?1 AND account = ?2",
                )?;
                let offset = select.query_row([channel, account], |row| {
                    Ok(Offset { scope: row.get("scope")?, position: row.get("position")? })
                });
                Ok(offset.optional()?)
            })
            .await
    }

    /// Whether a person was let in.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn is_allowed(
        self,
        channel: &str,
        account: &str,
        sender: &str,
    ) -> Result<bool, StoreError> {
        let key = [channel.to_owned(), account.to_owned(), sender.to_owned()];
        self.engine.read(move |conn| is_allowed(conn, &key)).await
    }

    /// The people who were let in.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn senders(self) -> Result<Vec<Sender>, StoreError> {
        self.engine
            .read(|conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM channel_senders ORDER BY channel, account, approved_at_ms",
                )?;
                let rows = select.query_map([], sender)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Takes back that a person was let in; whether they had been.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn forget(
        self,
        channel: &str,
        account: &str,
        sender: &str,
    ) -> Result<bool, StoreError> {
        let key = [channel.to_owned(), account.to_owned(), sender.to_owned()];
        self.engine
            .write(Durability::Power, move |conn| {
                let count = conn
                    .prepare_cached(
                        "DELETE FROM channel_senders
                         WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                    )?
                    .execute(key)?;
                Ok(count > 0)
            })
            .await
    }

    /// Notes that a person asks, and puts the answer into the outbox in the same breath, so that
    /// there is exactly one. Of one account at most `most` wait.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn ask(
        self,
        request: Request,
        answer: NewDelivery,
        most: usize,
    ) -> Result<Asked, StoreError> {
        self.engine.write(Durability::Power, move |conn| ask(conn, &request, answer, most)).await
    }

    /// Those who wait.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn requests(self, now_ms: u64) -> Result<Vec<Request>, StoreError> {
        self.engine
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT * FROM channel_requests WHERE expires_at_ms > ?1 ORDER BY created_at_ms",
                )?;
                let rows = select.query_map([now_ms], request)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Lets in who was told this code; `None` if nobody was, or too long ago.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn approve(
        self,
        channel: &str,
        account: Option<&str>,
        code: &str,
        now_ms: u64,
    ) -> Result<Option<Sender>, StoreError> {
        let (channel, code) = (channel.to_owned(), code.to_owned());
        let account = account.map(str::to_owned);
        self.engine
            .write(Durability::Power, move |conn| {
                let Some(request) = take(conn, &channel, account.as_deref(), &code, now_ms)? else {
                    return Ok(None);
                };
                let sender = Sender {
                    channel: request.channel,
                    account: request.account,
                    sender: request.sender,
                    name: request.name,
                    chat: request.chat,
                    approved_at_ms: now_ms,
                };
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO channel_senders
                     VALUES (:channel, :account, :sender, :name, :chat, :now)",
                )?
                .execute(named_params! {
                    ":channel": sender.channel, ":account": sender.account,
                    ":sender": sender.sender, ":name": sender.name, ":chat": sender.chat,
                    ":now": now_ms,
                })?;
                Ok(Some(sender))
            })
            .await
    }

    /// Lets a request go without letting the person in.
    ///
    /// # Errors
    /// [`StoreError`] as described there.
    pub async fn dismiss(
        self,
        channel: &str,
        account: Option<&str>,
        code: &str,
        now_ms: u64,
    ) -> Result<Option<Request>, StoreError> {
        let (channel, code) = (channel.to_owned(), code.to_owned());
        let account = account.map(str::to_owned);
        self.engine
            .write(Durability::Power, move |conn| {
                take(conn, &channel, account.as_deref(), &code, now_ms)
            })
            .await
    }
}

/// Notes how far an account has read.
pub(crate) fn put_offset(
    conn: &Connection,
    channel: &str,
    account: &str,
    offset: &Offset,
    now_ms: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO channel_offsets VALUES (:channel, :account, :scope, :position, :now)
         ON CONFLICT (channel, account) DO UPDATE SET scope = :scope,
             position = :position, updated_at_ms = :now",
    )?
    .execute(named_params! {
        ":channel": channel, ":account": account, ":scope": offset.scope,
        ":position": offset.position, ":now": now_ms,
    })?;
    Ok(())
}

fn is_allowed(conn: &Connection, key: &[String; 3]) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT 1 FROM channel_senders WHERE channel = ?1 AND account = ?2 AND sender = ?3",
    )?;
    Ok(select.exists([&key[0], &key[1], &key[2]])?)
}

fn ask(
    conn: &Connection,
    asks: &Request,
    answer: NewDelivery,
    most: usize,
) -> Result<Asked, StoreError> {
    let key = [asks.channel.clone(), asks.account.clone(), asks.sender.clone()];
    if is_allowed(conn, &key)? {
        return Ok(Asked::Allowed);
    }
    conn.prepare_cached("DELETE FROM channel_requests WHERE expires_at_ms <= ?1")?
        .execute([asks.created_at_ms])?;
    let seen = conn
        .prepare_cached(
            "UPDATE channel_requests SET last_seen_at_ms = :now
             WHERE channel = :channel AND account = :account AND sender = :sender",
        )?
        .execute(named_params! {
            ":channel": key[0], ":account": key[1], ":sender": key[2],
            ":now": asks.last_seen_at_ms,
        })?;
    if seen > 0 {
        return Ok(Asked::Waits);
    }
    let waiting: usize = conn
        .prepare_cached(
            "SELECT count(*) FROM channel_requests WHERE channel = ?1 AND account = ?2",
        )?
        .query_row([&key[0], &key[1]], |row| row.get(0))?;
    if waiting >= most {
        return Ok(Asked::Full);
    }
    conn.prepare_cached(
        "INSERT INTO channel_requests VALUES
             (:channel, :account, :sender, :code, :name, :chat, :created, :seen, :expires)",
    )?
    .execute(named_params! {
        ":channel": key[0], ":account": key[1], ":sender": key[2], ":code": asks.code,
        ":name": asks.name, ":chat": asks.chat, ":created": asks.created_at_ms,
        ":seen": asks.last_seen_at_ms, ":expires": asks.expires_at_ms,
    })?;
    outbox::insert(conn, answer, asks.created_at_ms)?;
    Ok(Asked::New)
}

/// Takes the request with a code out of those that wait.
fn take(
    conn: &Connection,
    channel: &str,
    account: Option<&str>,
    code: &str,
    now_ms: u64,
) -> Result<Option<Request>, StoreError> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM channel_requests
         WHERE channel = :channel AND (:account IS NULL OR account = :account)
             AND upper(code) = upper(:code) AND expires_at_ms > :now
         RETURNING *",
    )?;
    let taken = delete.query_row(
        named_params! {
            ":channel": channel, ":account": account, ":code": code, ":now": now_ms,
        },
        request,
    );
    Ok(taken.optional()?)
}

fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    Ok(Request {
        channel: row.get("channel")?,
        account: row.get("account")?,
        sender: row.get("sender")?,
        code: row.get("code")?,
        name: row.get("name")?,
        chat: row.get("chat")?,
        created_at_ms: row.get("created_at_ms")?,
        last_seen_at_ms: row.get("last_seen_at_ms")?,
        expires_at_ms: row.get("expires_at_ms")?,
    })
}

fn sender(row: &Row<'_>) -> rusqlite::Result<Sender> {
    Ok(Sender {
        channel: row.get("channel")?,
        account: row.get("account")?,
        sender: row.get("sender")?,
        name: row.get("name")?,
        chat: row.get("chat")?,
        approved_at_ms: row.get("approved_at_ms")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, outbox::Route};

    fn asks(sender: &str, now: u64) -> (Request, NewDelivery) {
        let request = Request {
            channel: "telegram".into(),
            account: "default".into(),
            sender: sender.into(),
            code: format!("CODE{sender}"),
            name: Some("Ada".into()),
            chat: sender.into(),
            created_at_ms: now,
            last_seen_at_ms: now,
            expires_at_ms: now + 100,
        };
        let route = Route {
            channel: "telegram".into(),
            account: "default".into(),
            chat: sender.into(),
            thread: None,
            reply_to: None,
            reply_asked: false,
        };
        (request, NewDelivery::new(format!("pair:{sender}:{now}"), route, "who are you?"))
    }

    #[tokio::test]
    async fn a_stranger_is_answered_once_and_let_in_by_the_code() {
        let store = Store::in_memory().expect("a store");
        let ask = async |sender: &str, now: u64| {
            let (request, answer) = asks(sender, now);
            store.channels().ask(request, answer, 3).await.expect("asked")
        };
        assert_eq!(ask("1", 10).await, Asked::New);
        assert_eq!(ask("1", 20).await, Asked::Waits);
        assert_eq!(store.outbox().heads().await.expect("heads").len(), 1);
        assert_eq!(ask("2", 20).await, Asked::New);
        assert_eq!(ask("3", 20).await, Asked::New);
        assert_eq!(ask("4", 20).await, Asked::Full);
        let waiting = store.channels().requests(20).await.expect("requests");
        assert_eq!((waiting.len(), waiting[0].last_seen_at_ms), (3, 20));

        let approve = async |code: &str, now| {
            store.channels().approve("telegram", None, code, now).await.expect("approved")
        };
        assert_eq!(approve("CODE9", 30).await, None);
        assert_eq!(approve("code1", 30).await.expect("let in").sender, "1");
        assert_eq!(approve("CODE1", 30).await, None, "a code works once");
        assert_eq!(approve("CODE2", 130).await, None, "and not for ever");
        assert_eq!(ask("1", 40).await, Asked::Allowed);
        assert!(store.channels().is_allowed("telegram", "default", "1").await.expect("read"));
        assert!(!store.channels().is_allowed("telegram", "other", "1").await.expect("read"));
        assert!(store.channels().forget("telegram", "default", "1").await.expect("forgotten"));
        assert!(store.channels().senders().await.expect("senders").is_empty());
    }
}
