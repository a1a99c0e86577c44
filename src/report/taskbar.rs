//! Progress on the terminal's own tab or in the taskbar (OSC 9;4), where the terminal is known to have it.

use crate::environment::Environment;

/// No progress.
pub(super) const NONE: &str = "\u{1b}]9;4;0;\u{1b}\\";

/// Whether progress may be told to the terminal on standard error. Where in doubt, not: some take OSC 9 for a notification.
pub fn supported(environment: &Environment) -> bool {
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

/// So much is done, in hundredths; something is wrong.
pub(super) fn shown(percent: usize, is_wrong: bool) -> String {
    let state = if is_wrong { 2 } else { 1 };
    format!("\u{1b}]9;4;{state};{}\u{1b}\\", percent.min(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_is_known_for_it_is_told() {
        let mut known = Environment::of_this_process();
        for name in ["TMUX", "STY", "WT_SESSION", "ConEmuANSI", "TERM_PROGRAM", "TERM_FEATURES", "TERM"] {
            known = known.with(name, "");
        }
        known.terminals.errors = true;
        assert!(!supported(&known));
        let wezterm = known.clone().with("TERM_PROGRAM", "WezTerm");
        assert!(supported(&wezterm));
        assert!(!supported(&wezterm.clone().with("TMUX", "1")));
        assert!(supported(&known.clone().with("WT_SESSION", "1")));
        let iterm = known.with("TERM_PROGRAM", "iTerm.app");
        assert!(!supported(&iterm), "an older one would show a notification");
        assert!(supported(&iterm.with("TERM_FEATURES", "T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFP")));
        let mut piped = wezterm;
        piped.terminals.errors = false;
        assert!(!supported(&piped));
    }
}
