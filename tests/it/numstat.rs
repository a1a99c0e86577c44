//! Numbers of lines, held against `git diff --numstat`.
//!
//! `WTCHECK_NUMSTAT` says how many pairs of contents are drawn, beside the few of a short run.

use std::collections::HashMap;
use std::io::Write;

use fastrand::Rng;
use git_wtcheck::git::numstat::numbers;

use crate::support::TestRepo;

/// So many pairs are compared by one git.
const AT_ONCE: usize = 500;

/// A content of few different lines, so that many of them are in both; at times of many, or with bytes of all kinds.
fn content(rng: &mut Rng) -> Vec<u8> {
    let (kinds, most) = (rng.u8(1..12), rng.usize(0..30));
    let mut content = Vec::new();
    for _ in 0..most {
        content.extend(std::iter::repeat_n(b'a' + rng.u8(..kinds), rng.usize(0..3)));
        if rng.u8(..60) == 0 {
            content.extend([0, b'\r', 0xff, 0xc3].get(rng.usize(..4)..).into_iter().flatten());
        }
        if rng.u8(..40) > 0 {
            content.push(b'\n');
        }
    }
    if rng.u8(..20) == 0 {
        // Behind what is looked at to tell whether it is binary, or within it, or at the edge.
        content.resize(7990 + rng.usize(..20), b'x');
        content.push(0);
    }
    content
}

/// The same with a few edits: what people do to files.
fn edited(rng: &mut Rng, old: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = old.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..rng.u8(1..4) {
        let at = rng.usize(..=lines.len());
        match rng.u8(..4) {
            0 if at < lines.len() => _ = lines.remove(at),
            1 if at < lines.len() => lines[at] = b"another\n".to_vec(),
            2 if at < lines.len() => lines.insert(at, lines[at].clone()),
            _ => lines.insert(at, format!("line {}\n", rng.u8(..4)).into_bytes()),
        }
    }
    lines.concat()
}

#[test]
fn numbers_are_git_s_or_none() {
    let count = std::env::var("WTCHECK_NUMSTAT").ok().and_then(|said| said.parse().ok()).unwrap_or(2 * AT_ONCE);
    let (mut told, mut compared) = (0, 0);
    for (round, algorithm) in (0..count.div_ceil(AT_ONCE)).zip(["myers", "minimal"].into_iter().cycle()) {
        let mut rng = Rng::with_seed(round as u64);
        let repo = TestRepo::empty();
        repo.git(&["init", "--quiet", "."]);
        repo.config("diff.algorithm", algorithm);
        let mut pairs = HashMap::new();
        for file in 0..AT_ONCE {
            let old = content(&mut rng);
            let new = if rng.bool() { edited(&mut rng, &old) } else { content(&mut rng) };
            repo.write(format!("{file}"), &old);
            pairs.insert(file.to_string(), (old, new));
        }
        repo.git(&["add", "."]);
        repo.git(&["commit", "--quiet", "--message=old"]);
        for (file, (_, new)) in &pairs {
            repo.write(file, new);
        }
        let printed = repo.git(&["diff", "--numstat", "--no-renames", "HEAD"]);
        let git: HashMap<&str, (u64, u64)> = printed
            .lines()
            .map(|line| {
                let mut fields = line.split('\t');
                let mut number = || fields.next().expect("a number").parse().unwrap_or(0);
                let numbers = (number(), number());
                (fields.next().expect("a path"), numbers)
            })
            .collect();
        for (file, (old, new)) in &pairs {
            compared += 1;
            if let Some(ours) = numbers(old, new) {
                told += 1;
                let git = git.get(file.as_str()).copied().unwrap_or_default();
                assert_eq!((ours.insertions, ours.deletions), git, "round {round}, {file}: {old:?} {new:?}");
            }
        }
    }
    let _ = writeln!(std::io::stderr(), "numbers of lines: {told} of {compared} told");
    assert!(told * 3 > compared, "{told} of {compared}");
}
