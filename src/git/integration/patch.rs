//! Patches as `git diff-tree --stdin -p` prints them, each as one number.
//!
//! Two patches have one number where they do the same to the same names with the same modes, byte by byte, and between
//! the same lines. Left out are the numbers of lines, what git puts behind them, and the ids of contents that are shown;
//! of a content that is not shown its ids are in.

use std::collections::{HashMap, HashSet};

use bstr::ByteSlice;
use gix_hash::ObjectId;
use sha2::{Digest, Sha256};

use crate::git::errand::Taker;

/// A longer line outside of a content is not read.
const LONGEST: usize = 1 << 20;

/// What a patch is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A commit, from its parent.
    Commit(ObjectId),
    /// A tree and another that it is to become.
    Trees(ObjectId, ObjectId),
}

/// The number of a patch.
pub(super) type Number = [u8; 32];

/// What git has said of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patch {
    /// It changes nothing.
    Empty,
    /// It changes something.
    Of(Number),
}

/// Reads patches, one after the other.
pub(super) struct Patches {
    kind: gix_hash::Kind,
    read: HashMap<Subject, Patch>,
    open: Option<Open>,
    /// The line outside of a content that is not whole yet.
    line: Vec<u8>,
    is_broken: bool,
}

/// A patch that may go on.
struct Open {
    subject: Subject,
    sum: Sha256,
    is_empty: bool,
    /// The ids of the contents before and after, of the file that is being read.
    ids: Option<Vec<u8>>,
    /// The lines that are left of a piece of content, before and after.
    left: [u64; 2],
    /// A line of a content is not whole yet.
    is_within_line: bool,
}

/// Patches that were read.
pub(super) struct Known {
    read: HashMap<Subject, Patch>,
    asked: HashSet<Subject>,
    is_complete: bool,
}

impl Known {
    /// What is known of a patch; none: it was not asked for, or git has not come to it.
    ///
    /// Of a commit that changes nothing git says nothing.
    pub(super) fn of(&self, subject: Subject) -> Option<Patch> {
        let is_silent = self.is_complete && matches!(subject, Subject::Commit(_)) && self.asked.contains(&subject);
        self.read.get(&subject).copied().or(is_silent.then_some(Patch::Empty))
    }
}

impl Taker for Patches {
    fn take(&mut self, mut piece: &[u8]) {
        while !self.is_broken && !piece.is_empty() {
            let is_in_content = self.open.as_ref().is_some_and(Open::is_in_content);
            let read = if is_in_content { self.content(piece) } else { self.outside(piece) };
            match read {
                Some(rest) => piece = rest,
                None => self.is_broken = true,
            }
        }
    }
}

impl Patches {
    /// None yet.
    pub(super) fn new(kind: gix_hash::Kind) -> Self {
        Self { kind, read: HashMap::new(), open: None, line: Vec::new(), is_broken: false }
    }

    /// All that were read. None: this was no answer to what was asked. `is_complete`: git has ended well.
    pub(super) fn known(mut self, asked: HashSet<Subject>, is_complete: bool) -> Option<Known> {
        if is_complete {
            if !self.line.is_empty() || self.open.as_ref().is_some_and(Open::is_in_content) {
                return None;
            }
            self.close();
        }
        let is_meant = !self.is_broken && self.read.keys().all(|subject| asked.contains(subject));
        is_meant.then_some(Known { read: self.read, asked, is_complete })
    }

    /// Reads the rest of a line of a content, or as much as there is of it; gives what follows.
    fn content<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let open = self.open.as_mut()?;
        if !open.is_within_line {
            open.begin_line(*piece.first()?)?;
        }
        let end = piece.find_byte(b'\n').map(|at| at + 1);
        open.is_within_line = end.is_none();
        let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
        open.sum.update(line);
        Some(rest)
    }

    /// Reads a line outside of a content, or as much as there is of it; gives what follows.
    fn outside<'a>(&mut self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let end = piece.find_byte(b'\n');
        let (part, rest) = piece.split_at(end.unwrap_or(piece.len()));
        if self.line.len() + part.len() > LONGEST {
            return None;
        }
        self.line.extend_from_slice(part);
        if end.is_none() {
            return Some(rest);
        }
        let line = std::mem::take(&mut self.line);
        match self.subject(&line) {
            Some(subject) => {
                self.close();
                let (sum, left) = (Sha256::new(), [0, 0]);
                self.open = Some(Open { subject, sum, is_empty: true, ids: None, left, is_within_line: false });
            }
            None => self.open.as_mut()?.header(&line)?,
        }
        Some(&rest[1..])
    }

    /// `COMMIT`, or `TREE TREE`.
    fn subject(&self, line: &[u8]) -> Option<Subject> {
        let id = |word: &[u8]| ObjectId::from_hex(word).ok().filter(|id| id.kind() == self.kind);
        match line.split_once_str(" ") {
            Some((before, after)) => Some(Subject::Trees(id(before)?, id(after)?)),
            None => Some(Subject::Commit(id(line)?)),
        }
    }

    fn close(&mut self) {
        if let Some(Open { subject, sum, is_empty, .. }) = self.open.take() {
            let patch = if is_empty { Patch::Empty } else { Patch::Of(sum.finalize().into()) };
            // Said twice, in two ways: nothing can be relied on.
            self.is_broken |= self.read.insert(subject, patch).is_some_and(|before| before != patch);
        }
    }
}

