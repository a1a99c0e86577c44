//! Names that people give: of checks, of profiles, of launchers.

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// What a name is made of, for messages.
pub const RULE: &str = "a letter or a digit, then letters, digits, '.', '_' and '-', 64 at the most";

/// The same, as a regular expression.
pub const PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

/// Whether a text is a name. Nothing in a name means anything to a shell, a terminal, or TOML's strings.
pub fn is_valid(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    match text.as_bytes() {
        [first, rest @ ..] => first.is_ascii_alphanumeric() && rest.len() < LONGEST && rest.iter().all(inner),
        [] => false,
    }
}

/// A text that is no name, for messages: escaped, so that it is safe and each of its characters is seen, and shortened.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_default).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// A name as expressions write it, which know no `-` and no `.`, and no digit at the front of a name: `my-test.2` is
/// `my_test_2`, and `1st` is `_1st`.
pub fn identifier(name: &str) -> String {
    let front = if name.bytes().next().is_some_and(|first| first.is_ascii_digit()) { "_" } else { "" };
    format!("{front}{}", name.replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_shown_safe_and_short() {
        assert_eq!(shown("a\x1b[1A\u{61c}\u{e9}'"), "a\\u{1b}[1A\\u{61c}\\u{e9}\\'");
        assert_eq!(shown(&"x".repeat(1000)).len(), 67);
    }

    #[test]
    fn every_name_has_an_identifier() {
        for (name, identifier) in [("a-b", "a_b"), ("a.b", "a_b"), ("1st", "_1st"), ("A1", "A1")] {
            assert_eq!(super::identifier(name), identifier);
        }
    }

    #[test]
    fn names_hold_nothing_that_anything_obeys() {
        for name in ["a", "Z", "7", "test", "clippy-all", "v1.2_x", &"x".repeat(64)] {
            assert!(is_valid(name), "{name:?}");
        }
        for name in ["", "-a", ".a", "_a", "a b", "a\n", "\u{e9}", "a$(x)", "a/b", "a\u{200b}", &"x".repeat(65)] {
            assert!(!is_valid(name), "{name:?}");
        }
    }
}
