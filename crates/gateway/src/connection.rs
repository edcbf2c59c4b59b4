//! One socket's life: challenged, then connected, then closed.
//!
//! One task reads, writes and drives the requests of a connection, so nothing about it is shared but its
//! outbound queue. Reading never waits for writing. Calls that change something run in tasks of their own
//! and finish even if the socket is gone.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use futures_util::{
    FutureExt, SinkExt, StreamExt,
    future::BoxFuture,
    stream::{FuturesUnordered, SplitSink, SplitStream},
};
use openclaw_protocol::{
    RpcError,
    events::{core::ConnectChallenge, pairing::DevicePairResolved},
    frame::{self, FrameError, RequestFrame, encode_event, encode_response},
    limits::{
        MAX_REQUESTS_PER_CONNECTION, MAX_UNAUTHORIZED_CALLS, PAIRING_TTL_MS, PONG_DEADLINE_MS,
    },
    row::Event,
};
use parking_lot::Mutex;
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    admission::Ticket,
    connections::{CloseReason, Connection},
    handshake::{self, Admitted, Hold, Refused, Upgrade},
    hello,
    router::{self, Cx, Outcome},
    state::State,
    transport::{self, Allowance, Socket, Writer},
};

/// Anything a WebSocket can run over.
pub trait Link: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Link for S {}

const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Time for the last frames and the close frame.
const CLOSE_GRACE: Duration = Duration::from_millis(400);
/// Time for the few bytes that are said before authentication: they fit into the system's buffers,
/// unless the peer takes care that they do not.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// Challenges one socket and admits it. What this needs is given back before [`Open::run`], so that
/// those who wait, most of them for days, keep little.
pub async fn open<S: Link>(
    state: Arc<State>,
    upgrade: Upgrade,
    ticket: Option<Ticket>,
    io: S,
) -> Option<Open<S>> {
    let (mut socket, allowance) = transport::accept(io).await;
    let deadline = Instant::now() + state.settings.load().handshake_deadline;
    let stop = state.tasks.token();
    let challenged = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Some(CloseReason::restart())),
        challenged = challenge(&state, &upgrade, &mut socket, &allowance, deadline) => challenged,
    };
    // With the upgrade goes the buffer that its headers are slices of.
    drop((ticket, upgrade));
    match challenged {
        Ok(connection) => {
            allowance.lift();
            let (sink, stream) = socket.split();
            Some(Open { state, connection, writer: Writer::new(sink), stream, allowance })
        }
        Err(Some(reason)) => {
            close(&mut socket, &reason).await;
            None
        }
        Err(None) => None,
    }
}

/// An admitted socket.
#[derive(Debug)]
pub struct Open<S> {
    state: Arc<State>,
    connection: Arc<Connection>,
    writer: Writer<SplitSink<Socket<S>, Message>>,
    stream: SplitStream<Socket<S>>,
    allowance: Allowance,
}

impl<S: Link> Open<S> {
    /// Serves it until it is closed.
    pub async fn run(mut self) {
        let mut requests = Requests::new(&self.state, &self.connection);
        let reason = tokio::select! {
            biased;
            reason = self.connection.closed() => Some(reason),
            reason = read(&mut requests, &mut self.stream, &self.allowance) => reason,
            reason = write(&self.connection, &mut self.writer) => reason,
        };
        drop(requests);
        if let Some(reason) = reason {
            Box::pin(timeout(CLOSE_GRACE, self.finish(&reason))).await.ok();
        }
        hello::leave(&self.state, &self.connection);
    }

    /// Says what waits to be said, and goodbye.
    async fn finish(
        &mut self,
        reason: &CloseReason,
    ) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        while self.writer.takes_text() {
            let Ok(Some(text)) = self.connection.outbound.pop() else { break };
            self.writer.feed(text).await?;
        }
        self.writer.close(reason).await?;
        while let Some(Ok(_)) = self.stream.next().await {}
        Ok(())
    }
}

