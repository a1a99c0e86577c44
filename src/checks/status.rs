//! `status`: what has changed here?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::checks::check::{Asking, Check, Feed, Kind, Proven, Question, Reader};
use crate::checks::fields::Fields;
use crate::checks::reading::refused;
use crate::git::blind_spot::blind_spot;
use crate::git::command::Git;
use crate::git::operation;
use crate::git::prove::Counted;
use crate::model::answer::{Evidence, Exit, Finding, SourceId, Verdict};
use crate::model::facts::FactType::{Bool, Count, Text};
use crate::model::facts::{Fact, FactDef, Facts};
use crate::model::outcome::Outcome;
use crate::model::worktree::Marks;

/// `--untracked-files=normal` over `status.showUntrackedFiles=no`: a worktree that holds only new files is not clean.
const STATUS: [&str; 6] = ["status", "--porcelain=v2", "--branch", "--show-stash", "--untracked-files=normal", "-z"];

/// No more paths than these are kept for other checks.
const MOST_PATHS: usize = 10_000;

const OPERATION: &str = "What has begun and not ended: `merge`, `rebase`, `cherry-pick`, `revert`, `bisect` or `am`; empty where nothing has.";

/// The kind.
pub(super) struct Status;

impl Kind for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn question(&self) -> &'static str {
        "What has changed here? (`git status`)"
    }

    fn facts(&self) -> &'static [FactDef] {
        const FACTS: [FactDef; 11] = [
            FactDef::new("clean", Bool, "Nothing is staged, unstaged, untracked or conflicted."),
            FactDef::new("dirty", Bool, "The contrary of `clean`."),
            FactDef::new("staged", Count, "Paths with changes in the index."),
            FactDef::new("unstaged", Count, "Tracked paths with changes that are not in the index."),
            FactDef::new("untracked", Count, "Untracked files and folders, ignored ones left out."),
            FactDef::new("conflicted", Count, "Paths with conflicts."),
            FactDef::new("upstream", Text, "The branch's upstream, such as `origin/main`.").sometimes(),
            FactDef::new("ahead", Count, "Commits that the upstream lacks; unknown where it is gone.")
                .with("upstream")
                .or_unknown(),
            FactDef::new("behind", Count, "Commits that only the upstream has; unknown where it is gone.")
                .with("upstream")
                .or_unknown(),
            FactDef::new("stash", Count, "Entries in the repository's stash."),
            FactDef::new("operation", Text, OPERATION).or_unknown(),
        ];
        &FACTS
    }

    fn route(&self, check: &Check) -> &'static [SourceId] {
        if check.asks_of_all() { &[SourceId::Proof, SourceId::Process] } else { &[SourceId::Process] }
    }

    fn proven(&self, question: &Question<'_>, proven: Proven<'_>) -> Option<Finding> {
        let Proven::Changes(counted, branch) = proven else { return None };
        let Counted { unstaged, untracked, changed, edits, .. } = counted;
        let upstream = branch.upstream.as_ref();
        let counts = Counts {
            unstaged,
            untracked,
            stash: branch.stash,
            upstream: upstream.map(|upstream| upstream.name.clone()),
            divergence: upstream.map(|upstream| (upstream.ahead, upstream.behind)),
            ..Counts::default()
        };
        let operation = operation_in(question.worktree.git_dir.as_deref(), question.worktree.marks);
        let evidence = Evidence { changed: changed.map(Arc::from), edits: edits.map(Arc::from) };
        Some(Finding { verdict: Verdict::passed(counts.facts(operation)), evidence })
    }

    fn ask(&self, git: &Git, question: &Question<'_>) -> Option<Asking<dyn Reader>> {
        let counts = Counts { changed: question.check.asks_of_all().then(Vec::new), ..Counts::default() };
        let (git_dir, marks) = (question.worktree.git_dir.clone(), question.worktree.marks);
        let reader = Porcelain { git_dir, marks, fields: Fields::default(), counts };
        Some(Asking { invocation: question.git(git, &STATUS), reader: Box::new(reader) })
    }
}

