//! Settings that somebody else wrote: what they may neither deceive, nor hang, nor take for themselves.

use std::time::{Duration, Instant};

use crate::support::{BINARY, Run, TestRepo, unit};

#[test]
fn attempts_are_bounded_in_every_layer() {
    let expected = "expected a whole number from 0 to 999 (1000 attempts at the most)\n";
    let repo = TestRepo::new();
    for (name, content) in [
        ("../home/.config/git-wtcheck/config.toml", "retries = 1000\n"),
        (".wtcheck.toml", "[check.log]\nretries = 4294967295\n"),
        (".wtcheck.toml", "[profile.p]\nretries = 1000\n"),
    ] {
        repo.write(name, content);
        repo.wtcheck(&[]).exits(2).says(expected);
        std::fs::remove_file(repo.at(name)).expect("a file");
    }
    Run::of(repo.command(BINARY).env("GIT_WTCHECK_RETRIES", "1k")).exits(2).says(expected);
    repo.config("wtcheck.log.retries", "1000");
    repo.wtcheck(&[]).exits(2).says(expected);
    repo.config("wtcheck.log.retries", "999");
    repo.wtcheck(&["plan"]).exits(0);
    repo.wtcheck(&["--retries=999", "plan"]).exits(0);
    repo.wtcheck(&["--retries=1000"]).exits(129).says("1000 is not in 0..=999");
}

#[test]
fn a_delay_of_nothing_does_not_spin() {
    let repo = TestRepo::new();
    repo.write(
        ".wtcheck.toml",
        "checks = [\"log\"]\nretries = 30\nretry-delay = 0\nretry-max-delay = 0\n[check.log]\nretry-on = [\"failure\"]\nfail-if = \"true\"\n",
    );
    let start = Instant::now();
    let json = repo.wtcheck(&["--format=json"]).exits(1).json();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
    assert_eq!(unit(&json, "repo", "log")["attempts"].as_array().expect("attempts").len(), 31);
}