impl Open {
    fn is_in_content(&self) -> bool {
        self.left != [0, 0] || self.is_within_line
    }

    /// Counts a line of a content, which begins so.
    fn begin_line(&mut self, sign: u8) -> Option<()> {
        let counted = match sign {
            b' ' => [1, 1],
            b'-' => [1, 0],
            b'+' => [0, 1],
            // The line before has no end.
            b'\\' => [0, 0],
            _ => return None,
        };
        let [before, after] = self.left;
        self.left = [before.checked_sub(counted[0])?, after.checked_sub(counted[1])?];
        Some(())
    }

    /// Reads a line outside of a content.
    fn header(&mut self, line: &[u8]) -> Option<()> {
        let is_file = line.starts_with(b"diff --git ");
        if self.is_empty && !is_file {
            return None;
        }
        if is_file {
            (self.is_empty, self.ids) = (false, None);
        } else if let Some(rest) = line.strip_prefix(b"index ") {
            let (ids, mode) = rest.split_once_str(" ").unwrap_or((rest, b""));
            self.ids = Some(ids.to_owned());
            self.add(&[b"index ", mode]);
            return Some(());
        } else if line.starts_with(b"Binary files ") {
            let ids = self.ids.take()?;
            self.add(&[b"contents ", &ids]);
        } else if let Some(rest) = line.strip_prefix(b"@@ -") {
            self.left = spans(rest)?;
            self.add(&[b"@@"]);
            return Some(());
        } else {
            const KNOWN: [&[u8]; 7] =
                [b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode ", b"--- ", b"+++ ", b"\\ "];
            if !KNOWN.iter().any(|known| line.starts_with(known)) {
                return None;
            }
        }
        self.add(&[line]);
        Some(())
    }

    fn add(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.sum.update(part);
        }
        self.sum.update(b"\n");
    }
}

