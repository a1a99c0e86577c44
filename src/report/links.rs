//! Links on the names of worktrees (OSC 8).

use std::path::Path;

/// Text that leads to a path.
pub(super) fn linked(text: &str, path: &Path) -> String {
    let mut address = String::from("file://");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(*byte));
            }
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_any_bytes_stays_within_its_link() {
        assert_eq!(
            linked("x", Path::new("/a b\n\u{1b}%/\u{e9}")),
            "\u{1b}]8;;file:///a%20b%0A%1B%25/%C3%A9\u{1b}\\x\u{1b}]8;;\u{1b}\\"
        );
    }
}
