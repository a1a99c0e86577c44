//! Names that people give: of checks, of profiles, of launchers.

/// The longest name, in bytes.
const LONGEST: usize = 64;

/// What a name is made of, for messages.
pub const RULE: &str = "a letter or a digit, then letters, digits, '.', '_' and '-', 64 at the most";

/// Whether a text is a name: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`. Nothing of it means anything to a shell, a terminal, or TOML's strings.
pub fn is_valid(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    match text.as_bytes() {
        [first, rest @ ..] => first.is_ascii_alphanumeric() && rest.len() < LONGEST && rest.iter().all(inner),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

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
