//! What a command says while it works: pieces of text in order, as large as the contract allows.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use tokio::sync::mpsc;

/// Longest piece, in characters.
pub(crate) const MAX_PIECE: usize = 16 * 1024;
/// Bytes of a stream in one piece, so that it fits as base64 as well.
const MAX_BYTES: usize = 12_000;
/// Pieces that wait for the link; a command that says more waits too.
const WAITING: usize = 4;

/// Takes what a command says. Without a listener it goes nowhere.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pieces: Option<mpsc::Sender<String>>,
}

impl Output {
    /// An output, and what comes out of it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { pieces: Some(sender) }, receiver)
    }

    /// Hands on bytes of one stream, as JSON objects `{stream, text}` or `{stream, base64}`.
    pub(crate) async fn stream(&self, stream: &str, bytes: &[u8]) {
        for piece in bytes.chunks(MAX_BYTES) {
            self.piece(written(stream, piece)).await;
        }
    }

    async fn piece(&self, piece: String) {
        if let Some(pieces) = &self.pieces {
            // The call is over if nobody listens; what it says then is of no use.
            pieces.send(piece).await.ok();
        }
    }
}

fn written(stream: &str, bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok().map(|text| json!({"stream": stream, "text": text}));
    match text.map(|text| text.to_string()).filter(|text| text.len() <= MAX_PIECE) {
        Some(text) => text,
        None => json!({"stream": stream, "base64": STANDARD.encode(bytes)}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_fits_whatever_is_in_it() {
        for bytes in [vec![b'a'; MAX_BYTES], vec![0; MAX_BYTES], vec![0xff; MAX_BYTES]] {
            assert!(written("stdout", &bytes).chars().count() <= MAX_PIECE);
        }
        assert_eq!(written("stderr", b"\xc3"), r#"{"base64":"ww==","stream":"stderr"}"#);
        assert_eq!(written("stdout", b"hi\n"), r#"{"stream":"stdout","text":"hi\n"}"#);
    }
}
