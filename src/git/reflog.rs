//! A log of a ref, where it is a file, read without git.
//!
//! A line that git might read otherwise than it is read here is not read. (Rule: `show_one_reflog_ent` in git's
//! refs/files-backend.c, which passes over lines that it finds corrupt.)

use std::io::ErrorKind;
use std::path::Path;

use bstr::ByteSlice;

use crate::git::regular_file::{self, Links};
use crate::git::why::Why;

/// A longer log is not read.
const LONGEST: usize = 16 << 20;

/// How many entries a log has; where it is not there, it has none. `id_length`: how many digits an object id has.
pub fn count(log: &Path, id_length: usize) -> Result<u64, Why> {
    let lines = read(log)?;
    Ok(entries(&lines, id_length)?.len() as u64)
}

/// The bytes of a log; none where it is not there.
pub fn read(log: &Path) -> Result<Vec<u8>, Why> {
    match regular_file::contents(log, Links::Followed, LONGEST) {
        Ok(lines) => Ok(lines),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(_) => Err(Why::Unreadable),
    }
}

/// The bytes of a log that is open already.
pub fn contents_of(file: std::fs::File) -> Result<Vec<u8>, Why> {
    let is_file = file.metadata().is_ok_and(|about| about.is_file());
    let lines = if is_file { regular_file::contents_of(file, LONGEST).ok() } else { None };
    lines.ok_or(Why::Unreadable)
}

/// One entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What the ref named before, and after.
    pub ids: [&'a [u8]; 2],
    /// When, in seconds since 1970.
    pub time: i64,
    /// What was done.
    pub message: &'a [u8],
}

/// The entries of a log, the oldest first.
pub fn entries(lines: &[u8], id_length: usize) -> Result<Vec<Entry<'_>>, Why> {
    let is_whole = lines.is_empty() || lines.ends_with(b"\n");
    let read: Option<Vec<_>> = lines.lines_with_terminator().map(|line| entry(line, id_length)).collect();
    read.filter(|_| is_whole).ok_or(Why::Unreadable)
}

/// `OLD NEW NAME <EMAIL> SECONDS ZONE`, and mostly a tab and a message.
fn entry(line: &[u8], id_length: usize) -> Option<Entry<'_>> {
    let (old, rest) = (line.get(..id_length)?, line.get(id_length..)?.strip_prefix(b" ")?);
    let (new, rest) = (rest.get(..id_length)?, rest.get(id_length..)?.strip_prefix(b" ")?);
    let rest = rest.get(rest.find_byte(b'>')? + 1..)?.strip_prefix(b" ")?;
    let (seconds, rest) = rest.split_at_checked(rest.find_byte(b' ')?)?;
    let (zone, rest) = rest.strip_prefix(b" ")?.split_at_checked(5)?;
    let are_ids = [old, new].iter().all(|id| id.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')));
    // The epoch itself is no time to git.
    let is_time = seconds.iter().all(u8::is_ascii_digit) && (1..=18).contains(&seconds.len()) && seconds[0] != b'0';
    let is_zone = matches!(zone[0], b'+' | b'-') && zone[1..].iter().all(u8::is_ascii_digit);
    let message = rest.strip_suffix(b"\n")?;
    let is_end = message.is_empty() || message[0] == b'\t';
    if !(are_ids && is_time && is_zone && is_end) || line.contains(&0) {
        return None;
    }
    let time = seconds.to_str().ok()?.parse().ok()?;
    Some(Entry { ids: [old, new], time, message: message.get(1..).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &[u8]) -> Result<u64, Why> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("stash"), text).expect("a file");
        count(&folder.path().join("stash"), 40)
    }

    fn line(time: &str, message: &str) -> String {
        format!("{} {} A U Thor <a@b> {time}{message}\n", "0".repeat(40), "1a".repeat(20))
    }

    #[test]
    fn counts_lines_as_git_writes_them() {
        let two = line("1700000000 +0100", "\tWIP on main: 1 > 2") + &line("1 -0000", "");
        assert_eq!(counted(two.as_bytes()), Ok(2));
        assert_eq!(counted(b""), Ok(0));
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(count(&folder.path().join("stash"), 40), Ok(0));
        assert_eq!(count(folder.path(), 40), Err(Why::Unreadable));
    }

    #[test]
    fn a_log_with_a_line_that_git_would_pass_over_is_not_counted() {
        let whole = line("1700000000 +0100", "\tx");
        for text in [
            line("0 +0100", "\tx"),
            line("00 +0100", "\tx"),
            line("1700000000 0100", "\tx"),
            line("1700000000 +01", ""),
            line("1700000000 +0100", "x"),
            line("99999999999999999999 +0100", "\tx"),
            line(" +0100", "\tx"),
            whole.replace("> ", ">"),
            whole.replace("1a", "1A"),
            whole.replacen('0', "", 1),
            whole.trim_end().to_owned(),
            "\n".to_owned(),
        ] {
            assert_eq!(counted(text.as_bytes()), Err(Why::Unreadable), "{text}");
            assert_eq!(counted((whole.clone() + &text).as_bytes()), Err(Why::Unreadable), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0_usize..100, byte: u8) {
            let _ = entry(&bytes, 40);
            let mut line = line("1700000000 +0100", "\tx").into_bytes();
            line[at] = byte;
            let _ = entry(&line, 40);
        }
    }
}