/// `FROM,COUNT +FROM,COUNT @@`: how many lines there are, before and after. Where it is not said, it is one.
fn spans(text: &[u8]) -> Option<[u64; 2]> {
    let (before, rest) = text.split_once_str(" +")?;
    let (after, _) = rest.split_once_str(" @@")?;
    let count = |span: &[u8]| {
        let number = |text: &[u8]| text.to_str().ok()?.parse::<u32>().ok().map(u64::from);
        match span.split_once_str(",") {
            Some((from, count)) => number(from).and(number(count)),
            None => number(span).and(Some(1)),
        }
    };
    Some([count(before)?, count(after)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0101010101010101010101010101010101010101";
    const OTHER: &str = "0202020202020202020202020202020202020202";

    fn known(text: &str, piece: usize, is_complete: bool) -> Option<Known> {
        let mut patches = Patches::new(gix_hash::Kind::Sha1);
        text.as_bytes().chunks(piece).for_each(|piece| patches.take(piece));
        patches.known(both(), is_complete)
    }

    fn both() -> HashSet<Subject> {
        HashSet::from([commit(ONE), commit(OTHER), Subject::Trees(id(OTHER), id(ONE))])
    }

    fn id(text: &str) -> ObjectId {
        ObjectId::from_hex(text.as_bytes()).expect("an id")
    }

    fn commit(text: &str) -> Subject {
        Subject::Commit(id(text))
    }

    fn patch(body: &str) -> Patch {
        let text = format!("{ONE}\n{body}{OTHER} {ONE}\n");
        let all: Vec<_> = [1, 3, 64, 4096]
            .into_iter()
            .map(|piece| known(&text, piece, true).expect("patches").of(commit(ONE)).expect("a patch"))
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{text}");
        all[0]
    }

    const TEXT: &str = "diff --git a/f b/f\nindex 11..22 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@ word\n a\n-b\n+c\n";

    #[test]
    fn only_the_numbers_of_lines_and_shown_contents_do_not_count() {
        let whole = patch(TEXT);
        assert_ne!(whole, Patch::Empty);
        assert_eq!(whole, patch(&TEXT.replace("-1,2 +1,2 @@ word", "-71,2 +90,2 @@ other")));
        assert_eq!(whole, patch(&TEXT.replace("11..22", "33..44")));
        for (from, to) in [
            ("a/f b/f", "a/g b/g"),
            ("--- a/f", "--- /dev/null"),
            ("100644", "100755"),
            (" 100644", ""),
            ("index", "old mode 100644\nnew mode 100755\nindex"),
            ("\n-b", "\n- b"),
            ("\n-b", "\n-b\r"),
            ("\n a", "\n b"),
            ("+c\n", "+c\n\\ No newline at end of file\n"),
            ("-b\n", "-b\n\\ No newline at end of file\n"),
            ("\n-b\n+c", "\n+c\n-b"),
        ] {
            assert_ne!(whole, patch(&TEXT.replace(from, to)), "{from:?} for {to:?}");
        }
        assert_ne!(whole, patch(&format!("{TEXT}{}", TEXT.replace("/f", "/g"))));
        let binary = "diff --git a/f b/f\nindex 11..22 100644\nBinary files a/f and b/f differ\n";
        assert_ne!(patch(binary), patch(&binary.replace("11..22", "11..33")), "of what is not shown, the ids are in");
        assert_eq!(patch(""), Patch::Empty);
    }

    #[test]
    fn a_line_of_a_content_is_none_of_anything_else() {
        // What is added looks like the end of a patch, and like a file's name.
        let odd = format!("diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -0,0 +1,2 @@\n+{OTHER}\n+diff --git a/g b/g\n");
        assert_ne!(patch(&odd), Patch::Empty);
        let all = known(&format!("{ONE}\n{odd}"), 4096, true).expect("patches");
        assert_eq!(all.of(commit(OTHER)), Some(Patch::Empty), "it was asked for, and has no patch");
    }

    #[test]
    fn what_git_has_not_come_to_is_not_known() {
        let text = format!("{ONE}\n{TEXT}{OTHER}\n{TEXT}");
        let cut = known(&text, 4096, false).expect("patches");
        assert_eq!(cut.of(commit(ONE)), Some(patch(TEXT)));
        assert_eq!(cut.of(commit(OTHER)), None, "it may go on");
        assert_eq!(known(&text, 4096, true).expect("patches").of(commit(OTHER)), Some(patch(TEXT)));
        let broken = text.len() - 4;
        assert!(known(&text[..broken], 4096, true).is_none(), "half a patch");
        assert!(known("diff --git a/f b/f\n", 1, true).is_none(), "of nothing");
        for odd in ["index 1..2\n", "rubbish\n", "@@ -1 +1 @@\n"] {
            assert!(known(&format!("{ONE}\n{odd}"), 1, true).is_none(), "{odd}");
        }
        for odd in ["similarity index 90%\n", "Binary files a and b differ\n", "@@ -x +1 @@\n", "@@ -1 +1 @@\n-a\n-a\n"]
        {
            assert!(known(&format!("{ONE}\ndiff --git a/f b/f\n{odd}"), 1, true).is_none(), "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces: Vec<Vec<u8>>, is_complete: bool) {
            for start in ["", ONE, TEXT, "diff --git a/f b/f\n", "@@ -1,9 +1,9 @@\n", "index "] {
                let mut patches = Patches::new(gix_hash::Kind::Sha1);
                patches.take(format!("{ONE}\ndiff --git a/f b/f\n").as_bytes());
                patches.take(start.as_bytes());
                for piece in &pieces {
                    patches.take(piece);
                }
                patches.known(both(), is_complete);
            }
        }

        #[test]
        fn it_does_not_matter_how_it_comes(at in 0..200_usize, lines in proptest::collection::vec("[-+ ]{0,3}[a@\\\\]?", 0..9)) {
            let content: String = lines.iter().map(|line| format!("+{line}\n")).collect();
            let text = format!("{ONE}\ndiff --git a/f b/f\n@@ -0,0 +1,{} @@\n{content}", lines.len());
            let at = at.min(text.len());
            let mut patches = Patches::new(gix_hash::Kind::Sha1);
            patches.take(&text.as_bytes()[..at]);
            patches.take(&text.as_bytes()[at..]);
            let whole = known(&text, 4096, true).and_then(|known| known.of(commit(ONE)));
            assert!(whole.is_some());
            assert_eq!(patches.known(both(), true).and_then(|known| known.of(commit(ONE))), whole);
        }
    }
}
