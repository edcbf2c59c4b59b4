//! The bounded queue of one connection: what waits to be written to its socket.
//!
//! When the bytes that wait exceed the limit, droppable events are skipped (their sequence number is
//! consumed, so the client sees a gap) and anything else marks the connection as a slow consumer, which
//! closes it. A response is therefore never lost in silence.

use std::{collections::VecDeque, sync::Arc};

use openclaw_protocol::{
    frame::{StateVersion, encode_event},
    row::EventRow,
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::Notify;

/// An event whose payload was serialised once for everybody.
#[derive(Clone, Debug)]
pub struct SharedEvent {
    /// Its row.
    pub row: &'static EventRow,
    /// The payload, shared by all queues.
    pub payload: Arc<RawValue>,
    /// Versions, on presence and health events.
    pub state_version: Option<StateVersion>,
    /// Events with the same key may replace each other while they wait.
    pub coalesce: Option<Arc<str>>,
}

#[derive(Debug)]
enum Item {
    Text(String),
    Event { event: SharedEvent, seq: Option<u64> },
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Event { event, .. } => event.payload.get().len() + event.row.name.len() + 64,
        }
    }

    fn encode(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Event { event, seq } => {
                encode_event(event.row.name, &event.payload, seq, event.state_version)
            }
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    seq: u64,
    overflowed: bool,
}

/// Shared by the connection's task, which drains it, and everybody who has something to tell the client.
#[derive(Debug)]
pub struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
    limit: usize,
}

/// The queue is over its limit and what should be queued may not be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowConsumer;