/// The state before authentication: one challenge, one `connect`.
async fn challenge<S: Link>(
    state: &Arc<State>,
    upgrade: &Upgrade,
    socket: &mut Socket<S>,
    allowance: &Allowance,
    deadline: Instant,
) -> Result<Arc<Connection>, Option<CloseReason>> {
    send_event::<ConnectChallenge, S>(socket, &upgrade.challenge(state)).await?;
    let first = tokio::time::timeout_at(deadline, next_text(socket, allowance)).await;
    let text = first.map_err(|_| Some(CloseReason::new(1000, "")))??;
    let frame = match frame::decode_request(&text) {
        Ok(frame) => frame,
        Err(FrameError::NotJson) => return Err(Some(CloseReason::new(1000, ""))),
        Err(FrameError::Malformed { .. }) => {
            return Err(Some(CloseReason::new(1008, "invalid request frame")));
        }
    };
    if state.is_draining() {
        let error = RpcError::unavailable("the Gateway is stopping").retry_after(1_000);
        let refused = Refused { close: CloseReason::new(1013, "stopping"), error, hold: None };
        return Err(Some(refuse(socket, &frame.id, Box::new(refused)).await));
    }
    match handshake::connect(state, upgrade, &frame).await {
        Ok(admitted) => welcome(state, socket, &frame.id, admitted).await,
        Err(refused) => Err(Some(refuse(socket, &frame.id, refused).await)),
    }
}

/// Registers an admitted connection and answers with `hello-ok`.
async fn welcome<S: Link>(
    state: &Arc<State>,
    socket: &mut Socket<S>,
    id: &str,
    admitted: Admitted,
) -> Result<Arc<Connection>, Option<CloseReason>> {
    let Admitted { connection, device_token, basis } = admitted;
    let hello = hello::enter(state, &connection, device_token.as_ref()).await;
    let sent = async {
        if !basis.holds(state).await {
            let error = RpcError::unavailable("rights changed during the handshake; connect again");
            let refused = Refused::policy(error.retry_after(500));
            return Err(Some(refuse(socket, id, refused).await));
        }
        let payload =
            to_raw_value(&hello).map_err(|_| Some(CloseReason::new(1011, "internal error")))?;
        let text = encode_response(id, Ok(&payload));
        // Whoever does not take the answer must not keep its place for ever.
        let patience = state.settings.load().handshake_deadline;
        let sent = timeout(patience, send_all(socket, text)).await;
        sent.ok().and_then(Result::ok).ok_or(None)
    };
    match sent.await {
        Ok(()) => Ok(connection),
        Err(reason) => {
            hello::leave(state, &connection);
            Err(reason)
        }
    }
}

/// Sends a text of any size.
async fn send_all<S: Link>(
    socket: &mut Socket<S>,
    text: String,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut writer = Writer::new(socket);
    writer.feed(text).await?;
    writer.flush().await
}

/// Answers a refused `connect`; a client of ours that can wait is told the decision first.
async fn refuse<S: Link>(socket: &mut Socket<S>, id: &str, refused: Box<Refused>) -> CloseReason {
    let refused = *refused;
    tracing::info!(code = refused.close.code, reason = %refused.error.message, "connect refused");
    let text = encode_response(id, Err((&refused.error, None)));
    if say(socket, text).await.is_err() {
        return refused.close;
    }
    if let Some(hold) = refused.hold {
        wait_for_decision(socket, hold).await;
    }
    refused.close
}

async fn wait_for_decision<S: Link>(socket: &mut Socket<S>, mut hold: Hold) {
    let decided = async {
        let mut ping = tokio::time::interval(PING_INTERVAL);
        loop {
            tokio::select! {
                decision = hold.decision.decided() => return decision,
                _ = ping.tick() => {
                    if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                        return None;
                    }
                }
                message = socket.next() => {
                    if !matches!(message, Some(Ok(_))) {
                        return None;
                    }
                }
            }
        }
    };
    let decision = timeout(Duration::from_millis(PAIRING_TTL_MS), decided).await.ok().flatten();
    if let Some(decision) = decision {
        // The socket is closed right after; a client that is gone learns by reconnecting.
        send_event::<DevicePairResolved, S>(socket, &decision).await.ok();
    }
}

