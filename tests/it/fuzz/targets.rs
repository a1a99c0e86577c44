//! What holds of every reader of bytes that are not trusted, whatever they are.
//!
//! Each target takes bytes and panics where something does not hold. `cargo fuzz` runs them (see `fuzz/`), and so does the
//! ordinary test beside this file.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use git_wtcheck::checks::{Check, Question};
use git_wtcheck::environment::Environment;
use git_wtcheck::error::Error;
use git_wtcheck::git::command::Git;
use git_wtcheck::git::conditional;
use git_wtcheck::git::config::{self, Entry, Scope};
use git_wtcheck::git::index::{Hash, Index, is_plain};
use git_wtcheck::git::numstat::numbers;
use git_wtcheck::git::worktree_list;
use git_wtcheck::model::answer::{Evidence, Exit, Verdict};
use git_wtcheck::model::facts::Facts;
use git_wtcheck::model::outcome::Outcome;
use git_wtcheck::model::worktree::Worktree;
use git_wtcheck::plan::budget::Budget;
use git_wtcheck::plan::expression::Known;
use git_wtcheck::plan::{Plan, Selection, Terms};
use git_wtcheck::settings::{Faults, Settings, Sources, TopKeys, read};
use git_wtcheck::text::message::tell;
use git_wtcheck::text::sanitize::{self, is_safe};

/// Something that holds of any bytes.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder of inputs.
pub const ALL: [(&str, Target); 11] = [
    ("gitconfig", gitconfig),
    ("toml", toml),
    ("expression", expression),
    ("status", status),
    ("diff", diff),
    ("log", log),
    ("worktrees", worktrees),
    ("index", index),
    ("numstat", numstat),
    ("condition", condition),
    ("sanitizer", sanitizer),
];

/// No input of a fuzzer's size may take longer, on however busy a machine.
const LONGEST: Duration = Duration::from_secs(20);

/// Does it, within the time that it may take.
fn in_time<T>(what: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = what();
    assert!(start.elapsed() < LONGEST, "it took {:?}", start.elapsed());
    done
}

/// An environment in which no settings are found.
static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| {
    let nowhere = "/nowhere/at/all";
    Environment::of_this_process().with("XDG_CONFIG_HOME", nowhere).with("HOME", nowhere)
});

/// The built-in checks on two worktrees.
static BUILT_IN: LazyLock<Plan> = LazyLock::new(|| {
    let entries = [entry("wtcheck.checks", "status diff log")];
    Layers { entries: &entries, toplevel: None }.plan(2).expect("a plan")
});

/// Settings and a plan out of one layer, from nowhere else.
struct Layers<'a> {
    entries: &'a [Entry],
    toplevel: Option<&'a Path>,
}

impl Layers<'_> {
    fn settings(&self) -> Result<Settings, Faults> {
        let sources = Sources {
            environment: &ENVIRONMENT,
            entries: self.entries,
            toplevel: self.toplevel,
            named_file: None,
            profile: None,
            command_line: TopKeys::default(),
        };
        Settings::resolve(read(&sources))
    }

    /// The plan that follows from them, or what is wrong with them.
    fn plan(&self, worktrees: usize) -> Result<Plan, Faults> {
        let worktree = |index: usize| Worktree {
            path: format!("/r/w{index}").into(),
            name: format!("w{index}"),
            head: Some(format!("{:040x}", index + 1)),
            ..Worktree::default()
        };
        let selection = Selection { directory: "/r".into(), ..Selection::default() };
        let worktrees = (0..worktrees).map(worktree).collect();
        self.settings()
            .and_then(|settings| Plan::new(settings, &selection, ("/r/.git".into(), Terms::none()), worktrees, 2))
    }
}

/// Faults can be told: in lines that are safe, of which none begins as a message of the program's own does but those that are.
fn can_be_told(faults: Faults) {
    assert!(!faults.is_empty(), "something is wrong");
    let messages = Error::from(faults).messages();
    let mut told = Vec::new();
    tell(&mut told, &messages, true);
    let told = String::from_utf8(told).expect("text");
    let begins = |start: &str| told.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(begins("error: "), messages.iter().filter(|(level, _)| *level == "error").count(), "{told}");
    let is_ours =
        |line: &str| line.is_empty() || ["error: ", "hint: ", " "].iter().any(|start| line.starts_with(start));
    assert!(told.lines().all(|line| is_ours(line) && is_safe(line)), "{told:?}");
}

fn entry(key: &str, value: &str) -> Entry {
    Entry { scope: Scope::Global, origin: "file".into(), key: key.to_owned(), value: Some(value.into()) }
}

/// `git config -z` is read as it was printed, and its layers make settings, or faults that can be told.
pub fn gitconfig(bytes: &[u8]) {
    let Some(entries) = config::parse(bytes) else { return };
    let printed: Vec<u8> = entries.iter().flat_map(printed).collect();
    assert_eq!(config::parse(&printed), Some(entries.clone()), "what was read reads the same when it is printed");
    for entry in &entries {
        config::boolean(entry.value.as_ref().map(|value| value.as_slice()));
    }
    if let Err(faults) = in_time(|| Layers { entries: &entries, toplevel: None }.plan(1)) {
        can_be_told(faults);
    }
}

