//! Quoting: text that one program writes so that another reads back exactly that, and obeys nothing in it.

use std::borrow::Cow;

use crate::text::sanitize::is_unsafe;

/// A word for a POSIX shell, in single quotes where it needs them.
pub fn shell(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// A field of a line as git quotes paths (`core.quotePath`): in double quotes, with escapes, where it has bytes that
/// are not plain. An inner field, which ends at a space, is quoted where it holds one, too; and where it is empty, or
/// `-`, the sign for none.
pub fn c_style(bytes: &[u8], is_inner: bool) -> Cow<'_, [u8]> {
    let plain =
        |byte: &u8| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'\\') || (!is_inner && *byte == b' ');
    if bytes.iter().all(plain) && !(is_inner && matches!(bytes, b"" | b"-")) {
        return Cow::Borrowed(bytes);
    }
    let mut text = vec![b'"'];
    for byte in bytes {
        match byte {
            b'"' => text.extend(b"\\\""),
            b'\\' => text.extend(b"\\\\"),
            0x07 => text.extend(b"\\a"),
            0x08 => text.extend(b"\\b"),
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            0x0b => text.extend(b"\\v"),
            0x0c => text.extend(b"\\f"),
            b'\r' => text.extend(b"\\r"),
            0x20..=0x7e => text.push(*byte),
            byte => text.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    text.push(b'"');
    Cow::Owned(text)
}

/// An inner field that is text: see [`c_style`].
pub fn c_style_text(text: &str) -> Cow<'_, str> {
    match c_style(text.as_bytes(), true) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(quoted) => Cow::Owned(String::from_utf8_lossy(&quoted).into_owned()),
    }
}

/// A character as JSON escapes it by its number: one escape, or the two of a surrogate pair.
pub fn json(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// A basic string of TOML. What a terminal could take for a command, or would not show, is escaped.
pub fn toml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_unsafe(c) => match u32::from(c) {
                code @ ..=0xffff => out.push_str(&format!("\\u{code:04X}")),
                code => out.push_str(&format!("\\U{code:08X}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key of TOML: bare, where it may be.
pub fn toml_key(key: &str) -> Cow<'_, str> {
    let is_bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { Cow::Borrowed(key) } else { Cow::Owned(toml(key)) }
}

/// A dotted key of TOML: `check."a b".command`.
pub fn toml_path<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(|key| toml_key(key.as_ref())).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_git_quotes_paths() {
        let quoted = |bytes: &[u8], is_inner| String::from_utf8(c_style(bytes, is_inner).into_owned()).expect("ASCII");
        assert_eq!(quoted(b"/plain path/x", false), "/plain path/x");
        assert_eq!(quoted(b"/a\n\"\\\xe9\x1b", false), "\"/a\\n\\\"\\\\\\351\\033\"");
        assert_eq!(quoted(b"feat/one", true), "feat/one");
        assert_eq!(quoted(b"a b", true), "\"a b\"");
        assert_eq!(quoted(b"-", true), "\"-\"", "it is not the sign for none");
        assert_eq!(quoted("\u{202e}x".as_bytes(), true), "\"\\342\\200\\256x\"");
    }

    #[test]
    fn toml_reads_its_strings_and_keys_back() {
        let text = "a\"b\\c\nd\te\r\u{7f}f\u{9b}\u{202e}\u{61c}\u{200b}\u{e0041}g\u{1f600}";
        let line = format!("{} = {}", toml_path(&["check", text, "plain-key"]), toml(text));
        assert!(!line.contains(is_unsafe), "{line:?}");
        let read: serde_json::Value = ::toml::from_str(&line).expect("TOML");
        assert_eq!(read["check"][text]["plain-key"], text);
        assert_eq!(toml_key(""), "\"\"");
    }

    #[test]
    fn a_shell_takes_a_word_for_what_it_is() {
        for (word, quoted) in
            [("a/b=c", "a/b=c"), ("", "''"), ("it's", r"'it'\''s'"), ("$(x)", "'$(x)'"), ("=ls", "'=ls'")]
        {
            assert_eq!(shell(word), quoted);
        }
    }
}