async fn send_event<E: Event, S: Link>(
    socket: &mut Socket<S>,
    payload: &E::Payload,
) -> Result<(), Option<CloseReason>> {
    let payload =
        to_raw_value(payload).map_err(|_| Some(CloseReason::new(1011, "internal error")))?;
    let text = encode_event(E::ROW.name, &payload, None, None);
    say(socket, text).await.map_err(|()| None)
}

/// Sends a short text; a peer that does not take it is as good as gone.
async fn say<S: Link>(socket: &mut Socket<S>, text: String) -> Result<(), ()> {
    let sent = timeout(ANSWER_GRACE, socket.send(Message::text(text))).await;
    sent.map_err(drop)?.map_err(drop)
}

async fn next_text<S: Link>(
    socket: &mut Socket<S>,
    allowance: &Allowance,
) -> Result<String, Option<CloseReason>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Binary(_))) => return Err(Some(binary_refused())),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(transport::read_failure(&error, allowance)),
        }
    }
}

fn binary_refused() -> CloseReason {
    CloseReason::new(1003, "binary frames are not accepted")
}

async fn close<S: Link>(socket: &mut Socket<S>, reason: &CloseReason) {
    let finish = async {
        if socket.send(transport::close_message(reason)).await.is_ok() {
            // The peer's own close frame ends the conversation.
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    timeout(CLOSE_GRACE, finish).await.ok();
}

/// Writes what is queued, many frames with one flush, and pings.
async fn write<S: Link>(
    connection: &Connection,
    writer: &mut Writer<SplitSink<Socket<S>, Message>>,
) -> Option<CloseReason> {
    let mut ping = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    loop {
        tokio::select! {
            () = connection.outbound.ready() => {}
            _ = ping.tick() => writer.ping().await.ok()?,
        }
        loop {
            match connection.outbound.pop() {
                Ok(Some(text)) => writer.feed(text).await.ok()?,
                Ok(None) => break,
                Err(_) => return Some(CloseReason::slow_consumer()),
            }
        }
        writer.flush().await.ok()?;
    }
}

/// Reads requests and drives those that only read; ends when the peer is gone or misbehaves.
async fn read<S: Link>(
    requests: &mut Requests,
    stream: &mut SplitStream<Socket<S>>,
    allowance: &Allowance,
) -> Option<CloseReason> {
    let patience = Duration::from_millis(PONG_DEADLINE_MS);
    let mut last_seen = Instant::now();
    let mut look = tokio::time::interval(PING_INTERVAL / 2);
    loop {
        tokio::select! {
            biased;
            Some(()) = requests.running.next(), if !requests.running.is_empty() => {}
            message = stream.next() => {
                last_seen = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => requests.accept(&text)?,
                    Some(Ok(Message::Binary(_))) => return Some(binary_refused()),
                    Some(Ok(Message::Close(_))) => {
                        requests.connection.say_goodbye();
                        return None;
                    }
                    None => return None,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return transport::read_failure(&error, allowance),
                }
                if let Some(reason) = requests.misbehaved() {
                    return Some(reason);
                }
            }
            _ = look.tick() => {
                if allowance.heard() {
                    last_seen = Instant::now();
                } else if last_seen.elapsed() > patience {
                    tracing::info!("no pong in time");
                    return Some(CloseReason::new(1001, "no answer to ping"));
                }
            }
        }
    }
}

/// The requests of one connection.
struct Requests {
    state: Arc<State>,
    connection: Arc<Connection>,
    running: FuturesUnordered<BoxFuture<'static, ()>>,
    ids: Arc<Mutex<HashSet<Box<str>>>>,
    unauthorized: AtomicU32,
}

impl Requests {
    fn new(state: &Arc<State>, connection: &Arc<Connection>) -> Self {
        Self {
            state: Arc::clone(state),
            connection: Arc::clone(connection),
            running: FuturesUnordered::new(),
            ids: Arc::default(),
            unauthorized: AtomicU32::new(0),
        }
    }

    fn misbehaved(&self) -> Option<CloseReason> {
        let calls = self.unauthorized.load(std::sync::atomic::Ordering::Relaxed);
        (calls > MAX_UNAUTHORIZED_CALLS)
            .then(|| CloseReason::new(1008, "repeated unauthorized calls"))
    }

    fn refuse(&self, id: &str, error: &RpcError) {
        self.connection.push_text(encode_response(id, Err((error, None))));
    }

    /// Starts one request. Always `Some`; the `Option` lets the reader use `?` for its own ends.
    fn accept(&mut self, text: &str) -> Option<()> {
        match frame::decode_request(text) {
            Ok(frame) => self.start(&frame, text.len()),
            // The published Gateway ignores what is not JSON once a client is connected.
            Err(FrameError::NotJson) => {}
            Err(FrameError::Malformed { id, message }) => {
                let error = RpcError::invalid(format!("invalid request frame: {message}"));
                self.refuse(id.as_deref().unwrap_or("invalid"), &error);
            }
        }
        Some(())
    }

    fn start(&mut self, frame: &RequestFrame<'_>, bytes: usize) {
        let Some(route) = router::find(&frame.method) else {
            let error = if frame.method == "connect" {
                RpcError::invalid("connect is only valid as the first request")
            } else {
                RpcError::unknown_method(&frame.method)
            };
            return self.refuse(&frame.id, &error);
        };
        let permit = match self.admit(frame, bytes) {
            Ok(permit) => permit,
            Err(error) => return self.refuse(&frame.id, &error),
        };
        let cx = Cx::new(Arc::clone(&self.state), Arc::clone(&self.connection), &frame.id);
        let params = frame.params.map(RawValue::to_owned);
        let mut call = match route.call(cx, params) {
            Ok(call) => call,
            Err(error) => {
                if error.message.starts_with("unauthorized role") {
                    self.unauthorized.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                return self.refuse(&frame.id, &error);
            }
        };
        // Most reads are ready at once; polling here also takes the request's place in its queue.
        if let Some(outcome) = (&mut call).now_or_never() {
            return self.connection.push_text(response(&frame.id, outcome));
        }
        let id: Box<str> = Box::from(&*frame.id);
        self.ids.lock().insert(id.clone());
        let (connection, ids) = (Arc::clone(&self.connection), Arc::clone(&self.ids));
        let finish = async move {
            let outcome = call.await;
            drop(permit);
            ids.lock().remove(&id);
            connection.push_text(response(&id, outcome));
        };
        if route.only_reads() {
            self.running.push(Box::pin(finish));
        } else {
            drop(self.state.tasks.spawn("request", finish));
        }
    }

    /// Bounds what one connection and all together may keep busy.
    fn admit(
        &self,
        frame: &RequestFrame<'_>,
        bytes: usize,
    ) -> Result<OwnedSemaphorePermit, RpcError> {
        let ids = self.ids.lock();
        if ids.len() >= MAX_REQUESTS_PER_CONNECTION {
            return Err(RpcError::unavailable("server is busy").retry_after(250));
        }
        if ids.contains(&*frame.id) {
            let message = "duplicate request id: a request with this id is still running";
            return Err(RpcError::invalid(message));
        }
        let weight = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.state.in_flight)
            .try_acquire_many_owned(weight)
            .map_err(|_| RpcError::unavailable("server is busy").retry_after(250))
    }
}

fn response(id: &str, outcome: Outcome) -> String {
    match outcome {
        Ok(payload) => encode_response(id, Ok(&payload)),
        Err(failure) => encode_response(id, Err((&failure.error, failure.payload.as_deref()))),
    }
}
