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
use openclaw_client::{Dial, DialError, DialStep, DialTimes, Dialed, Target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    started: Option<Instant>,
    dialled: Option<Instant>,
    upgraded: Option<Instant>,
    connect_sent: Option<Instant>,
    times: DialTimes,
    /// The step that failed, if the stream could not be opened.
    failed: Option<Broken>,
}

/// What kept a stream from being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Dns,
    Tcp,
    Tls,
    Ssh,
}

impl Seen {
    /// How long it took to open the stream.
    pub(super) fn reached(&self) -> Option<Duration> {
        Some(self.dialled?.duration_since(self.started?))
    }

    /// How long one step of that took.
    pub(super) fn step(&self, step: DialStep) -> Option<Duration> {
        self.times.iter().find(|(taken, _)| *taken == step).map(|(_, time)| *time)
    }

    /// What kept the stream from being opened.
    pub(super) const fn failed(&self) -> Option<Broken> {
        self.failed
    }

    /// How long the answer to the upgrade took.
    pub(super) fn upgraded(&self) -> Option<Duration> {
        Some(self.upgraded?.duration_since(self.dialled?))
    }

    /// How long it took from there until `connect` could be sent.
    pub(super) fn proven(&self) -> Option<Duration> {
        Some(self.connect_sent?.duration_since(self.upgraded?))
    }

    /// How long ago `connect` was sent.
    pub(super) fn since_connect(&self, now: Instant) -> Option<Duration> {
        Some(now.duration_since(self.connect_sent?))
    }
}

const fn broken(error: &DialError) -> Option<Broken> {
    match error {
        DialError::NoAddress(_) => Some(Broken::Dns),
        DialError::NothingListening | DialError::Unreachable(_) | DialError::Denied(_) => {
            Some(Broken::Tcp)
        }
        DialError::Tls(_) | DialError::Fingerprint { .. } => Some(Broken::Tls),
        DialError::Ssh(_) => Some(Broken::Ssh),
        DialError::Url(_) | DialError::Local(_) => None,
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
        lock(&self.seen).clone()
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
            let dialed = match self.inner.dial().await {
                Ok(dialed) => dialed,
                Err(error) => {
                    lock(&self.seen).failed = broken(&error);
                    return Err(error);
                }
            };
            {
                let mut seen = lock(&self.seen);
                seen.dialled = Some(Instant::now());
                seen.times.clone_from(&dialed.times);
            }
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
            lock(&self.seen).upgraded.get_or_insert_with(Instant::now);
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
            if seen.upgraded.is_some() && seen.connect_sent.is_none() {
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
