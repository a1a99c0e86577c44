//! Text that others wrote, made safe for a terminal. Machine formats get it as it is, escaped by their own rules.

use std::borrow::Cow;

/// Whether a character must not reach a terminal as it is: controls of both sets, and the marks that turn the direction of writing.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// One line: escape sequences are taken out, other controls shown as U+FFFD, tabs as a space.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let plain = anstream::adapter::strip_str(text).to_string();
    // What stripping took a line break or a tab for is still to be shown.
    let shown = plain.chars().map(|c| match c {
        '\t' => ' ',
        c if is_unsafe(c) => '\u{fffd}',
        c => c,
    });
    Cow::Owned(shown.collect())
}

/// The lines of a process's output, each made safe; a line that was drawn over (`\r`) shows its last state, as a terminal would.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = anstream::adapter::strip_str(&text).to_string();
    let last_state = |line: &str| {
        let line = line.trim_end_matches('\r');
        let shown = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
        shown.replace('\t', "    ").chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect::<String>()
    };
    let mut lines: Vec<String> = text.lines().map(last_state).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_unsafe_comes_through() {
        assert_eq!(line("plain \u{e9}\u{4e16}"), "plain \u{e9}\u{4e16}");
        assert_eq!(line("a\x1b[31mred\x1b[0m"), "ared");
        assert_eq!(
            line("a\nb\tc\u{7f}\u{9b}31m\u{202e}"),
            "a\u{fffd}b c\u{fffd}31m\u{fffd}",
            "DEL is taken out with the sequences"
        );
        for c in '\0'..='\u{ffff}' {
            assert!(!line(&format!("x{c}y")).contains(is_unsafe), "{c:?}");
        }
    }

    #[test]
    fn output_is_shown_as_a_terminal_would_end_up() {
        assert_eq!(lines(b" 10%\r 50%\r100%\r\ndone\x1b[K\n\n"), ["100%", "done"]);
        assert_eq!(lines(b"bad \xff byte\tx"), ["bad \u{fffd} byte    x"]);
        assert!(lines(b"").is_empty());
    }
}
