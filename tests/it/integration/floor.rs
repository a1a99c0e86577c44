//! How many of the branches that have landed are found, and that none is found that has not.
//!
//! `WTCHECK_SEED` draws others.

use fastrand::Rng;

use super::{begin, commit, go, integrated};
use crate::support::TestRepo;

/// How a branch can land; and how it can look as if it had.
const LANDED: [&str; 5] = ["merge", "squash", "rebase", "squash, then edited", "squash with something else"];
const OPEN: [&str; 5] = ["nothing", "in part", "squash, then one more", "other white space", "only its first file"];

/// The branches of each kind.
const EACH: usize = 4;

/// A file of many lines, with a word behind some of them.
fn text(words: &[(usize, String)]) -> String {
    let word = |line: usize| words.iter().filter(move |(at, _)| *at == line).map(|(_, word)| format!(" {word}"));
    (0..2000).map(|line| format!("line {line}{}\n", word(line).collect::<String>())).collect()
}

struct Drawn {
    repo: TestRepo,
    rng: Rng,
    /// What the base's file has behind its lines.
    words: Vec<(usize, String)>,
}

impl Drawn {
    /// The base goes on, at a line that no branch changes.
    fn go_on(&mut self, number: usize) {
        let word = format!("base{}", self.rng.u32(..));
        self.words.push((number * 20 + 10, word));
        let content = text(&self.words);
        commit(&self.repo, "shared", content);
    }

    /// A branch of some commits; gives how many, and what it has put behind which line.
    fn branch(&mut self, name: &str, number: usize) -> (usize, (usize, String)) {
        begin(&self.repo, name, "main");
        let own = (number * 20 + self.rng.usize(0..3), format!("own{}", self.rng.u32(..)));
        let words = [self.words.clone(), vec![own.clone()]].concat();
        commit(&self.repo, "shared", text(&words));
        let more = self.rng.usize(1..3);
        for file in 0..more {
            commit(&self.repo, &format!("{name}-{file}"), format!("\t{}\n", self.rng.u32(..)));
        }
        go(&self.repo, "main");
        (more + 1, own)
    }

    fn squash(&self, branch: &str) {
        self.repo.git(&["merge", "--quiet", "--squash", branch]);
    }

    fn land(&mut self, how: &str, branch: &str, commits: usize, own: &(usize, String)) {
        let repo = &self.repo;
        let save = || repo.git(&["commit", "--quiet", "--message=landed"]);
        match how {
            "merge" => _ = repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", branch]),
            "rebase" => _ = repo.git(&["cherry-pick", &format!("{branch}~{commits}..{branch}")]),
            "in part" => {
                repo.git(&["cherry-pick", branch]);
                return;
            }
            "nothing" => return,
            "only its first file" => {
                repo.git(&["checkout", branch, "--", "shared"]);
                repo.git(&["checkout", "HEAD", "--", "shared"]);
                commit(repo, &format!("{branch}-0"), "\t0\n");
                return;
            }
            "other white space" => {
                let content = std::fs::read_to_string(repo.at("shared")).expect("a file");
                let mut words = self.words.clone();
                words.push((own.0, format!(" {}", own.1)));
                assert_ne!(content, text(&words));
                self.words = words;
                commit(repo, "shared", text(&self.words));
                repo.git(&["cherry-pick", &format!("{branch}~{}..{branch}", commits - 1)]);
                return;
            }
            "squash with something else" => {
                self.squash(branch);
                commit(repo, &format!("{branch}-else"), "else\n");
            }
            _ => {
                self.squash(branch);
                save();
            }
        }
        self.words.push(own.clone());
        match how {
            "squash, then edited" => {
                self.words.push((own.0, "edited".to_owned()));
                commit(&self.repo, "shared", text(&self.words));
            }
            "squash, then one more" => {
                go(&self.repo, branch);
                commit(&self.repo, &format!("{branch}-more"), "more\n");
                go(&self.repo, "main");
            }
            _ => {}
        }
    }
}

#[test]
fn what_has_landed_is_found_and_nothing_else() {
    let seed = std::env::var("WTCHECK_SEED").ok().and_then(|said| said.parse().ok()).unwrap_or(1);
    let mut drawn = Drawn { repo: TestRepo::new(), rng: Rng::with_seed(seed), words: Vec::new() };
    commit(&drawn.repo, "shared", text(&[]));
    let mut kinds: Vec<&str> = LANDED.iter().chain(&OPEN).flat_map(|kind| [*kind; EACH]).collect();
    drawn.rng.shuffle(&mut kinds);
    let mut branches = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let name = format!("b{number}");
        let (commits, own) = drawn.branch(&name, number);
        if drawn.rng.u8(..) > 60 {
            drawn.go_on(number);
        }
        drawn.land(kind, &name, commits, &own);
        branches.push(name);
    }
    drawn.go_on(kinds.len());
    let names: Vec<&str> = branches.iter().map(String::as_str).collect();
    let found = integrated(&drawn.repo, &names);
    let (mut landed, mut missed) = (0, Vec::new());
    for (kind, how) in kinds.iter().zip(&found) {
        if LANDED.contains(kind) {
            landed += usize::from(how.is_some_and(|how| !how.is_empty()));
            missed.extend(how.is_none_or(str::is_empty).then_some(*kind));
        } else {
            assert_eq!(*how, Some(""), "seed {seed}: {kind}");
        }
    }
    assert!(landed * 100 >= LANDED.len() * EACH * 95, "seed {seed}: {landed} found; not found: {missed:?}");
}
