//! The fuzz targets over their inputs, and over mutations of them for a moment: what `cargo fuzz` does for longer.
//!
//! `WTCHECK_CAMPAIGN` says how many seconds each takes, `WTCHECK_SEED` which mutations come.

pub mod targets;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use targets::{ALL, Target};

/// What is put into inputs here and there: the signs that formats are made of.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"\"",
    b"\\",
    b"[",
    b"]",
    b"(",
    b")",
    b"{",
    b"}",
    b"=",
    b".",
    b"-1",
    b"\x1b[",
    b"\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"99999999999999999999",
    b"# ",
    b"check",
];

/// No mutation is longer.
const LONGEST: usize = 4096;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|said| said.parse().ok())
}

/// The folder of `cargo fuzz`; a package of the sources has none.
fn folder() -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")).filter(|folder| folder.is_dir())
}

/// The inputs of a target that are kept.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let Some(folder) = folder() else { return Vec::new() };
    let folder = folder.join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// One of the inputs, changed in a few places.
fn mutation(inputs: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = inputs[random.usize(..inputs.len())].clone();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(..=bytes.len());
        let end = (at + random.usize(..16)).min(bytes.len());
        match random.u8(..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
            4 => {
                let again = bytes[at..end].repeat(random.usize(1..4));
                bytes.splice(at..at, again);
            }
            _ => {
                let other = &inputs[random.usize(..inputs.len())];
                let from = random.usize(..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Runs a target on an input; says which one, where something does not hold of it.
fn hold(name: &str, target: Target, bytes: &[u8], from: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        let _ = writeln!(std::io::stderr(), "'{name}' does not hold of {from}: b\"{}\"", bytes.escape_ascii());
        resume_unwind(panic);
    }
}

fn holds(name: &str) {
    let (_, target) = *ALL.iter().find(|(known, _)| *known == name).expect("a target");
    let mut inputs = corpus(name);
    assert!(!inputs.is_empty() || folder().is_none(), "there are inputs");
    inputs.push(Vec::new());
    for input in &inputs {
        hold(name, target, input, "an input that is kept");
    }
    // The short run is the same each time; a campaign that was asked for goes where none was before.
    let campaign = number("WTCHECK_CAMPAIGN");
    let seed = number("WTCHECK_SEED").unwrap_or_else(|| campaign.map_or(1, |_| fastrand::u64(..)));
    let mut random = Rng::with_seed(seed);
    let end = Instant::now() + Duration::from_secs(campaign.unwrap_or(1));
    while Instant::now() < end {
        let bytes = mutation(&inputs, &mut random);
        hold(name, target, &bytes, &format!("a mutation (WTCHECK_SEED={seed})"));
    }
}

macro_rules! each {
    ($($test:ident $target:literal)+) => {
        $(#[test]
        fn $test() {
            holds($target);
        })+

        #[test]
        fn every_target_is_run_here_and_by_cargo_fuzz() {
            let here = [$($target),+];
            assert_eq!(ALL.map(|(name, _)| name), here);
            let Some(folder) = folder() else { return };
            let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
            for name in here {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            }
        }
    };
}

each! {
    any_configuration_of_git_s_is_read_or_refused "gitconfig"
    any_settings_file_is_read_or_refused_and_runs_nothing "toml"
    any_expression_ends "expression"
    any_answer_of_status_is_whole_or_none "status"
    any_answer_of_diff_is_whole_or_none "diff"
    any_answer_of_log_is_whole_or_none "log"
    any_list_of_worktrees_is_read_or_refused "worktrees"
    any_index_is_read_or_refused "index"
    any_two_contents_differ_by_what_each_has_more "numstat"
    any_configuration_that_has_a_say_is_told_from_one_that_has_none "condition"
    any_text_is_made_safe "sanitizer"
}
