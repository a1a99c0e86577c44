//! The patterns of ignore files, and whether a path matches one.
//!
//! (Rules: gitignore(5); where that page leaves a choice, what git does: `add_patterns_from_buffer`,
//! `parse_path_pattern` and `match_pathname` in its dir.c, and its wildmatch.c.) A pattern costs time that is
//! polynomial in its length and the path's, however it is made, and no depth of calls.

use bstr::ByteSlice;

/// A longer line is not read: no path is as long as that.
const LONGEST_LINE: usize = 4096;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The patterns of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    bytes: Vec<u8>,
    patterns: Vec<Pattern>,
}

/// One pattern.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    /// Where its text stands in the file, without `!` in front and `/` behind.
    start: usize,
    length: u16,
    /// How many of its bytes stand for themselves before one that may not.
    literal: u16,
    /// It takes back what patterns before it say.
    is_negative: bool,
    /// It matches folders only.
    is_for_folders: bool,
    /// It has no `/`, and so is held against the last part of a path, in whatever folder.
    is_for_names: bool,
}

impl List {
    /// Reads a file; `None` where a line is longer than any path.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let mut start = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let mut patterns = Vec::new();
        for line in bytes[start..].split(|byte| *byte == b'\n') {
            if line.len() > LONGEST_LINE {
                return None;
            }
            patterns.extend(Pattern::read(line, start));
            start += line.len() + 1;
        }
        Some(Self { bytes, patterns })
    }

    /// What the last pattern that matches says: ignored, or not. The path is from the folder of the file.
    pub(super) fn verdict(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let is_match = |pattern: &&Pattern| {
            (is_folder || !pattern.is_for_folders)
                && pattern.matches(&self.bytes, if pattern.is_for_names { name } else { path })
        };
        self.patterns.iter().rev().find(is_match).map(|pattern| !pattern.is_negative)
    }
}

