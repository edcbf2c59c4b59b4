//! The chat that a session is about, as its entry keeps it.

use openclaw_store::{outbox::Route, sessions::SessionEntry};
use serde_json::Value;

/// Where the last message of a session came from, if it came over a channel.
#[must_use]
pub fn of_session(entry: &SessionEntry) -> Option<Route> {
    let delivery = entry.extra.get("deliveryContext")?;
    let field = |name: &str| delivery.get(name).and_then(Value::as_str);
    let channel = field("channel")?.to_owned();
    let chat = field("to")?.strip_prefix(&format!("{channel}:"))?.to_owned();
    let account = field("accountId")?.to_owned();
    let thread = field("threadId").map(str::to_owned);
    Some(Route { channel, account, chat, thread, reply_to: None, reply_asked: false })
}