impl Outbound {
    /// An empty queue that holds at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { queue: Mutex::default(), wake: Notify::new(), limit }
    }

    /// Queues a whole frame: responses and direct events.
    ///
    /// # Errors
    /// When the client reads too slowly; the connection's task closes it.
    pub fn send_text(&self, text: String) -> Result<(), SlowConsumer> {
        self.push(Item::Text(text), false, None)
    }

    /// Queues an event without a sequence number, as direct pushes have none.
    ///
    /// # Errors
    /// As [`Self::send_text`].
    pub fn send_direct(&self, event: SharedEvent) -> Result<(), SlowConsumer> {
        let droppable = event.row.droppable;
        self.push(Item::Event { event, seq: None }, droppable, None)
    }

    /// Queues a broadcast event and gives it this connection's next sequence number.
    ///
    /// # Errors
    /// As [`Self::send_text`], unless the row says that the event may be dropped.
    pub fn send_event(&self, event: SharedEvent) -> Result<(), SlowConsumer> {
        let droppable = event.row.droppable;
        let key = event.coalesce.clone().filter(|_| event.row.coalesces);
        self.push(Item::Event { event, seq: Some(0) }, droppable, key.as_deref())
    }

    fn push(&self, item: Item, droppable: bool, key: Option<&str>) -> Result<(), SlowConsumer> {
        let mut queue = self.queue.lock();
        if queue.overflowed {
            return Err(SlowConsumer);
        }
        let Some(item) = queue.replace_waiting(item, key) else { return Ok(()) };
        let item = queue.stamp(item);
        let bytes = item.bytes();
        if queue.bytes + bytes > self.limit {
            if droppable {
                return Ok(());
            }
            queue.overflowed = true;
            drop(queue);
            self.wake.notify_one();
            return Err(SlowConsumer);
        }
        queue.bytes += bytes;
        queue.items.push_back(item);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    /// Waits until something may be in the queue.
    pub async fn ready(&self) {
        self.wake.notified().await;
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// When the queue overflowed: the rest is worthless and the socket must be closed.
    pub fn pop(&self) -> Result<Option<String>, SlowConsumer> {
        let mut queue = self.queue.lock();
        if queue.overflowed {
            return Err(SlowConsumer);
        }
        let Some(item) = queue.items.pop_front() else { return Ok(None) };
        queue.bytes -= item.bytes();
        drop(queue);
        Ok(Some(item.encode()))
    }

    /// Whether the queue overflowed.
    #[must_use]
    pub fn overflowed(&self) -> bool {
        self.queue.lock().overflowed
    }
}

impl Queue {
    /// Lets a newer event take the place of one that still waits last in the queue.
    fn replace_waiting(&mut self, item: Item, key: Option<&str>) -> Option<Item> {
        let (Some(key), Item::Event { event, .. }) = (key, &item) else { return Some(item) };
        let Some(Item::Event { event: waiting, .. }) = self.items.back_mut() else {
            return Some(item);
        };
        let same = waiting.row.name == event.row.name && waiting.coalesce.as_deref() == Some(key);
        if !same {
            return Some(item);
        }
        let before = waiting.payload.get().len();
        waiting.payload = Arc::clone(&event.payload);
        self.bytes = self.bytes + event.payload.get().len() - before;
        None
    }

    fn stamp(&mut self, item: Item) -> Item {
        match item {
            Item::Event { event, seq: Some(_) } => {
                self.seq += 1;
                Item::Event { event, seq: Some(self.seq) }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_protocol::row::{EventRow, Gate};

    use super::*;

    static LOUD: EventRow = EventRow::new("loud", "", Gate::Everyone);
    static SOFT: EventRow =
        EventRow { droppable: true, coalesces: true, ..EventRow::new("soft", "", Gate::Everyone) };

    fn event(row: &'static EventRow, payload: &str, key: Option<&str>) -> SharedEvent {
        SharedEvent {
            row,
            payload: Arc::from(RawValue::from_string(payload.to_owned()).expect("JSON")),
            state_version: None,
            coalesce: key.map(Arc::from),
        }
    }

    fn drain(outbound: &Outbound) -> Vec<String> {
        std::iter::from_fn(|| outbound.pop().expect("not overflowed")).collect()
    }

    #[test]
    fn events_are_numbered_without_gaps_and_direct_ones_not_at_all() {
        let outbound = Outbound::new(10_000);
        outbound.send_event(event(&LOUD, "1", None)).expect("room");
        outbound.send_direct(event(&LOUD, "2", None)).expect("room");
        outbound.send_text("response".to_owned()).expect("room");
        outbound.send_event(event(&LOUD, "3", None)).expect("room");
        assert_eq!(
            drain(&outbound),
            [
                r#"{"type":"event","event":"loud","payload":1,"seq":1}"#,
                r#"{"type":"event","event":"loud","payload":2}"#,
                "response",
                r#"{"type":"event","event":"loud","payload":3,"seq":2}"#,
            ]
        );
    }

    #[test]
    fn a_newer_delta_replaces_one_that_waits() {
        let outbound = Outbound::new(10_000);
        for (payload, key) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "a")] {
            outbound.send_event(event(&SOFT, payload, Some(key))).expect("room");
        }
        let sent = drain(&outbound).join("\n");
        assert!(
            !sent.contains(r#""payload":1"#) && sent.contains(r#""payload":2,"seq":1"#),
            "{sent}"
        );
        assert!(sent.contains(r#""payload":3,"seq":2"#), "{sent}");
        assert!(sent.contains(r#""payload":4,"seq":3"#), "{sent}");
    }

    #[test]
    fn a_slow_client_misses_droppable_events_and_sees_the_gap() {
        let outbound = Outbound::new(100);
        outbound.send_event(event(&LOUD, "1", None)).expect("room");
        outbound.send_event(event(&SOFT, "2", None)).expect("dropped, not refused");
        assert_eq!(drain(&outbound).len(), 1);
        outbound.send_event(event(&LOUD, "3", None)).expect("room");
        assert_eq!(drain(&outbound), [r#"{"type":"event","event":"loud","payload":3,"seq":3}"#]);
    }

    #[test]
    fn a_response_that_does_not_fit_ends_the_connection() {
        let outbound = Outbound::new(10);
        assert_eq!(outbound.send_text("x".repeat(11)), Err(SlowConsumer));
        assert!(outbound.overflowed());
        assert_eq!(outbound.pop(), Err(SlowConsumer));
    }
}