impl Pattern {
    fn read(line: &[u8], start: usize) -> Option<Self> {
        if line.first().is_none_or(|first| *first == b'#') {
            return None;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.split(|byte| *byte == 0).next().unwrap_or(line);
        let line = without_trailing_spaces(line);
        let whole = line.strip_prefix(b"!").unwrap_or(line);
        let is_negative = whole.len() < line.len();
        let text = whole.strip_suffix(b"/").unwrap_or(whole);
        if text.is_empty() {
            return None;
        }
        Some(Self {
            start: start + usize::from(is_negative),
            length: u16::try_from(text.len()).ok()?,
            literal: u16::try_from(text.find_byteset(br"*?[\").unwrap_or(text.len())).ok()?,
            is_negative,
            is_for_folders: text.len() < whole.len(),
            is_for_names: !text.contains(&b'/'),
        })
    }

    fn matches(&self, bytes: &[u8], subject: &[u8]) -> bool {
        let text = &bytes[self.start..self.start + usize::from(self.length)];
        let (literal, rest) = text.split_at(usize::from(self.literal));
        let literal = literal.strip_prefix(b"/").unwrap_or(literal);
        // What follows the literal part is held against what follows it in the path as if both began there: so git has
        // it, and `a**/b` finds `ax/y/b`.
        subject.strip_prefix(literal).is_some_and(|subject| wild(rest, subject))
    }
}

/// A space at the end counts where a backslash stands before it.
fn without_trailing_spaces(line: &[u8]) -> &[u8] {
    let (mut end, mut at) = (0, 0);
    while let Some(byte) = line.get(at) {
        at += match byte {
            b'\\' => 2,
            _ => 1,
        };
        if *byte != b' ' {
            end = at;
        }
    }
    &line[..end.min(line.len())]
}

/// Whether a pattern matches a path as a whole.
///
/// Where a part does not match, the last `*` of this part of the path takes one byte more; when it cannot (it stops at
/// `/`), the last `**/` takes one more folder. No earlier one need be tried again: what it could take more, the last
/// one can too.
fn wild(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Behind the last `*`, and how far it has taken text; the same for `**/`.
    let (mut star, mut stars) = (None::<(usize, usize)>, None::<(usize, usize)>);
    loop {
        let is_stuck = match next(pattern, at, text.get(seen).copied()) {
            Next::End if seen == text.len() => return true,
            Next::Everything => return true,
            Next::Star(behind) => {
                star = Some((behind, seen));
                at = behind;
                false
            }
            Next::Folders { behind, or_none } => {
                (star, stars) = (None, Some((behind, seen)));
                at = behind;
                !or_none
            }
            Next::Match(behind) => {
                if text[seen] == b'/' {
                    star = None;
                }
                (at, seen) = (behind, seen + 1);
                false
            }
            Next::End | Next::Mismatch => true,
        };
        if !is_stuck {
            continue;
        }
        if let Some((behind, taken)) = star.filter(|(_, taken)| text.get(*taken).is_some_and(|byte| *byte != b'/')) {
            star = Some((behind, taken + 1));
            (at, seen) = (behind, taken + 1);
        } else if let Some((behind, taken)) = stars
            && let Some(length) = text[taken..].find_byte(b'/')
        {
            let taken = taken + length + 1;
            (star, stars) = (None, Some((behind, taken)));
            (at, seen) = (behind, taken);
        } else {
            return false;
        }
    }
}

/// What stands in a pattern at some place, and what is behind it.
enum Next {
    End,
    /// A `**` at the end.
    Everything,
    /// Any number of bytes but `/`.
    Star(usize),
    /// `**/`: any number of folders; one at the least, where the `/` is escaped.
    Folders {
        behind: usize,
        or_none: bool,
    },
    /// What stands for the byte that was asked for.
    Match(usize),
    /// What stands for another byte, or is malformed and stands for none.
    Mismatch,
}

fn next(pattern: &[u8], at: usize, byte: Option<u8>) -> Next {
    let (is_match, behind) = match (&pattern[at..], byte) {
        ([], _) => return Next::End,
        ([b'*', ..], _) => return stars(pattern, at),
        (_, None) | ([b'\\'], _) => return Next::Mismatch,
        ([b'?', ..], Some(byte)) => (byte != b'/', at + 1),
        ([b'[', set @ ..], Some(byte)) => match has(set, byte) {
            Some((is_in, length)) => (is_in && byte != b'/', at + 1 + length),
            None => return Next::Mismatch,
        },
        ([b'\\', literal, ..], Some(byte)) => (byte == *literal, at + 2),
        ([literal, ..], Some(byte)) => (byte == *literal, at + 1),
    };
    if is_match { Next::Match(behind) } else { Next::Mismatch }
}

fn stars(pattern: &[u8], at: usize) -> Next {
    let count = pattern[at..].iter().take_while(|byte| **byte == b'*').count();
    let behind = at + count;
    let is_alone = count > 1 && (at == 0 || pattern[at - 1] == b'/');
    match &pattern[behind..] {
        [] if is_alone => Next::Everything,
        [b'/', ..] if is_alone => Next::Folders { behind: behind + 1, or_none: true },
        [b'\\', b'/', ..] if is_alone => Next::Folders { behind: behind + 2, or_none: false },
        _ => Next::Star(behind),
    }
}

/// Whether a byte is in a set, and how long the set is from behind its `[` on; `None` where it is malformed.
fn has(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let is_negated = matches!(set, [b'!' | b'^', ..]);
    let (mut at, mut is_in) = (usize::from(is_negated), false);
    // What a range may begin with.
    let mut low = None;
    loop {
        let item = Item::read(&set[at..], low)?;
        is_in |= item.holds(byte);
        at += item.length;
        low = item.low();
        // What stands first is never the end.
        if *set.get(at)? == b']' {
            return Some((is_in != is_negated, at + 1));
        }
    }
}

/// What stands in a set.
struct Item {
    kind: Kind,
    length: usize,
}

enum Kind {
    Byte(u8),
    Range(u8, u8),
    Class(fn(u8) -> bool),
}

impl Item {
    fn read(rest: &[u8], low: Option<u8>) -> Option<Self> {
        let (kind, length) = match (rest, low) {
            ([b'\\', byte, ..], _) => (Kind::Byte(*byte), 2),
            ([] | [b'\\'] | [b'-', b'\\'], _) => return None,
            ([b'-', b'\\', high, ..], Some(low)) => (Kind::Range(low, *high), 3),
            ([b'-', high, ..], Some(low)) if *high != b']' => (Kind::Range(low, *high), 2),
            ([b'[', b':', inside @ ..], _) => {
                let inside = &inside[..inside.find_byte(b']')?];
                match inside.strip_suffix(b":") {
                    Some(name) => (Kind::Class(class(name)?), name.len() + 4),
                    None => (Kind::Byte(b'['), 1),
                }
            }
            ([byte, ..], _) => (Kind::Byte(*byte), 1),
        };
        Some(Self { kind, length })
    }

    fn holds(&self, byte: u8) -> bool {
        match self.kind {
            Kind::Byte(one) => one == byte,
            Kind::Range(low, high) => (low..=high).contains(&byte),
            Kind::Class(holds) => holds(byte),
        }
    }

    const fn low(&self) -> Option<u8> {
        match self.kind {
            Kind::Byte(byte) => Some(byte),
            Kind::Range(..) | Kind::Class(_) => None,
        }
    }
}

fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
    Some(match name {
        b"alnum" => |byte| byte.is_ascii_alphanumeric(),
        b"alpha" => |byte| byte.is_ascii_alphabetic(),
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => |byte| byte.is_ascii_control(),
        b"digit" => |byte| byte.is_ascii_digit(),
        b"graph" => |byte| byte.is_ascii_graphic(),
        b"lower" => |byte| byte.is_ascii_lowercase(),
        b"print" => |byte| byte.is_ascii_graphic() || byte == b' ',
        b"punct" => |byte| byte.is_ascii_punctuation(),
        b"space" => |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
        b"upper" => |byte| byte.is_ascii_uppercase(),
        b"xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let list = List::read(b"*.o\n!keep.o\n/a/**/f\nb/\n".to_vec()).expect("patterns");
        let verdict = |path: &str| list.verdict(path.as_bytes(), false);
        assert_eq!(
            ["x/y.o", "x/keep.o", "a/f", "a/b/c/f", "b", "c"].map(verdict),
            [Some(true), Some(false), Some(true), Some(true), None, None]
        );
        assert_eq!(list.verdict(b"x/b", true), Some(true));
    }

    #[test]
    fn a_line_that_is_longer_than_any_path_is_refused() {
        assert!(List::read(vec![b'a'; LONGEST_LINE]).is_some());
        assert!(List::read(vec![b'a'; LONGEST_LINE + 1]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, path: Vec<u8>) {
            let _ = List::read(bytes).map(|list| list.verdict(&path, true));
        }

        #[test]
        fn no_pattern_makes_it_panic(bytes in "[]ab/*?\\[!^:\\\\ \n\r\u{0}-]{0,24}|\\[\\[:alpha:", path in "[]ab/:-]{0,12}") {
            let _ = List::read(bytes.into_bytes()).map(|list| list.verdict(path.as_bytes(), false));
        }
    }
}
