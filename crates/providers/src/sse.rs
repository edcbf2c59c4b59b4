//! Server-sent events of one response, watched: silence, size and cancelling end it.
//!
//! Written here rather than taken from a crate: the usual one panics on a byte order mark that stands
//! alone in its chunk, and knows no limit for an event.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use openclaw_agent::model::ModelError;
use openclaw_base::CancellationToken;

/// May stand before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How much a response may send and how long it may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest wait from the request to the beginning of the answer.
    pub first: Duration,
    /// Longest silence after that.
    pub stall: Duration,
    /// Bytes of one event.
    pub event_bytes: usize,
    /// Bytes of a whole response.
    pub total_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(120),
            stall: Duration::from_secs(120),
            event_bytes: 4 * 1024 * 1024,
            total_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A response's bytes as they arrive.
pub(crate) type Chunks = BoxStream<'static, Result<Bytes, ModelError>>;
/// The data of a response's events.
pub(crate) type Events = BoxStream<'static, Result<String, ModelError>>;

/// Reads events from bytes. The stream ends after the first error.
pub(crate) fn events(chunks: Chunks, limits: Limits, cancel: CancellationToken) -> Events {
    read(chunks, limits, cancel, false)
}

/// Reads lines from bytes, each an event of its own.
pub(crate) fn lines(chunks: Chunks, limits: Limits, cancel: CancellationToken) -> Events {
    read(chunks, limits, cancel, true)
}

fn read(chunks: Chunks, limits: Limits, cancel: CancellationToken, lines: bool) -> Events {
    let parser = Parser { limit: limits.event_bytes, lines, ..Parser::default() };
    let reading = Reading {
        chunks,
        limits,
        cancel,
        parser,
        total: 0,
        ready: VecDeque::new(),
        fault: None,
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let item = reading.next().await?;
        Some((item, reading))
    })
    .boxed()
}

struct Reading {
    chunks: Chunks,
    limits: Limits,
    cancel: CancellationToken,
    parser: Parser,
    total: usize,
    ready: VecDeque<String>,
    fault: Option<ModelError>,
    over: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<String, ModelError>> {
        loop {
            if let Some(data) = self.ready.pop_front() {
                return Some(Ok(data));
            }
            if self.over {
                return None;
            }
            // Events that were whole before the fault are told first.
            if let Some(error) = self.fault.take() {
                self.over = true;
                return Some(Err(error));
            }
            let read = match self.chunk().await {
                Ok(Some(bytes)) => self.take(&bytes),
                // What stands after the last blank line is not an event.
                Ok(None) => return None,
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                self.fault = Some(error);
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, ModelError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ModelError::Cancelled),
            waited = tokio::time::timeout(self.limits.stall, self.chunks.next()) => match waited {
                Err(_) => Err(ModelError::Stalled { silent_for: self.limits.stall }),
                Ok(item) => item.transpose(),
            },
        }
    }

    fn take(&mut self, bytes: &Bytes) -> Result<(), ModelError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > self.limits.total_bytes {
            return Err(ModelError::TooLarge { limit: self.limits.total_bytes });
        }
        self.parser.feed(bytes, &mut self.ready)
    }
}

/// Puts events together, as the HTML standard describes them; only their data is of interest here.
#[derive(Debug, Default)]
struct Parser {
    limit: usize,
    /// Every line is an event.
    lines: bool,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// Data lines of the event that has not ended yet.
    data: Option<Vec<u8>>,
    /// Whether the last byte was a carriage return, which a line feed may belong to.
    after_return: bool,
    /// Whether the first line is past, which may begin with a byte order mark.
    begun: bool,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8], out: &mut VecDeque<String>) -> Result<(), ModelError> {
        let mut rest = bytes;
        if std::mem::take(&mut self.after_return) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, tail) = rest.split_at(at);
            self.grow(line)?;
            self.end_line(out)?;
            rest = match tail {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.grow(rest)
    }

    fn grow(&mut self, more: &[u8]) -> Result<(), ModelError> {
        let data = self.data.as_ref().map_or(0, Vec::len);
        if data.saturating_add(self.line.len()).saturating_add(more.len()) > self.limit {
            return Err(ModelError::TooLarge { limit: self.limit });
        }
        self.line.extend_from_slice(more);
        Ok(())
    }

    fn end_line(&mut self, out: &mut VecDeque<String>) -> Result<(), ModelError> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if self.lines {
            if !line.trim_ascii().is_empty() {
                out.push_back(text(line.to_vec())?);
            }
        } else if line.is_empty() {
            // Without data there is no event, whatever else was said.
            if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
                out.push_back(text(data)?);
            }
        } else if let Some(value) = field_data(line) {
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        }
        Ok(())
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ModelError> {
    String::from_utf8(bytes)
        .map_err(|_| ModelError::Malformed { message: String::from("the stream is not UTF-8") })
}

/// The value of a `data` line; other fields and comments have none.
fn field_data(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    match rest {
        [] => Some(rest),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(parts: Vec<&'static [u8]>) -> Chunks {
        stream::iter(parts.into_iter().map(|part| Ok(Bytes::from_static(part)))).boxed()
    }

    async fn read(chunks: Chunks, limits: Limits) -> Vec<Result<String, ModelError>> {
        events(chunks, limits, CancellationToken::new()).collect().await
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
    async fn lines_end_in_three_ways_and_fields_are_told_apart() {
        let text =
            "\u{feff}data:a\rdata\r\ndata:  b\n\rid: 1\r\rdatum: x\n\ndata:\n\ndata: c\r\n\r\n";
        for size in 1..text.len() {
            let parts = text.as_bytes().chunks(size).collect();
            let got = read(chunks(parts), Limits::default()).await;
            assert_eq!(got, [Ok("a\n\n b".into()), Ok("c".into())], "chunks of {size}");
        }
    }

    #[tokio::test]
    async fn lines_come_whole_however_the_bytes_are_cut() {
        let text: &[u8] = "{\"a\":\"ü\"}\n\n{}\r\n{\"cut\":".as_bytes();
        for size in 1..text.len() {
            let parts = chunks(text.chunks(size).collect());
            let got: Vec<_> =
                lines(parts, Limits::default(), CancellationToken::new()).collect().await;
            assert_eq!(got, [Ok("{\"a\":\"ü\"}".into()), Ok("{}".into())], "chunks of {size}");
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
