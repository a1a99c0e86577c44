//! What the terminal is known to be capable of, by the names that it gives itself in the environment. Where in doubt,
//! not: an older terminal may show an escape sequence raw, or take it for another.

use crate::environment::Environment;

/// Whether links (OSC 8) may be written to standard output.
pub(super) fn links(environment: &Environment) -> bool {
    let is = |name: &str, known: &[&str]| environment.text(name).is_some_and(|value| known.contains(&value));
    // A multiplexer passes them on or not, whatever the terminal around it does; and a file over there is not a file
    // here.
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

/// Whether progress (OSC 9;4) may be told to the terminal on standard error. Some take OSC 9 for a notification.
pub(super) fn taskbar(environment: &Environment) -> bool {
    let is = |name: &str, known: &str| environment.text(name) == Some(known);
    // A multiplexer has a taskbar of nobody's.
    let in_between = ["TMUX", "STY"].into_iter().any(|name| environment.get(name).is_some());
    // ConEmu and Windows Terminal reach here through WSL. iTerm lists its features as letters, and `P` is progress.
    let iterm = is("TERM_PROGRAM", "iTerm.app")
        && environment.text("TERM_FEATURES").is_some_and(|features| features.contains('P'));
    environment.terminals.errors
        && !in_between
        && (environment.get("WT_SESSION").is_some()
            || is("ConEmuANSI", "ON")
            || is("TERM_PROGRAM", "WezTerm")
            || is("TERM_PROGRAM", "ghostty")
            || is("TERM", "xterm-ghostty")
            || iterm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_terminal_is_given_links() {
        let mut known = Environment::of_this_process();
        for name in ["TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "TERM_PROGRAM", "KITTY_WINDOW_ID", "VTE_VERSION"] {
            known = known.with(name, "");
        }
        known = known.with("TERM", "xterm-kitty");
        known.terminals.output = true;
        assert!(links(&known));
        assert!(links(&known.clone().with("TERM", "xterm").with("VTE_VERSION", "6003")));
        for (name, value) in [("TERM", "xterm"), ("TERM", "dumb"), ("TMUX", "1"), ("SSH_TTY", "/dev/pts/1")] {
            assert!(!links(&known.clone().with(name, value)), "{name}={value}");
        }
        known.terminals.output = false;
        assert!(!links(&known), "never into a pipe");
    }

    #[test]
    fn only_a_terminal_that_is_known_for_it_is_told_of_progress() {
        let mut known = Environment::of_this_process();
        for name in ["TMUX", "STY", "WT_SESSION", "ConEmuANSI", "TERM_PROGRAM", "TERM_FEATURES", "TERM"] {
            known = known.with(name, "");
        }
        known.terminals.errors = true;
        assert!(!taskbar(&known));
        let wezterm = known.clone().with("TERM_PROGRAM", "WezTerm");
        assert!(taskbar(&wezterm));
        assert!(!taskbar(&wezterm.clone().with("TMUX", "1")));
        assert!(taskbar(&known.clone().with("WT_SESSION", "1")));
        let iterm = known.with("TERM_PROGRAM", "iTerm.app");
        assert!(!taskbar(&iterm), "an older one would show a notification");
        assert!(taskbar(&iterm.with("TERM_FEATURES", "T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFP")));
        let mut piped = wezterm;
        piped.terminals.errors = false;
        assert!(!taskbar(&piped));
    }
}