fn printed(entry: &Entry) -> Vec<u8> {
    let value = entry.value.as_ref().map_or_else(Vec::new, |value| [b"\n", value.as_slice()].concat());
    let head = format!("{}\0file:{}\0{}", entry.scope.name(), entry.origin, entry.key);
    [head.as_bytes(), &value, b"\0"].concat()
}

/// A repository's own file makes settings, or faults that can be told; and nothing in it runs by itself.
pub fn toml(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(".wtcheck.toml"), bytes).expect("a file");
    let layers = Layers { entries: &[], toplevel: Some(folder.path()) };
    let settings = match in_time(|| layers.settings()) {
        Ok(settings) => settings,
        Err(faults) => return can_be_told(faults),
    };
    for (name, check) in &settings.checks {
        let runs_code = check.command.is_some() || !check.args.is_empty() || !check.env.is_empty();
        assert!(!runs_code || settings.unapproved.contains_key(name), "'{name}' would run unasked");
    }
    if let Err(faults) = in_time(|| layers.plan(1)) {
        can_be_told(faults);
    }
}

/// An expression is compiled or refused, and evaluated, in time.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let entries = [
        entry("wtcheck.checks", "status probe"),
        entry("wtcheck.probe.command", "true"),
        entry("wtcheck.probe.when", text),
    ];
    let plan = match in_time(|| Layers { entries: &entries, toplevel: None }.plan(1)) {
        Ok(plan) => plan,
        Err(faults) => return can_be_told(faults),
    };
    let mut facts = Facts::new();
    facts.set("dirty", true);
    facts.set("staged", 3_u64);
    facts.set("operation", "rebase");
    let known = Known { outcome: Some(Outcome::Passed), facts: &facts, exit_code: Some(0), duration: Duration::ZERO };
    for condition in plan.checks.iter().filter_map(|planned| planned.when.as_ref()) {
        in_time(|| {
            condition.evaluate(&plan.worktrees.raw[0], &Budget::default(), |name| (name == "status").then_some(known))
        });
    }
}

/// What a built-in check makes of its git's output, which comes in pieces.
fn answer(check: &Check, output: &[u8], piece: usize) -> Verdict {
    let mut reader = check.kind.ask(&GIT, &question(check, 0)).expect("a process").reader;
    output.chunks(piece).for_each(|chunk| reader.feed(chunk));
    reader.finish(Exit::Code(0), b"").verdict
}

/// The same, where it was asked for both worktrees.
fn answer_for_both(check: &Check, output: &[u8], piece: usize) -> Result<Vec<Option<Verdict>>, String> {
    let questions = [question(check, 0), question(check, 1)];
    let mut reader = check.kind.ask_together(&GIT, &questions).expect("one process").reader;
    output.chunks(piece).for_each(|chunk| reader.feed(chunk));
    let found = reader.finish(Exit::Code(0), b"")?;
    Ok(found.into_iter().map(|found| found.map(|found| found.verdict)).collect())
}

static NOTHING: Evidence = Evidence { changed: None, edits: None };
static GIT: LazyLock<Git> = LazyLock::new(|| Git::new(&ENVIRONMENT));

fn question(check: &Check, worktree: usize) -> Question<'_> {
    Question {
        check,
        worktree: &BUILT_IN.worktrees.raw[worktree],
        common_dir: Path::new("/r/.git"),
        number: 1,
        evidence: &NOTHING,
    }
}

/// Reads an output whole and in pieces, which must come to the same.
fn answered(check: usize, output: &[u8]) -> Verdict {
    let check = &BUILT_IN.checks.raw[check].check;
    let whole = answer(check, output, output.len().max(1));
    for piece in [1, 2, 7] {
        assert!(said(&answer(check, output, piece)) == said(&whole), "the same, in pieces of {piece}");
    }
    whole
}

/// What a verdict says, but for what depends on the time of day.
fn said(verdict: &Verdict) -> (Outcome, Option<&String>, Facts) {
    let mut facts = verdict.facts.clone();
    if facts.get("age").is_some() {
        facts.set("age", 0_i64);
    }
    (verdict.outcome, verdict.reason.as_ref(), facts)
}

/// `git status --porcelain=v2 -z`: clean is what counts to nothing, and nothing at all is no answer.
pub fn status(bytes: &[u8]) {
    let verdict = answered(0, bytes);
    if verdict.outcome != Outcome::Passed {
        assert!(verdict.reason.is_some() && verdict.facts.iter().next().is_none(), "{verdict:?}");
        return;
    }
    let says_where = bytes.split(|byte| *byte == 0).any(|field| field.starts_with(b"# branch.oid"));
    assert!(says_where && bytes.ends_with(b"\0"), "it was whole");
    let count = |name: &str| verdict.facts.int(name).expect("a count");
    let changes = ["staged", "unstaged", "untracked", "conflicted"].map(count);
    assert!(changes.iter().all(|count| *count >= 0), "{changes:?}");
    assert_eq!(verdict.facts.bool("clean"), Some(changes == [0; 4]));
    assert_eq!(verdict.facts.bool("dirty"), Some(changes != [0; 4]));
}

