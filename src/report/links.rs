//! Links on the names of worktrees (OSC 8), where the terminal is known to take them.

use std::path::Path;

use crate::environment::Environment;

/// Whether links may be written to standard output. Where in doubt, not: a terminal that does not know them may show them raw.
pub fn supported(environment: &Environment) -> bool {
    let is = |name: &str, known: &[&str]| environment.text(name).is_some_and(|value| known.contains(&value));
    // A multiplexer passes them on or not, whatever the terminal around it does; and a file over there is not a file here.
    let in_between =
        ["TMUX", "STY", "SSH_CONNECTION", "SSH_TTY"].into_iter().any(|name| environment.get(name).is_some());
    let vte = environment.text("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    environment.terminals.output
        && !in_between
        && !is("TERM", &["dumb"])
        && (is("TERM", &["xterm-kitty", "xterm-ghostty", "alacritty", "foot"])
            || is("TERM_PROGRAM", &["iTerm.app", "WezTerm", "vscode", "ghostty"])
            || environment.get("KITTY_WINDOW_ID").is_some()
            || vte.is_some_and(|version| version >= 5000))
}

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

    #[test]
    fn only_a_known_terminal_is_given_links() {
        let mut known = Environment::of_this_process();
        for name in ["TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "TERM_PROGRAM", "KITTY_WINDOW_ID", "VTE_VERSION"] {
            known = known.with(name, "");
        }
        known = known.with("TERM", "xterm-kitty");
        known.terminals.output = true;
        assert!(supported(&known));
        assert!(supported(&known.clone().with("TERM", "xterm").with("VTE_VERSION", "6003")));
        for (name, value) in [("TERM", "xterm"), ("TERM", "dumb"), ("TMUX", "1"), ("SSH_TTY", "/dev/pts/1")] {
            assert!(!supported(&known.clone().with(name, value)), "{name}={value}");
        }
        known.terminals.output = false;
        assert!(!supported(&known), "never into a pipe");
    }
}
