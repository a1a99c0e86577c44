//! NUL-terminated fields out of a stream that comes in pieces, in memory for one field.

/// Puts pieces together to fields.
#[derive(Default)]
pub(super) struct Fields {
    open: Vec<u8>,
}

impl Fields {
    /// Takes a piece; `field` is called for each field that it completes.
    pub(super) fn feed(&mut self, mut chunk: &[u8], mut field: impl FnMut(&[u8])) {
        use bstr::ByteSlice;
        while let Some(end) = chunk.find_byte(0) {
            if self.open.is_empty() {
                field(&chunk[..end]);
            } else {
                self.open.extend_from_slice(&chunk[..end]);
                field(&self.open);
                self.open.clear();
            }
            chunk = &chunk[end + 1..];
        }
        self.open.extend_from_slice(chunk);
    }

    /// Whether the stream stopped in the middle of a field.
    pub(super) const fn is_cut_off(&self) -> bool {
        !self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn is_the_same_whatever_the_pieces() {
        let stream = b"one\0\0three is longer\0four\0rest";
        for size in 1..stream.len() {
            let (mut fields, mut found) = (Fields::default(), Vec::new());
            for chunk in stream.chunks(size) {
                fields.feed(chunk, |field| found.push(field.to_vec()));
            }
            assert_eq!(found, [&b"one"[..], b"", b"three is longer", b"four"], "pieces of {size}");
            assert!(fields.is_cut_off());
        }
    }
}