/// `git diff --numstat -z`.
pub fn diff(bytes: &[u8]) {
    let verdict = answered(1, bytes);
    if verdict.outcome == Outcome::Passed {
        assert!(bytes.is_empty() || bytes.ends_with(b"\0"), "it was whole");
        let files = verdict.facts.int("files").expect("a count");
        assert!(usize::try_from(files).is_ok_and(|files| files <= bytes.len()), "{files}");
    }
}

/// `git log --format=... -z`, for one worktree and for several.
pub fn log(bytes: &[u8]) {
    answered(2, bytes);
    let check = &BUILT_IN.checks.raw[2].check;
    let whole = answer_for_both(check, bytes, bytes.len().max(1));
    for found in whole.iter().flatten().flatten() {
        assert_eq!(found.outcome, Outcome::Passed, "{found:?}");
    }
    let found = whole.map(|found| found.iter().map(Option::is_some).collect::<Vec<_>>());
    let in_pieces = answer_for_both(check, bytes, 3).map(|found| found.iter().map(Option::is_some).collect::<Vec<_>>());
    assert_eq!(found, in_pieces);
}

/// `git worktree list --porcelain -z`.
pub fn worktrees(bytes: &[u8]) {
    let Some(records) = worktree_list::parse(bytes) else { return };
    let fields = bytes.split(|byte| *byte == 0);
    let named = fields.filter(|field| field.starts_with(b"worktree ")).count();
    assert!(!records.is_empty() && records.len() <= named, "each record has a path of its own");
}

/// An index: in order, within its bounds, and as many entries as it says.
pub fn index(bytes: &[u8]) {
    for hash in [Hash::Sha1, Hash::Sha256] {
        let Ok(index) = Index::open(bytes, hash) else { continue };
        let (mut before, mut count) = ((Vec::new(), 0), 0);
        let extensions = in_time(|| {
            index.walk(|entry| {
                let now = (entry.path.to_vec(), entry.stage);
                assert!(before < now, "{before:?} stands before {now:?}");
                assert!(entry.path.len() <= 4096 && !entry.path.contains(&0) && entry.id.len() == hash.length());
                assert!(!is_plain(entry.path) || !Path::new(&*String::from_utf8_lossy(entry.path)).is_absolute());
                before = now;
                count += 1;
            })
        });
        let Ok(extensions) = extensions else { continue };
        assert_eq!(count, index.count());
        let length: usize = extensions.iter().map(|extension| 8 + extension.content.len()).sum();
        assert!(length <= bytes.len(), "{length}");
    }
}

/// Nothing unsafe comes through, in no form of text for a terminal.
pub fn sanitizer(bytes: &[u8]) {
    // What no terminal is to obey, by a list that is not the sanitizer's own.
    let is_obeyed =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}');
    let holds = |shown: &str| assert!(is_safe(shown) && !shown.contains(is_obeyed), "{shown:?}");
    let text = String::from_utf8_lossy(bytes);
    let line = sanitize::line(&text);
    holds(&line);
    assert_eq!(sanitize::line(&line), line, "what is safe stays as it is");
    let in_place = sanitize::in_place(&text);
    holds(&in_place);
    assert_eq!(in_place.chars().count(), text.chars().count(), "each character keeps its place");
    for line in sanitize::lines(bytes) {
        holds(&line);
    }
}

/// Two contents, divided by a byte that no text has: what is only in one and only in the other makes the difference between
/// how long they are, whichever is the old one.
pub fn numstat(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0xff).unwrap_or(bytes.len());
    let (old, new) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let lines = |content: &[u8]| content.split_inclusive(|byte| *byte == b'\n').count() as u64;
    let (there, back) = in_time(|| (numbers(old, new), numbers(new, old)));
    assert_eq!(there.map(|n| (n.insertions, n.deletions)), back.map(|n| (n.deletions, n.insertions)));
    if let Some(found) = there.filter(|_| !bytes.contains(&0)) {
        assert_eq!(lines(old) + found.insertions, lines(new) + found.deletions);
        assert_eq!(old == new, (found.insertions, found.deletions) == (0, 0));
    }
}

/// A file that git includes under a condition: where it is said to have no say, nothing is set in it but who one is and how
/// one signs and connects.
pub fn condition(bytes: &[u8]) {
    const KEYS: [&str; 10] = [
        "allowedsignersfile",
        "email",
        "format",
        "gpgsign",
        "helper",
        "name",
        "program",
        "signingkey",
        "sshcommand",
        "username",
    ];
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("a file");
    if in_time(|| conditional::has_no_say(file.path())) {
        let text = String::from_utf8(bytes.to_vec()).expect("only text is harmless");
        let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t']));
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', ';', '['])) {
            let key = line.split(['=', ' ', '\t']).next().unwrap_or_default().to_lowercase();
            assert!(KEYS.contains(&key.as_str()), "{line:?}");
        }
    }
}
