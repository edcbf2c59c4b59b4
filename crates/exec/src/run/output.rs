//! What is kept of a long output: the beginning and the end, and how much is missing between them.

use std::collections::VecDeque;

/// How much to keep of one stream, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the beginning.
    pub head: usize,
    /// Of the end.
    pub tail: usize,
}

impl Limits {
    /// Three parts beginning to one part end.
    #[must_use]
    pub const fn total(bytes: usize) -> Self {
        let tail = bytes / 4;
        Self { head: bytes - tail, tail }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::total(200_000)
    }
}

/// Collects a stream within its limits.
#[derive(Debug)]
pub struct Tail {
    limits: Limits,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    seen: u64,
}

impl Tail {
    /// Nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, head: Vec::new(), tail: VecDeque::new(), seen: 0 }
    }

    /// More of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        let room = self.limits.head.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let skip = rest.len().saturating_sub(self.limits.tail);
        self.tail.extend(rest.iter().skip(skip));
        let surplus = self.tail.len().saturating_sub(self.limits.tail);
        self.tail.drain(..surplus);
    }

    /// What was kept so far.
    #[must_use]
    pub fn snapshot(&self) -> Captured {
        let kept = (self.head.len() + self.tail.len()) as u64;
        Captured {
            head: self.head.clone(),
            tail: self.tail.iter().copied().collect(),
            cut: self.seen.saturating_sub(kept),
        }
    }

    /// What was kept, at the end.
    #[must_use]
    pub fn take(self) -> Captured {
        self.snapshot()
    }

    /// How many bytes there were in all.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

/// What was kept of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its beginning; all of it if nothing was cut.
    pub head: Vec<u8>,
    /// Its end.
    pub tail: Vec<u8>,
    /// How many bytes between the two are missing.
    pub cut: u64,
}

impl Captured {
    /// As text, with a line in the place of what is missing. Bytes that are no text become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        if self.cut == 0 {
            let mut whole = self.head.clone();
            whole.extend_from_slice(&self.tail);
            return String::from_utf8_lossy(&whole).into_owned();
        }
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(&self.tail);
        let cut = self.cut;
        format!("{head}\n[{cut} bytes left out]\n{tail}")
    }

    /// Whether something is missing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(limits: Limits, pieces: &[&[u8]]) -> Captured {
        let mut tail = Tail::new(limits);
        for piece in pieces {
            tail.push(piece);
        }
        tail.take()
    }

    #[test]
    fn the_middle_is_cut_and_counted() {
        let limits = Limits { head: 3, tail: 2 };
        for (pieces, text, cut) in [
            (&[b"".as_slice()] as &[&[u8]], "", 0),
            (&[b"abc"], "abc", 0),
            (&[b"ab", b"cde"], "abcde", 0),
            (&[b"abcdef"], "abc\n[1 bytes left out]\nef", 1),
            (&[b"a", b"b", b"c", b"d", b"e", b"f", b"g"], "abc\n[2 bytes left out]\nfg", 2),
            (&[b"abcd", b"efghij"], "abc\n[5 bytes left out]\nij", 5),
        ] {
            let captured = captured(limits, pieces);
            assert_eq!((captured.text().as_str(), captured.cut), (text, cut));
        }
    }

    #[test]
    fn a_character_across_the_seam_stays_whole() {
        let limits = Limits { head: 1, tail: 4 };
        assert_eq!(captured(limits, &["é!".as_bytes()]).text(), "é!");
    }

    #[test]
    fn memory_is_bounded_by_the_limits() {
        let mut tail = Tail::new(Limits { head: 10, tail: 10 });
        for _ in 0..1000 {
            tail.push(&[b'x'; 1000]);
        }
        assert_eq!(tail.seen(), 1_000_000);
        assert!(tail.tail.capacity() < 4096, "{}", tail.tail.capacity());
        assert_eq!(tail.take().cut, 999_980);
    }
}
