//! What `git diff --numstat` counts for one file, where every way of comparing it comes to the same numbers.
//!
//! Which lines of two contents are the same lines is a matter of taste, and git has several ways to find them. What
//! both begin with and end with is the same to all of them that are asked about here; if nothing is left on one side, or no
//! line that is left on one side is left on the other, there is no choice. (Rules: `xdl_trim_ends` and
//! `xdl_cleanup_records` in git's xdiff/xprepare.c, `buffer_is_binary` in xdiff-interface.c.)

use std::collections::HashSet;

use bstr::ByteSlice;

/// What git looks at to tell whether a file is binary.
const FIRST_FEW_BYTES: usize = 8000;

/// How many lines differ. A binary file has no lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Lines that only the new content has.
    pub insertions: u64,
    /// Lines that only the old content has.
    pub deletions: u64,
}

/// Compares two contents; none where git might count otherwise.
pub fn numbers(old: &[u8], new: &[u8]) -> Option<Numbers> {
    let is_binary = |content: &[u8]| content[..content.len().min(FIRST_FEW_BYTES)].contains(&0);
    if is_binary(old) || is_binary(new) {
        return Some(Numbers::default());
    }
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(old), lines(new));
    let same = |pair: &(&&[u8], &&[u8])| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let is_certain = old.is_empty() || new.is_empty() || {
        let known: HashSet<&[u8]> = old.iter().copied().collect();
        !new.iter().any(|line| known.contains(line))
    };
    is_certain.then_some(Numbers { insertions: new.len() as u64, deletions: old.len() as u64 })
}

/// The lines of a content, each with what ends it; the last one may have no end.
fn lines(content: &[u8]) -> Vec<&[u8]> {
    content.lines_with_terminator().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_where_there_is_no_choice() {
        let told = |old: &str, new: &str| {
            numbers(old.as_bytes(), new.as_bytes()).map(|numbers| (numbers.insertions, numbers.deletions))
        };
        assert_eq!(told("", ""), Some((0, 0)));
        assert_eq!(told("a\nb\n", "a\nb\nc\n"), Some((1, 0)));
        assert_eq!(told("a\nb\n", "a\nb"), Some((1, 1)), "the end of a line is a part of it");
        assert_eq!(told("a\nb\nc\n", "a\nx\ny\nc\n"), Some((2, 1)));
        assert_eq!(told("a\nb\na\n", "a\nb\na\nb\na\n"), Some((2, 0)));
        assert_eq!(told("x\na\ny\n", "p\na\nq\n"), None, "the line between may be kept");
        assert_eq!(told("a\0\n", "b\n"), Some((0, 0)));
    }
}
