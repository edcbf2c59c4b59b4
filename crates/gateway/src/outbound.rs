//! The bounded queue of one connection: what waits to be written to its socket.
//!
//! When the bytes that wait exceed the limit, droppable events are skipped (their sequence number is
//! consumed, so the client sees a gap) and anything else marks the connection as a slow consumer, which
//! closes it. A response is therefore never lost in silence.
//!
//! The queue of a client that can take up where it ended numbers direct events too, and remembers which
//! number went to which event of the bus.

mod sent;

use std::{collections::VecDeque, sync::Arc};

use openclaw_protocol::{
    frame::{StateVersion, encode_event},
    resume::ResyncReason,
    row::EventRow,
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use self::sent::SentLog;

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
    /// Its id on the bus, if it is kept for those who come back.
    pub bus_id: Option<u64>,
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
    /// Only for clients that can take up where they ended.
    sent: Option<SentLog>,
}

/// Shared by the connection's task, which drains it, and everybody who has something to tell the client.
#[derive(Debug)]
pub struct Outbound {
    queue: Mutex<Queue>,
    wake: Notify,
    drained: Notify,
    limit: usize,
    resumable: bool,
}

/// The queue is over its limit and what should be queued may not be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowConsumer;

impl Outbound {
    /// An empty queue that holds at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Notify::new(),
            drained: Notify::new(),
            limit,
            resumable: false,
        }
    }

    /// The same for a client that can take up where it ended.
    #[must_use]
    pub fn resumable(limit: usize) -> Self {
        let queue = Queue { sent: Some(SentLog::default()), ..Queue::default() };
        Self { queue: Mutex::new(queue), resumable: true, ..Self::new(limit) }
    }

    /// Whether the client can take up where it ended.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        self.resumable
    }

    /// The bus ids of what was given a number after this one.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn sent_after(&self, seq: u64) -> Result<Vec<u64>, ResyncReason> {
        let queue = self.queue.lock();
        let sent = queue.sent.as_ref().filter(|_| seq <= queue.seq);
        sent.ok_or(ResyncReason::UnknownConnection)?.after(seq).ok_or(ResyncReason::RingOverrun)
    }

    /// Gives up what waits: nobody reads it any more. What was sent stays known.
    pub fn retire(&self) {
        let mut queue = self.queue.lock();
        queue.items = VecDeque::new();
        queue.bytes = 0;
        queue.overflowed = true;
        drop(queue);
        self.wake.notify_one();
        self.drained.notify_waiters();
    }

    /// Waits until the queue is no more than half full, or nobody reads it any more.
    pub async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            let (bytes, overflowed) = {
                let queue = self.queue.lock();
                (queue.bytes, queue.overflowed)
            };
            if overflowed || bytes <= self.limit / 2 {
                return;
            }
            drained.await;
        }
    }

    /// Queues a whole frame: responses and direct events.
    ///
    /// # Errors
    /// When the client reads too slowly; the connection's task closes it.
    pub fn send_text(&self, text: String) -> Result<(), SlowConsumer> {
        self.push(Item::Text(text), false, None)
    }

    /// Queues an event without a sequence number, as direct pushes have none; a client that can take up
    /// gets one, because it names the last number it saw.
    ///
    /// # Errors
    /// As [`Self::send_text`].
    pub fn send_direct(&self, event: SharedEvent) -> Result<(), SlowConsumer> {
        let droppable = event.row.droppable;
        self.push(Item::Event { event, seq: self.resumable.then_some(0) }, droppable, None)
    }

    /// Queues a broadcast event and gives it this connection's next sequence number.
    ///
    /// # Errors
    /// As [`Self::send_text`], unless the row says that the event may be dropped.
    pub fn send_event(&self, event: SharedEvent) -> Result<(), SlowConsumer> {
        let droppable = event.row.droppable;
        // What may be replayed stays single: a delta only says what is new since the one before.
        let may_merge = event.row.coalesces && !(self.resumable && event.bus_id.is_some());
        let key = event.coalesce.clone().filter(|_| may_merge);
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
        self.drained.notify_waiters();
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
                if let Some((sent, bus_id)) = self.sent.as_mut().zip(event.bus_id) {
                    sent.note(self.seq, bus_id);
                }
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
            bus_id: None,
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
    #[test]
    fn who_can_take_up_gets_everything_numbered_single_and_remembered() {
        let outbound = Outbound::resumable(10_000);
        let kept =
            |payload, id| SharedEvent { bus_id: Some(id), ..event(&SOFT, payload, Some("a")) };
        outbound.send_event(kept("1", 7)).expect("room");
        outbound.send_event(kept("2", 8)).expect("room");
        outbound.send_event(event(&SOFT, "3", None)).expect("room");
        outbound.send_direct(kept("4", 9)).expect("room");
        let sent = drain(&outbound).join("\n");
        for number in 1..=4 {
            assert!(sent.contains(&format!(r#""payload":{number},"seq":{number}"#)), "{sent}");
        }
        assert_eq!(outbound.sent_after(1), Ok(vec![8, 9]));
        assert_eq!(outbound.sent_after(5), Err(ResyncReason::UnknownConnection));
        assert_eq!(Outbound::new(1).sent_after(0), Err(ResyncReason::UnknownConnection));
        outbound.retire();
        assert_eq!(outbound.send_event(kept("5", 10)), Err(SlowConsumer));
        assert_eq!(outbound.sent_after(3), Ok(vec![9]));
    }
}
