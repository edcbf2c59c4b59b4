//! One life of one connection: a task that owns the socket.
//!
//! It writes what calls hand it, hands answers back, publishes events, and gives up on a peer that
//! shows no sign of life for [`DEAD_AFTER`] although it is asked every [`BEAT`].

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Sink, Stream, future::poll_fn};
use openclaw_base::{CancellationToken, Tasks};
use openclaw_protocol::{
    PROTOCOL_V4,
    frame::{ServerFrame, decode_server_frame},
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_tungstenite::tungstenite::{
    self, Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    dial::Failure,
    error::CloseReason,
    events::{Delivery, Event, QUEUE},
    hello::Hello,
    stream::{Pulse, Socket},
};

mod shared;

pub(crate) use shared::{Partial, Shared, Waiter};

/// How often the peer is asked for a sign of life.
pub(crate) const BEAT: Duration = Duration::from_secs(5);
/// A peer that is silent for this long is taken for dead. A beat is at most [`BEAT`] late, so that the
/// end is noticed within 15 s.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(14);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(250);
/// How long what carries the stream gets to say why it ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Requests that may wait to be written.
const OUTBOX: usize = 256;
/// Requests that are written in one go.
const BATCH: usize = 32;

/// A handle on a connection's task, which ends with it.
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    /// Requests to write.
    pub(crate) outbox: mpsc::Sender<Utf8Bytes>,
    /// Ends the connection.
    pub(crate) stop: CancellationToken,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Link {
    /// Starts the task. The receiver holds every event from the first on, after the opening.
    pub(crate) fn start(
        socket: Socket,
        failure: Option<Failure>,
        hello: &Hello,
        opening: Option<Delivery>,
        tasks: &Tasks,
    ) -> (Self, broadcast::Receiver<Delivery>) {
        let (events, first) = broadcast::channel(QUEUE);
        if let Some(opening) = opening {
            events.send(opening).ok();
        }
        let shared = Arc::new(Shared::new(events.clone()));
        // A Gateway that can resume counts from 1, so even the first number can show a gap.
        let last = hello.can_resume().then_some(0);
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        let driver = Driver {
            pulse: socket.get_ref().pulse(),
            socket,
            shared: Arc::clone(&shared),
            events,
            sequence: (hello.protocol >= PROTOCOL_V4).then_some(Sequence { last }),
            writing: false,
        };
        let stop = tasks.token().child_token();
        // Its end is seen through `Shared::closed`; the owner of `tasks` awaits it.
        drop(tasks.spawn("gateway link", driver.run(inbox, failure, stop.clone())));
        (Self { shared, outbox, stop }, first)
    }
}

/// Numbers that should follow each other.
struct Sequence {
    last: Option<u64>,
}

impl Sequence {
    /// The number that should have come instead.
    fn missed(&mut self, got: u64) -> Option<u64> {
        let expected = self.last.map(|last| last.saturating_add(1));
        self.last = Some(got);
        expected.filter(|expected| *expected != got)
    }
}

/// What the socket did.
enum Turn {
    Written,
    Message(Message),
    Ended(CloseReason),
}

struct Driver {
    socket: Socket,
    pulse: Arc<Pulse>,
    shared: Arc<Shared>,
    events: broadcast::Sender<Delivery>,
    /// Protocol 3 counts for all connections together, so there a gap means nothing.
    sequence: Option<Sequence>,
    writing: bool,
}

impl Driver {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Utf8Bytes>,
        failure: Option<Failure>,
        stop: CancellationToken,
    ) {
        let reason = explained(self.live(&mut inbox, &stop).await, failure).await;
        tracing::debug!(%reason, "gateway link ended");
        if reason == CloseReason::Local {
            let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
            // A peer that does not take the goodbye notices the end of the stream instead.
            timeout(GOODBYE, self.socket.close(Some(frame))).await.ok();
        }
        self.shared.end(reason);
    }

    async fn live(
        &mut self,
        inbox: &mut mpsc::Receiver<Utf8Bytes>,
        stop: &CancellationToken,
    ) -> CloseReason {
        let mut beat = interval_at(Instant::now() + BEAT, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let free = !self.writing;
            let dead_at = Instant::now() + DEAD_AFTER.saturating_sub(self.pulse.silent_for());
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => Err(CloseReason::Local),
                turn = poll_fn(|cx| self.poll_turn(cx)) => self.take(turn),
                Some(text) = inbox.recv(), if free => self.send(text, inbox),
                _ = beat.tick() => self.ping(),
                () = tokio::time::sleep_until(dead_at) => self.check(),
            };
            if let Err(reason) = step {
                return reason;
            }
        }
    }

    /// Writes what waits and reads what came.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if self.writing {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.writing = false;
                    return Poll::Ready(Turn::Written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::Ended(reason_of(error))),
                Poll::Pending => {}
            }
        }
        Pin::new(&mut self.socket).poll_next(cx).map(|message| match message {
            Some(Ok(message)) => Turn::Message(message),
            Some(Err(error)) => Turn::Ended(reason_of(error)),
            None => Turn::Ended(CloseReason::Ended),
        })
    }

    fn take(&mut self, turn: Turn) -> Result<(), CloseReason> {
        match turn {
            Turn::Written => Ok(()),
            Turn::Ended(reason) => Err(reason),
            Turn::Message(Message::Text(text)) => self.receive(&text),
            Turn::Message(Message::Binary(_)) => {
                Err(CloseReason::Protocol("the Gateway sent binary data".to_owned()))
            }
            Turn::Message(Message::Close(frame)) => Err(match frame {
                Some(frame) => CloseReason::Closed {
                    code: frame.code.into(),
                    reason: frame.reason.as_str().to_owned(),
                },
                None => CloseReason::Closed { code: 1005, reason: String::new() },
            }),
            Turn::Message(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(()),
        }
    }

    fn receive(&mut self, text: &str) -> Result<(), CloseReason> {
        match decode_server_frame(text).map_err(CloseReason::Protocol)? {
            ServerFrame::Response { id, outcome } => {
                self.shared.answer(&id, outcome.map_err(|(error, _)| error));
            }
            ServerFrame::Event { event, payload, seq, state_version } => {
                let missed = self.sequence.as_mut().zip(seq);
                let missed = missed.and_then(|(sequence, got)| {
                    sequence.missed(got).map(|expected| Delivery::Gap { expected, got })
                });
                let event = Event { name: event, payload, seq, state_version };
                for delivery in missed.into_iter().chain([Delivery::Event(Arc::new(event))]) {
                    // Nobody listening is no fault.
                    self.events.send(delivery).ok();
                }
                if let Some(seq) = seq {
                    self.shared.saw(seq);
                }
            }
        }
        Ok(())
    }

    fn send(
        &mut self,
        first: Utf8Bytes,
        inbox: &mut mpsc::Receiver<Utf8Bytes>,
    ) -> Result<(), CloseReason> {
        self.write(Message::Text(first))?;
        for _ in 1..BATCH {
            match inbox.try_recv() {
                Ok(text) => self.write(Message::Text(text))?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn ping(&mut self) -> Result<(), CloseReason> {
        // While something is being written, the ping would wait behind it anyway.
        if self.writing { Ok(()) } else { self.write(Message::Ping(Vec::new().into())) }
    }

    fn check(&self) -> Result<(), CloseReason> {
        let silent = self.pulse.silent_for();
        if silent >= DEAD_AFTER { Err(CloseReason::Silent(silent)) } else { Ok(()) }
    }

    fn write(&mut self, message: Message) -> Result<(), CloseReason> {
        Pin::new(&mut self.socket).start_send(message).map_err(reason_of)?;
        self.writing = true;
        Ok(())
    }
}

/// What carries the stream knows better why it ended than the stream does.
async fn explained(reason: CloseReason, failure: Option<Failure>) -> CloseReason {
    let (CloseReason::Ended | CloseReason::Failed(_), Some(failure)) = (&reason, failure) else {
        return reason;
    };
    match timeout(LAST_WORDS, failure).await {
        Ok(Some(error)) => CloseReason::Failed(error.to_string()),
        Ok(None) | Err(_) => reason,
    }
}

/// Why a socket failed, in a sentence.
pub(crate) fn reason_of(error: tungstenite::Error) -> CloseReason {
    match error {
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            CloseReason::Ended
        }
        tungstenite::Error::Protocol(
            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => CloseReason::Ended,
        tungstenite::Error::Io(error) => CloseReason::Failed(error.to_string()),
        error => CloseReason::Protocol(error.to_string()),
    }
}
