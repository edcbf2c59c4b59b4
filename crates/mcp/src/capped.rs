//! A stream of lines that fails at one that is too long, instead of waiting for its end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, ReadBuf};

/// What went wrong, for whoever asks after the stream has ended.
pub(crate) type Fault = Arc<Mutex<Option<String>>>;

/// The stream.
#[derive(Debug)]
pub(crate) struct Capped<R> {
    inner: R,
    line: usize,
    most: usize,
    fault: Fault,
}

impl<R> Capped<R> {
    /// At most so many bytes a line.
    pub(crate) fn new(inner: R, most: usize, fault: Fault) -> Self {
        Self { inner, line: 0, most, fault }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Capped<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        for byte in buffer.filled().get(before..).unwrap_or_default() {
            self.line = if *byte == b'\n' { 0 } else { self.line + 1 };
            if self.line > self.most {
                let why = format!("it sent a message of more than {} bytes", self.most);
                *self.fault.lock() = Some(why.clone());
                buffer.set_filled(before);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn long_lines_end_it_and_many_short_ones_do_not() {
        let fault = Fault::default();
        let mut fine = Capped::new(&b"1234\n1234\n1234\n"[..], 4, Arc::clone(&fault));
        let mut text = String::new();
        fine.read_to_string(&mut text).await.expect("read");
        assert_eq!((text.len(), fault.lock().clone()), (15, None));
        let mut long = Capped::new(&b"1234\n12345\n"[..], 4, Arc::clone(&fault));
        assert!(long.read_to_string(&mut text).await.is_err());
        assert_eq!(fault.lock().as_deref(), Some("it sent a message of more than 4 bytes"));
    }
}
