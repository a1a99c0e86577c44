//! The end of an output stream, in bounded memory.

use crate::model::answer::Captured;

/// Keeps the last `limit` bytes of what it is fed, in no more than twice that memory.
#[derive(Debug)]
pub struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    dropped: bool,
}

impl Tail {
    /// An empty one.
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, dropped: false }
    }

    /// Takes a piece of the stream.
    pub fn feed(&mut self, chunk: &[u8]) {
        let kept = &chunk[chunk.len().saturating_sub(self.limit)..];
        self.dropped |= kept.len() < chunk.len();
        if self.bytes.len() + kept.len() > self.limit.saturating_mul(2) {
            self.trim(self.limit.saturating_sub(kept.len()));
        }
        self.bytes.extend_from_slice(kept);
    }

    fn trim(&mut self, length: usize) {
        let excess = self.bytes.len().saturating_sub(length);
        if excess > 0 {
            self.bytes.drain(..excess);
            self.dropped = true;
        }
    }

    /// What was kept.
    pub fn finish(mut self) -> Captured {
        self.trim(self.limit);
        self.bytes.shrink_to_fit();
        Captured { bytes: self.bytes, truncated: self.dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(limit: usize, chunks: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut tail = Tail::new(limit);
        for chunk in chunks {
            tail.feed(chunk);
            assert!(tail.bytes.len() <= limit * 2);
        }
        let captured = tail.finish();
        (captured.bytes, captured.truncated)
    }

    #[test]
    fn keeps_the_end() {
        assert_eq!(tail(4, &[b"ab", b"cd"]), (b"abcd".to_vec(), false));
        assert_eq!(tail(4, &[b"ab", b"cd", b"e"]), (b"bcde".to_vec(), true));
        assert_eq!(tail(4, &[b"abcdefghij"]), (b"ghij".to_vec(), true));
        assert_eq!(tail(4, &[b"abc", b"defghij"]), (b"ghij".to_vec(), true));
        assert_eq!(tail(0, &[b"abc"]), (Vec::new(), true));
        assert_eq!(tail(4, &[]), (Vec::new(), false));
    }

    #[test]
    fn is_the_end_whatever_the_pieces() {
        let whole: Vec<u8> = (0..=255_u8).cycle().take(5000).collect();
        for size in [1, 3, 7, 64, 1000] {
            let chunks: Vec<&[u8]> = whole.chunks(size).collect();
            assert_eq!(tail(100, &chunks), (whole[4900..].to_vec(), true), "pieces of {size}");
        }
    }
}
