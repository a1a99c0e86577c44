//! Progress on the terminal's own tab or in the taskbar (OSC 9;4).

/// No progress.
pub(super) const NONE: &str = "\u{1b}]9;4;0;\u{1b}\\";

/// Progress in hundredths, in red where something is wrong.
pub(super) fn shown(percent: usize, is_wrong: bool) -> String {
    let state = if is_wrong { 2 } else { 1 };
    format!("\u{1b}]9;4;{state};{}\u{1b}\\", percent.min(100))
}
