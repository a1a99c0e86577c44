//! The door through which text for people leaves the program: standard output, standard error, the lines of the screen.
//!
//! Each value is made safe where it is put into a text ([`sanitize`](crate::text::sanitize)); the door holds where that
//! was forgotten. It lets line breaks through, and the program's own escape sequences; nothing else that a terminal
//! obeys, and nothing that it does not show. A tab is a space: on a screen that is drawn over, it would leave what
//! stood there before.
//!
//! A test of the sources holds that nothing goes around it but what is listed there: the machine formats, which have
//! escapes of their own, and files.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::text::sanitize::{in_place, is_safe};

/// Writes text for people, and flushes it.
pub fn put(out: &mut dyn Write, text: &str) -> io::Result<()> {
    raw(out, shown(text).as_bytes())
}

/// Writes what a machine format has escaped by its own rules, or the screen has drawn of lines that came through the
/// door.
pub fn raw(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

/// Text as it may be shown, in its lines.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\t']) && text.split('\n').all(is_safe) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<String> = text.split('\n').map(line).collect();
    Cow::Owned(lines.join("\n"))
}

/// One line as it may be shown.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&in_place(&rest[..at]));
        let length = own_escape(&rest[at..]);
        // Of any other escape sequence the first character is shown as hidden, and the rest as text.
        match length {
            Some(length) => shown.push_str(&rest[at..at + length]),
            None => shown.push('\u{fffd}'),
        }
        rest = &rest[at + length.unwrap_or(1)..];
    }
    shown + &in_place(rest)
}

/// How long the escape sequence is with which a text begins, if it is one that this program writes.
pub fn own_escape(text: &str) -> Option<usize> {
    let colour = || {
        let (codes, _) = text.strip_prefix("\u{1b}[")?.split_once('m')?;
        is_colour(codes).then_some("\u{1b}[m".len() + codes.len())
    };
    let link = || {
        let (address, _) = text.strip_prefix("\u{1b}]8;;")?.split_once("\u{1b}\\")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        let is_ours = address.is_empty() || address.strip_prefix("file://").is_some_and(|path| path.bytes().all(plain));
        is_ours.then_some("\u{1b}]8;;\u{1b}\\".len() + address.len())
    };
    colour().or_else(link)
}

/// Whether these codes choose colours and styles in which text is seen. (8 would conceal it.)
fn is_colour(codes: &str) -> bool {
    if !codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
        return false;
    }
    let mut codes = codes.split(';');
    while let Some(code) = codes.next() {
        match code {
            "38" | "48" => {
                let takes = match codes.next() {
                    Some("5") => 1,
                    Some("2") => 3,
                    _ => return false,
                };
                if !(0..takes).all(|_| codes.next().is_some_and(|code| code.parse::<u8>().is_ok())) {
                    return false;
                }
            }
            "" => {}
            code => {
                if !code.parse::<u8>().is_ok_and(|code| code != 8 && code < 108) {
                    return false;
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text without the program's own escapes.
    fn without_own(text: &str) -> String {
        let mut left = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let length = own_escape(rest).unwrap_or_else(|| {
                left.push(c);
                c.len_utf8()
            });
            rest = &rest[length..];
        }
        left
    }

    #[test]
    fn the_program_s_own_escapes_pass() {
        for text in [
            "\u{1b}[1mrepo\u{1b}[0m  \u{1b}[38;5;208;1mx\u{1b}[0m\n\u{1b}[38;2;1;2;3mz\u{1b}[m\n",
            "\u{1b}]8;;file:///a%20b\u{1b}\\repo\u{1b}]8;;\u{1b}\\",
            "\u{1f469}\u{200d}\u{1f4bb}\n\n",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn what_else_a_terminal_would_obey_does_not() {
        for (text, expected) in [
            ("a\u{1b}[1A\u{1b}[2Kb", "a\u{fffd}[1A\u{fffd}[2Kb"),
            ("\u{1b}]52;c;eA==\u{7}", "\u{fffd}]52;c;eA==\u{fffd}"),
            ("\u{1b}]8;;http://x\u{1b}\\y", "\u{fffd}]8;;http://x\u{fffd}\\y"),
            ("\u{1b}[8mhidden", "\u{fffd}[8mhidden"),
            ("\u{1b}[0;8mhidden", "\u{fffd}[0;8mhidden"),
            ("\u{1b}[38;5;1;8mhidden", "\u{fffd}[38;5;1;8mhidden"),
            ("\u{1b}[?25l\u{1b}", "\u{fffd}[?25l\u{fffd}"),
            ("a\rb\tc\u{202e}\u{9b}", "a\u{fffd}b c\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(line("a\nb"), "a\u{fffd}b");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_passes(text in "(\u{1b}|\\[|\\]|8|;|m|\\\\|file://|x|\u{200b}|\u{202e}|\u{9b}|\n|\r|.){0,40}") {
            let shown = shown(&text);
            let left = without_own(&shown);
            prop_assert!(left.split('\n').all(is_safe), "{:?}", shown);
            prop_assert!(!line(&text).contains('\n'));
        }
    }
}
