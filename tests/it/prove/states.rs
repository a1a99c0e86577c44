//! States made by a seeded script, each told without git where that is possible, and then held against what git says.
//!
//! A repository serves for many states: most change the working tree by a step, and where git has to be asked, what made it so is
//! taken back. `STATES=1000000 cargo test --release prove -- --ignored` runs as many.

mod changes;
mod contents;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use fastrand::Rng;
use git_wtcheck::git::why::Why;

use super::patterns::rules;
use super::{Subject, set_mtime};
use changes::{CHANGES, Change, FOLDERS, path, paths};
use contents::{CONTENTS, content};

/// States that are answered, and those that are not, by reason.
#[derive(Default)]
struct Tally {
    clean: u64,
    counted: u64,
    /// Of these, those whose names are told, too.
    named: u64,
    asked: BTreeMap<Why, u64>,
}

impl Tally {
    fn answered(&self) -> u64 {
        self.clean + self.counted
    }

    fn all(&self) -> u64 {
        self.answered() + self.asked.values().sum::<u64>()
    }

    fn add(&mut self, other: &Self) {
        self.clean += other.clean;
        self.counted += other.counted;
        self.named += other.named;
        for (why, count) in &other.asked {
            *self.asked.entry(*why).or_default() += count;
        }
    }
}

type Tallies = BTreeMap<&'static str, Tally>;

/// A repository, and what was done to it since it was as committed.
pub(super) struct World {
    pub(super) subject: Subject,
    pub(super) random: Rng,
    done: Vec<String>,
    /// The commit that it began with.
    base: String,
}

/// Repositories of each form: ids of SHA-1 and of SHA-256, and a linked worktree.
fn subject(form: u64) -> Subject {
    match form % 3 {
        0 => Subject::empty("sha1"),
        1 => Subject::empty("sha256"),
        _ => {
            let mut subject = Subject::empty("sha1");
            subject.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
            subject.worktree = subject.repo.worktree("linked");
            subject.git_dir = subject.repo.at(".git/worktrees/linked");
            subject
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self { subject: subject(seed), random: Rng::with_seed(seed), done: Vec::new(), base: "HEAD".to_owned() }
    }

    /// Commits other files, with other ignore rules.
    fn begin(&mut self) {
        self.without_nested();
        self.without_conversion();
        let Self { subject, random, done, base } = self;
        done.clear();
        let _ = std::fs::remove_file(subject.git_dir.join("index"));
        subject.repo.git_try(&subject.worktree, &["reset", "--quiet", "--hard", base]);
        subject.repo.git_try(&subject.worktree, &["clean", "-ffdxq"]);
        if random.u8(..3) == 0 {
            subject.repo.git_try(&subject.worktree, &["rm", "-rqf", "."]);
        }
        for _ in 0..random.usize(3..16) {
            let length = random.usize(..9);
            subject.try_write(&path(random), &content(random, length));
        }
        for _ in 0..random.usize(..3) {
            let folder = random.choice(FOLDERS).expect("some");
            subject.try_write(format!("{folder}.gitignore").as_bytes(), &rules(random));
        }
        for file in [&subject.terms.ignore.info_exclude, &subject.terms.ignore.excludes_file] {
            let rules = if random.u8(..3) == 0 { rules(random) } else { Vec::new() };
            std::fs::write(file.as_ref().expect("a file"), rules).expect("a file");
        }
        subject.terms.file_mode = random.u8(..8) != 0;
        subject.repo.config("core.fileMode", if subject.terms.file_mode { "true" } else { "false" });
        let version = random.choice(["2", "3", "4"]).expect("some");
        subject.git(&["add", "--all", "--force"]);
        subject.git(&["update-index", "--index-version", version]);
        subject.git(&["commit", "--quiet", "--allow-empty", "--message=files"]);
        *base = subject.git(&["rev-parse", "HEAD"]);
        subject.look_at_head();
        subject.age();
    }

    /// Takes back what made it necessary to ask git.
    fn heal(&mut self) {
        self.without_nested();
        self.without_conversion();
        let Self { subject, done, base, .. } = self;
        done.push("healed".to_owned());
        // Flags of entries outlast a reset.
        let _ = std::fs::remove_file(subject.git_dir.join("index"));
        for args in [&["reset", "--quiet", "--hard", base][..], &["clean", "-ffdxq"]] {
            let output = subject.repo.git_try(&subject.worktree, args);
            assert!(output.status.success(), "git {args:?}: {}", bstr::BStr::new(&output.stderr));
        }
        subject.look_at_head();
        subject.age();
    }

    /// Removes nested repositories: git's own cleaning passes over them beside tracked files.
    fn without_nested(&self) {
        for path in paths() {
            let path = self.subject.at(std::ffi::OsStr::from_bytes(&path));
            if path.canonicalize().is_ok_and(|real| real != path) {
                // A link may lead to the worktree's own.
                continue;
            }
            let nested = path.join(".git");
            let _ = std::fs::remove_file(&nested).or_else(|_| std::fs::remove_dir_all(&nested));
        }
    }

    fn change(&mut self, change: &Change) {
        let path = path(&mut self.random);
        self.done.push(format!("{} {:?}", change.name, bstr::BStr::new(&path)));
        (change.make)(self, &path);
    }

    /// Whether git had to be asked.
    fn compare(&self, tally: &mut Tally) -> bool {
        let hold = |difference: Result<(), String>| {
            if let Err(difference) = difference {
                panic!("{difference}\nafter {:#?}\nin {}", self.done, self.kept());
            }
        };
        if let Ok(named) = self.subject.prove_names() {
            tally.named += 1;
            hold(self.subject.told_names().names_differ(&named));
        }
        let proven = self.subject.prove();
        let from_kept = self.subject.prove_from_kept();
        // Another file may be the one that defeats it.
        let is_same = if proven.is_ok() { proven == from_kept } else { from_kept.is_err() };
        assert!(
            is_same,
            "{from_kept:?} from a listing, {proven:?} without\nafter {:#?}\nin {}",
            self.done,
            self.kept()
        );
        match proven {
            Ok(counted) => {
                hold(self.subject.told().differs(&counted));
                let is_clean = (counted.unstaged, counted.untracked) == (0, 0);
                *(if is_clean { &mut tally.clean } else { &mut tally.counted }) += 1;
                false
            }
            Err(why) => {
                *tally.asked.entry(why).or_default() += 1;
                true
            }
        }
    }

    /// A copy of what git and we disagree about.
    fn kept(&self) -> String {
        let to = std::env::temp_dir().join(format!("differs-{}", std::process::id()));
        let _ = std::process::Command::new("cp").arg("-a").arg(self.subject.repo.root()).arg(&to).status();
        to.display().to_string()
    }
}

impl Subject {
    /// Writes a file where nothing stands in the way.
    pub(super) fn try_write(&self, path: &[u8], content: &[u8]) {
        let path = self.at(std::ffi::OsStr::from_bytes(path));
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, content);
    }
}

