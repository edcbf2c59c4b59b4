//! Server-sent events of one response, watched: silence, size and cancelling end it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use openclaw_agent::model::ModelError;
use openclaw_base::CancellationToken;

/// How much a response may send and how long it may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest silence, from the request to the first byte and between any two.
    pub stall: Duration,
    /// Bytes of one event.
    pub event_bytes: usize,
    /// Bytes of a whole response.
    pub total_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(120),
            event_bytes: 4 * 1024 * 1024,
            total_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A response's bytes as they arrive.
pub(crate) type Chunks = BoxStream<'static, Result<Bytes, ModelError>>;
/// A response's events.
pub(crate) type Events = BoxStream<'static, Result<Event, ModelError>>;

/// Reads events from bytes. The stream ends after the first error.
pub(crate) fn events(chunks: Chunks, limits: Limits, cancel: CancellationToken) -> Events {
    let pending = Arc::new(AtomicUsize::new(0));
    let watched =
        Watched { chunks, limits, cancel, total: 0, pending: Arc::clone(&pending), over: false };
    let bytes = stream::unfold(watched, |mut watched| async move {
        let item = watched.next().await?;
        Some((item, watched))
    });
    let parsed = Box::pin(bytes).eventsource();
    stream::unfold((parsed, pending, false), |(mut parsed, pending, over)| async move {
        if over {
            return None;
        }
        let item = parsed.next().await?.map_err(read_error);
        pending.store(0, Ordering::Relaxed);
        let over = item.is_err();
        Some((item, (parsed, pending, over)))
    })
    .boxed()
}

struct Watched {
    chunks: Chunks,
    limits: Limits,
    cancel: CancellationToken,
    total: usize,
    /// Bytes since the last whole event.
    pending: Arc<AtomicUsize>,
    over: bool,
}

impl Watched {
    async fn next(&mut self) -> Option<Result<Bytes, ModelError>> {
        if self.over {
            return None;
        }
        let item = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ModelError::Cancelled),
            waited = tokio::time::timeout(self.limits.stall, self.chunks.next()) => match waited {
                Err(_) => Err(ModelError::Stalled { silent_for: self.limits.stall }),
                Ok(item) => item?.and_then(|bytes| self.count(bytes)),
            },
        };
        self.over = item.is_err();
        Some(item)
    }

    fn count(&mut self, bytes: Bytes) -> Result<Bytes, ModelError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > self.limits.total_bytes {
            return Err(ModelError::TooLarge { limit: self.limits.total_bytes });
        }
        let pending = self.pending.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        // A chunk may hold the end of one event and much of the next, hence the chunk is allowed on top.
        if pending > self.limits.event_bytes.saturating_add(bytes.len()) {
            return Err(ModelError::TooLarge { limit: self.limits.event_bytes });
        }
        Ok(bytes)
    }
}

fn read_error(error: EventStreamError<ModelError>) -> ModelError {
    match error {
        EventStreamError::Transport(error) => error,
        EventStreamError::Utf8(_) => {
            ModelError::Malformed { message: String::from("the stream is not UTF-8") }
        }
        EventStreamError::Parser(_) => {
            ModelError::Malformed { message: String::from("the stream is no event stream") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(parts: Vec<&'static [u8]>) -> Chunks {
        stream::iter(parts.into_iter().map(|part| Ok(Bytes::from_static(part)))).boxed()
    }

    async fn read(chunks: Chunks, limits: Limits) -> Vec<Result<String, ModelError>> {
        events(chunks, limits, CancellationToken::new())
            .map(|event| event.map(|event| event.data))
            .collect()
            .await
    }

    #[tokio::test]
    async fn events_come_whole_however_the_bytes_are_cut() {
        let text: &[u8] =
            "event: a\r\ndata: grüße\r\n\r\n: comment\n\ndata: 1\ndata: 2\n\ndata: cut".as_bytes();
        for size in 1..text.len() {
            let parts = text.chunks(size).collect();
            let got = read(chunks(parts), Limits::default()).await;
            assert_eq!(got, [Ok("grüße".into()), Ok("1\n2".into())], "chunks of {size}");
        }
    }

    #[tokio::test]
    async fn hostile_bytes_are_an_error_and_the_end() {
        let got =
            read(chunks(vec![b"data: \xff\xfe\n\n", b"data: x\n\n"]), Limits::default()).await;
        assert!(matches!(got.as_slice(), [Err(ModelError::Malformed { .. })]), "{got:?}");
    }

    #[tokio::test]
    async fn sizes_are_limited() {
        let small = Limits { event_bytes: 16, total_bytes: 64, ..Limits::default() };
        let endless = vec![&b"data: 0123456789"[..]; 4];
        let got = read(chunks(endless), small).await;
        assert_eq!(got, [Err(ModelError::TooLarge { limit: 16 })]);

        let many = vec![&b"data: 01234\n\n"[..]; 6];
        let got = read(chunks(many), small).await;
        assert_eq!(got.last(), Some(&Err(ModelError::TooLarge { limit: 64 })));
        assert_eq!(got.len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_cancelling_end_it() {
        let silent: Chunks = stream::pending().boxed();
        let limits = Limits::default();
        let got = read(silent, limits).await;
        assert_eq!(got, [Err(ModelError::Stalled { silent_for: limits.stall })]);

        let cancel = CancellationToken::new();
        let mut stream = events(stream::pending().boxed(), limits, cancel.clone());
        cancel.cancel();
        assert!(matches!(stream.next().await, Some(Err(ModelError::Cancelled))));
        assert!(stream.next().await.is_none());
    }
}
