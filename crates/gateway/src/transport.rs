//! The socket under a WebSocket: upgrade, message sizes before and after authentication, close frames.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Sink, SinkExt};
use openclaw_protocol::limits::{MAX_PAYLOAD_BYTES, MAX_PREAUTH_BYTES};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::CapacityError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::connections::CloseReason;

/// Small, because most sockets are idle most of the time.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Frames of one turn are collected up to this size before they are written.
const WRITE_BUFFER_BYTES: usize = 32 * 1024;
/// Room for frame headers and pings on top of the largest message before authentication.
const PREAUTH_OVERHEAD_BYTES: usize = 512;

/// How many bytes a peer may still send before it is authenticated, and whether any came lately.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<Meter>);

#[derive(Debug)]
struct Meter {
    left: AtomicUsize,
    heard: AtomicBool,
}

impl Allowance {
    /// The documented limit.
    fn preauth() -> Self {
        let left = AtomicUsize::new(MAX_PREAUTH_BYTES + PREAUTH_OVERHEAD_BYTES);
        Self(Arc::new(Meter { left, heard: AtomicBool::new(false) }))
    }

    /// The peer is authenticated: only the message size counts from here on.
    pub fn lift(&self) {
        self.0.left.store(usize::MAX, Ordering::Release);
    }

    /// Whether bytes came since this was last asked: no pong can come in the middle of a large message.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.0.heard.swap(false, Ordering::AcqRel)
    }

    fn is_used_up(&self) -> bool {
        self.0.left.load(Ordering::Acquire) == 0
    }
}

/// A socket that stops reading when the allowance is used up.
#[derive(Debug)]
pub struct Metered<S> {
    inner: S,
    allowance: Allowance,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let meter = Arc::clone(&self.allowance.0);
        let left = meter.left.load(Ordering::Acquire);
        if left == usize::MAX {
            let before = buffer.filled().len();
            let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
            if buffer.filled().len() > before {
                meter.heard.store(true, Ordering::Release);
            }
            return poll;
        }
        if left == 0 {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::QuotaExceeded)));
        }
        let mut part = buffer.take(left);
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        // `take` starts behind what is filled already, so the bytes are in place; only the count moves.
        buffer.advance(read);
        meter.left.store(left - read, Ordering::Release);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A WebSocket whose peer is metered until [`Allowance::lift`].
pub type Socket<S> = WebSocketStream<Metered<S>>;

/// Takes over a socket whose upgrade was answered.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(inner: S) -> (Socket<S>, Allowance) {
    let allowance = Allowance::preauth();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(Some(MAX_PAYLOAD_BYTES))
        .max_frame_size(Some(MAX_PAYLOAD_BYTES));
    let metered = Metered { inner, allowance: allowance.clone() };
    (WebSocketStream::from_raw_socket(metered, Role::Server, Some(config)).await, allowance)
}

/// Messages up to this size go out in one frame; larger ones in pieces, because the WebSocket's buffer
/// keeps the size of the largest frame it ever held, and most clients are idle most of the time.
const PIECE_BYTES: usize = 4 * 1024;
/// From this size on a client is not idle, and pieces are large.
const LARGE_BYTES: usize = 256 * 1024;
const LARGE_PIECE_BYTES: usize = 64 * 1024;

/// The sending half of a socket.
#[derive(Debug)]
pub struct Writer<K> {
    sink: K,
    /// A message was begun and its last piece is not sent; nothing but control frames may follow.
    unfinished: bool,
}

impl<K: Sink<Message, Error = Error> + Unpin> Writer<K> {
    /// Writes to this half.
    pub const fn new(sink: K) -> Self {
        Self { sink, unfinished: false }
    }

    /// Queues a text; [`Self::flush`] sends what is queued.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn feed(&mut self, text: String) -> Result<(), Error> {
        if text.len() <= PIECE_BYTES {
            return self.sink.feed(Message::text(text)).await;
        }
        let bytes = Bytes::from(text);
        let piece = if bytes.len() > LARGE_BYTES { LARGE_PIECE_BYTES } else { PIECE_BYTES };
        let mut kind = Data::Text;
        let mut from = 0;
        while from < bytes.len() {
            let to = bytes.len().min(from + piece);
            let last = to == bytes.len();
            let frame = Frame::message(bytes.slice(from..to), OpCode::Data(kind), last);
            self.unfinished = !last;
            self.sink.send(Message::Frame(frame)).await?;
            (from, kind) = (to, Data::Continue);
        }
        Ok(())
    }

    /// Queues a ping.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.sink.feed(Message::Ping(Bytes::new())).await
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.sink.flush().await
    }

    /// Whether another text may follow.
    #[must_use]
    pub const fn takes_text(&self) -> bool {
        !self.unfinished
    }

    /// Sends the close frame.
    ///
    /// # Errors
    /// When the socket is gone.
    pub async fn close(&mut self, reason: &CloseReason) -> Result<(), Error> {
        self.sink.send(close_message(reason)).await
    }
}

/// How the Gateway answers a socket that cannot be read any more; `None` if the peer is simply gone.
#[must_use]
pub fn read_failure(error: &Error, allowance: &Allowance) -> Option<CloseReason> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseReason::new(1009, "")),
        Error::Io(_) if allowance.is_used_up() => Some(CloseReason::new(1009, "")),
        Error::Utf8(_) => Some(CloseReason::new(1007, "text is not UTF-8")),
        Error::Protocol(_) => Some(CloseReason::new(1002, "WebSocket protocol error")),
        _ => None,
    }
}

/// The close frame for a reason.
#[must_use]
pub fn close_message(reason: &CloseReason) -> Message {
    Message::Close(Some(CloseFrame {
        code: CloseCode::from(reason.code),
        reason: reason.text.clone().into(),
    }))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn a_message_that_still_comes_in_is_a_sign_of_life() {
        let (mut peer, io) = duplex(64);
        let (mut socket, allowance) = accept(io).await;
        allowance.lift();
        assert!(!allowance.heard());
        // A text of 100 bytes, of which one has come.
        peer.write_all(&[0x81, 0xE4, 0, 0, 0, 0, b'x']).await.expect("room");
        assert!(futures_util::poll!(socket.next()).is_pending());
        assert!(allowance.heard());
        assert!(!allowance.heard());
    }

    #[tokio::test]
    async fn before_authentication_a_peer_may_send_so_much_and_no_more() {
        let (mut peer, io) = duplex(1024 * 1024);
        let (mut socket, allowance) = accept(io).await;
        let mut frame = vec![0x81, 0xFF, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        frame.extend([b'x'; 128 * 1024]);
        peer.write_all(&frame).await.expect("room");
        let error = socket.next().await.expect("a failure").expect_err("too much");
        assert_eq!(read_failure(&error, &allowance).map(|reason| reason.code), Some(1009));
    }
}