/// Reads porcelain v2. (Format: git-status(1), "Porcelain Format Version 2".)
struct Porcelain {
    git_dir: Option<PathBuf>,
    marks: Marks,
    fields: Fields,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    staged: u64,
    unstaged: u64,
    untracked: u64,
    conflicted: u64,
    /// The paths of the first three, with those that files were renamed from; none: they are too many, or not all asked
    /// for.
    changed: Option<Vec<BString>>,
    stash: u64,
    upstream: Option<String>,
    /// Ahead and behind; the inner value is none where git was told not to count.
    divergence: Option<(Option<u64>, Option<u64>)>,
    /// The next field is the path that a file was renamed from.
    original_path: bool,
    /// Whether git said where HEAD is: every answer begins with it.
    has_header: bool,
    /// Whether git could not tell what HEAD is.
    headless: bool,
    malformed: Option<String>,
}

impl Counts {
    fn field(&mut self, field: &[u8]) {
        if std::mem::take(&mut self.original_path) {
            self.name(Some(field));
            return;
        }
        if let Some(header) = field.strip_prefix(b"# ") {
            self.header(header);
            return;
        }
        match field {
            [b'1', b' ', index, tree, b' ', ..] => {
                self.changed(*index, *tree);
                self.name(after(field, 8));
            }
            [b'2', b' ', index, tree, b' ', ..] => {
                self.changed(*index, *tree);
                self.name(after(field, 9));
                self.original_path = true;
            }
            [b'u', b' ', ..] => {
                self.conflicted += 1;
                self.name(after(field, 10));
            }
            [b'?', b' ', ..] => self.untracked += 1,
            [b'!', b' ', ..] => {}
            other => {
                self.malformed.get_or_insert_with(|| other.to_str_lossy().chars().take(40).collect());
            }
        }
    }

    fn changed(&mut self, index: u8, tree: u8) {
        self.staged += u64::from(index != b'.');
        self.unstaged += u64::from(tree != b'.');
    }

    fn name(&mut self, path: Option<&[u8]>) {
        match (&mut self.changed, path) {
            (Some(changed), Some(path)) if changed.len() < MOST_PATHS => changed.push(path.into()),
            (changed, _) => *changed = None,
        }
    }

    fn header(&mut self, header: &[u8]) {
        let text = header.to_str_lossy();
        let (label, value) = text.split_once(' ').unwrap_or((&text, ""));
        match label {
            "branch.oid" => self.has_header = true,
            "branch.head" => self.headless = value == "(unknown)",
            "branch.upstream" => self.upstream = Some(value.to_owned()),
            "branch.ab" => {
                let mut counts = value.split(' ').map(|count| count.trim_start_matches(['+', '-']).parse().ok());
                self.divergence = Some((counts.next().flatten(), counts.next().flatten()));
            }
            "stash" => match value.parse() {
                Ok(count) => self.stash = count,
                Err(_) => {
                    self.malformed.get_or_insert_with(|| text.chars().take(40).collect());
                }
            },
            _ => {}
        }
    }

    fn facts(self, operation: Option<String>) -> Facts {
        let clean = self.staged + self.unstaged + self.untracked + self.conflicted == 0;
        let mut facts = Facts::new();
        facts.set("clean", clean);
        facts.set("dirty", !clean);
        facts.set("staged", self.staged);
        facts.set("unstaged", self.unstaged);
        facts.set("untracked", self.untracked);
        facts.set("conflicted", self.conflicted);
        if let Some(upstream) = self.upstream {
            facts.set("upstream", upstream);
            // An upstream that is gone has no count to give: asked, and unknown.
            let (ahead, behind) = self.divergence.unwrap_or_default();
            facts.set("ahead", Fact::from(ahead));
            facts.set("behind", Fact::from(behind));
        }
        facts.set("stash", self.stash);
        // Where nobody knows the folder that would tell, it is not known.
        facts.set("operation", operation);
        facts
    }
}

impl Feed for Porcelain {
    fn feed(&mut self, chunk: &[u8]) {
        let Self { fields, counts, .. } = self;
        fields.feed(chunk, |field| counts.field(field));
    }
}

impl Reader for Porcelain {
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Finding {
        let counts = std::mem::take(&mut self.counts);
        let changed = counts.changed.clone().map(Arc::from);
        match self.verdict(counts, exit, stderr) {
            verdict if verdict.outcome == Outcome::Passed => {
                Finding { verdict, evidence: Evidence { changed, edits: None } }
            }
            verdict => verdict.into(),
        }
    }
}

