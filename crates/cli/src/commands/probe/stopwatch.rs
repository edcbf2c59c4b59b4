//! Times the steps of one connection from outside: it watches the stream that the client writes to.
//!
//! The first write is the upgrade request. The second is `connect`, which the client sends only after
//! the Gateway's proof was checked. So the two writes part reaching, proving, and authenticating.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use openclaw_client::dial::Io;
use openclaw_client::{Dial, DialError, Dialed, Target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    started: Option<Instant>,
    dialled: Option<Instant>,
    answered: bool,
    connect_sent: Option<Instant>,
}

impl Seen {
    /// How long it took to open the stream.
    pub(super) fn reached(&self) -> Option<Duration> {
        Some(self.dialled?.duration_since(self.started?))
    }

    /// How long it took from there until `connect` could be sent.
    pub(super) fn proven(&self) -> Option<Duration> {
        Some(self.connect_sent?.duration_since(self.dialled?))
    }

    /// How long ago `connect` was sent.
    pub(super) fn since_connect(&self, now: Instant) -> Option<Duration> {
        Some(now.duration_since(self.connect_sent?))
    }
}

/// Takes the time of whatever was dialled last.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopwatch {
    seen: Arc<Mutex<Seen>>,
}

impl Stopwatch {
    /// A way of dialling that takes the time.
    pub(super) fn around(&self, inner: Arc<dyn Dial>) -> Timed {
        Timed { inner, seen: self.seen.clone() }
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> Seen {
        *lock(&self.seen)
    }
}

/// A way of dialling that takes the time.
#[derive(Debug)]
pub(super) struct Timed {
    inner: Arc<dyn Dial>,
    seen: Arc<Mutex<Seen>>,
}

impl Dial for Timed {
    fn dial(&self) -> BoxFuture<'_, Result<Dialed, DialError>> {
        async move {
            *lock(&self.seen) = Seen { started: Some(Instant::now()), ..Seen::default() };
            let dialed = self.inner.dial().await?;
            lock(&self.seen).dialled = Some(Instant::now());
            let io: Box<dyn Io> = Box::new(Watched { io: dialed.io, seen: self.seen.clone() });
            Ok(Dialed { io, ..dialed })
        }
        .boxed()
    }

    fn target(&self) -> Target {
        self.inner.target()
    }
}

/// Nothing panics while it is held, so a poisoned lock still holds good values.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Watched {
    io: Box<dyn Io>,
    seen: Arc<Mutex<Seen>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            lock(&self.seen).answered = true;
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        {
            let mut seen = lock(&self.seen);
            if seen.answered && seen.connect_sent.is_none() {
                seen.connect_sent = Some(Instant::now());
            }
        }
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