/// Goes through so many states, and says what came of them.
fn run(seed: u64, states: u64) -> Tallies {
    let mut tallies = Tallies::new();
    let mut worlds: Vec<World> = (0..3).map(|form| World::new(seed * 3 + form)).collect();
    let mut left = states;
    'all: loop {
        for world in &mut worlds {
            world.begin();
            let mut name = "clean";
            for _ in 0..40 {
                if left == 0 {
                    break 'all;
                }
                left -= 1;
                if world.compare(tallies.entry(name).or_default()) {
                    world.heal();
                    name = "healed";
                    continue;
                }
                if world.random.u8(..12) == 0 {
                    world.heal();
                }
                // Steps that git can be spared, mostly.
                let fitting: Vec<_> = match world.random.u8(..4) {
                    0 => CHANGES.iter().filter(|change| !change.is_plain).collect(),
                    1 => CONTENTS.iter().collect(),
                    _ => CHANGES.iter().filter(|change| change.is_plain).collect(),
                };
                let change = fitting[world.random.usize(..fitting.len())];
                world.change(change);
                name = change.name;
            }
        }
    }
    tallies
}

fn show(tallies: &Tallies) -> Tally {
    let mut all = Tally::default();
    for (name, tally) in tallies {
        all.add(tally);
        let asked: Vec<_> = tally.asked.iter().map(|(why, count)| format!("{count} {}", why.words())).collect();
        let share = 100 * tally.answered() / tally.all();
        let named = 100 * tally.named / tally.all();
        println!(
            "{name:24} {:7} states, {share:3} % told, {named:3} % named; asked: {}",
            tally.all(),
            asked.join(", ")
        );
    }
    let asked = all.asked.iter().map(|(why, count)| format!("\n  {count:7} {}", why.words())).collect::<String>();
    let Tally { clean, counted, named, .. } = &all;
    println!(
        "{} states: {clean} clean, {counted} counted, {named} named, 0 different; asked of git:{asked}",
        all.all()
    );
    all
}

/// At least so many states of a kind are told, in hundredths.
const FLOORS: [(&str, u64); 11] = [
    ("clean", 95),
    ("healed", 95),
    ("edit", 90),
    ("new file", 90),
    ("delete", 90),
    ("chmod", 80),
    ("edit of the same size", 85),
    ("touch", 85),
    ("restored", 85),
    ("another inode", 85),
    ("written in the same second", 75),
];

/// Most of what is plain is told, and most of what has to be read: a few files may be converted by what was done before.
fn assert_floors(tallies: &Tallies) {
    for (name, floor) in FLOORS {
        let tally = tallies.get(name).unwrap_or_else(|| panic!("states of the kind '{name}'"));
        let share = 100 * tally.answered() / tally.all();
        assert!(share >= floor, "of the kind '{name}' {share} % are told without git");
    }
}

#[test]
fn what_is_told_without_git_is_what_git_says() {
    let tallies = run(1, 600);
    show(&tallies);
    assert_floors(&tallies);
}

#[test]
#[ignore = "as long as one likes: STATES=N, SEED=N"]
fn prove_states_at_length() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (states, seed) =
        (number("STATES").unwrap_or(20_000), number("SEED").unwrap_or_else(|| std::process::id().into()));
    let began = Instant::now();
    let threads: Vec<_> =
        (0..2).map(|half| std::thread::spawn(move || run(1000 + 2 * seed + half, states / 2))).collect();
    let mut tallies = Tallies::new();
    for thread in threads {
        for (name, tally) in thread.join().expect("no difference") {
            tallies.entry(name).or_default().add(&tally);
        }
    }
    show(&tallies);
    println!("seed {seed}, {} seconds", began.elapsed().as_secs());
    assert_floors(&tallies);
}

/// Makes a file one that is still to be written, and the index know it.
pub(super) fn future(world: &World, path: &[u8]) {
    set_mtime(&world.subject.at(std::ffi::OsStr::from_bytes(path)), 4_000_000_000);
    world.subject.repo.git_try(&world.subject.worktree, &["update-index", "-q", "--refresh"]);
}
