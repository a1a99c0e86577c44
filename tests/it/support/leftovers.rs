//! What a run has left running, and waiting for things to happen.

use std::path::Path;
use std::time::{Duration, Instant};

/// Waits for something that is about to happen; gives up, loudly, where it never does.
#[track_caller]
pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let given_up = Instant::now() + Duration::from_mins(1);
    while !happened() {
        assert!(Instant::now() < given_up, "{what}: it never happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The processes that were started for checks of this repository and still run: their ids and command lines. (Their
/// environment tells them: whatever they have made of themselves, they have not cleared that.)
pub fn left(root: &Path) -> Vec<(i32, String)> {
    let mark = format!("WTCHECK_COMMON_DIR={}/", root.display());
    let has_mark =
        |environment: &[u8]| environment.split(|byte| *byte == 0).any(|word| word.starts_with(mark.as_bytes()));
    let process = |entry: std::fs::DirEntry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        has_mark(&environment).then_some(())?;
        let words = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((id, String::from_utf8_lossy(&words).replace('\0', " ")))
    };
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| process(entry.ok()?)).collect()
}

/// Asserts that nothing was left running.
#[track_caller]
pub fn nothing_left(root: &Path) {
    let left = left(root);
    assert!(left.is_empty(), "left running: {left:#?}");
}