impl Porcelain {
    fn verdict(&self, counts: Counts, exit: Exit, stderr: &[u8]) -> Verdict {
        if exit != Exit::Code(0) {
            return refused(exit, stderr);
        }
        if let Some(malformed) = counts.malformed {
            return Verdict::errored(format!("cannot read what git status printed: {malformed}"));
        }
        // Nothing at all must never read as "nothing has changed".
        if !counts.has_header || counts.original_path || self.fields.is_cut_off() {
            return Verdict::errored("git status stopped in the middle of its answer");
        }
        if let Some(words) = blind_spot(stderr) {
            return Verdict::errored(format!("git could not look everywhere: {words}"));
        }
        if counts.headless {
            return Verdict::errored("git cannot read what HEAD names");
        }
        Verdict::passed(counts.facts(operation_in(self.git_dir.as_deref(), self.marks)))
    }
}

/// What a worktree is in the middle of; none: nobody knows.
fn operation_in(git_dir: Option<&Path>, marks: Marks) -> Option<String> {
    git_dir.and_then(|git_dir| operation::under_way(git_dir, marks))
}

/// What follows so many words: a path, with whatever spaces are in it.
fn after(field: &[u8], words: usize) -> Option<&[u8]> {
    field.splitn(words + 1, |byte| *byte == b' ').nth(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &[u8]) -> Finding {
        let counts = Counts { changed: Some(Vec::new()), ..Counts::default() };
        let mut reader = Porcelain { git_dir: None, marks: Marks::Files, fields: Fields::default(), counts };
        for chunk in output.chunks(7) {
            reader.feed(chunk);
        }
        reader.finish(Exit::Code(0), b"")
    }

    #[test]
    fn counts_each_kind_of_change() {
        let Finding { verdict, evidence } = read(
            b"# branch.oid 1111\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -3\0# stash 4\0\
              1 M. N... 100644 100644 100644 a b staged\x001 .M N... 100644 100644 100644 a b unstaged\x001 MM N... 100644 100644 100644 a b both\0\
              2 R. N... 100644 100644 100644 a b R100 new\0? old name\0u UU N... 1 2 3 4 a b c con flict\0? new file\0! ignored\0",
        );
        let named: Vec<BString> =
            ["staged", "unstaged", "both", "new", "? old name", "con flict"].map(BString::from).into();
        assert_eq!(evidence.changed.as_deref(), Some(named.as_slice()));
        let facts = verdict.facts;
        for (name, count) in [
            ("staged", 3),
            ("unstaged", 2),
            ("untracked", 1),
            ("conflicted", 1),
            ("ahead", 2),
            ("behind", 3),
            ("stash", 4),
        ] {
            assert_eq!(facts.int(name), Some(count), "{name}");
        }
        assert_eq!((facts.bool("clean"), facts.bool("dirty")), (Some(false), Some(true)));
        assert_eq!(facts.text("upstream"), Some("origin/main"));
    }

    #[test]
    fn an_upstream_without_a_count_is_unknown_and_none_is_absent() {
        let gone = read(b"# branch.oid 1111\0# branch.head main\0# branch.upstream origin/gone\0").verdict.facts;
        assert_eq!(gone.get("ahead"), Some(&Fact::Unknown));
        let quick = read(b"# branch.oid 1111\0# branch.upstream origin/main\0# branch.ab +? -?\0").verdict.facts;
        assert_eq!(quick.get("behind"), Some(&Fact::Unknown));
        let none = read(b"# branch.oid (initial)\0# branch.head main\0").verdict.facts;
        assert_eq!(none.get("ahead"), None);
        assert_eq!(none.bool("clean"), Some(true));
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        let whole = b"# branch.oid 1111\0# branch.head main\0? a\0";
        for length in 0..whole.len() {
            let verdict = read(&whole[..length]).verdict;
            let ends_a_field = length == 18 || length == 37;
            assert_eq!(verdict.outcome == Outcome::Passed, ends_a_field, "{length} bytes");
        }
        assert!(read(b"# branch.oid 1\x002 R. N... 1 1 1 a b R100 new\0").verdict.reason.is_some());
        assert!(read(b"# branch.oid 1\0nonsense\0").verdict.reason.is_some());
        assert!(read(b"# branch.oid 1\0# stash many\0").verdict.reason.is_some());
        assert!(read(b"").verdict.reason.is_some());
    }
}
