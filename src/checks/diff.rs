//! `diff`: how much has changed, against HEAD?

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use bstr::{BString, ByteSlice};

use crate::checks::check::{Asking, Basis, Check, Defaults, Feed, Kind, Proven, Question, Reader};
use crate::checks::fields::Fields;
use crate::checks::reading::refused;
use crate::git::blind_spot::blind_spot;
use crate::git::command::Git;
use crate::git::edits::Differing;
use crate::git::numstat::Numbers;
use crate::model::answer::{Exit, Finding, SourceId, Verdict};
use crate::model::facts::FactType::Count;
use crate::model::facts::{Fact, FactDef, Facts};

/// The empty tree, which an unborn branch is compared with; git knows it without having it. (Source: git's
/// object-file.c.)
const EMPTY_TREE_SHA1: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

/// `git diff` writes the index when it has found files to be the same, whatever is said of optional locks. (Rule:
/// `refresh_index_quietly` in git's builtin/diff.c.)
const AS_IT_IS: [&str; 2] = ["-c", "diff.autoRefreshIndex=false"];

/// What changes how git reads paths that it is given.
const PATHSPEC_VARIABLES: [&str; 4] =
    ["GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"];

/// git is bound to no more paths than these: it holds each path that differs against each of them.
const MOST_PATHS: usize = 64;

/// The kind.
pub(super) struct Diff;

impl Kind for Diff {
    fn name(&self) -> &'static str {
        "diff"
    }

    fn question(&self) -> &'static str {
        "How much has changed, against HEAD? It counts tracked files (`git diff HEAD`)."
    }

    fn facts(&self) -> &'static [FactDef] {
        &FACTS
    }

    fn defaults(&self) -> Defaults {
        Defaults { when: Some("status.dirty"), ..Defaults::OF_GIT }
    }

    fn route(&self, check: &Check) -> &'static [SourceId] {
        if check.asks_of_all() {
            &[SourceId::Known, SourceId::Proof, SourceId::Process]
        } else {
            &[SourceId::Known, SourceId::Process]
        }
    }

    fn basis(&self) -> Basis {
        Basis::Lines
    }

    fn proven(&self, _: &Question<'_>, proven: Proven<'_>) -> Option<Finding> {
        let Proven::Lines(Differing { files, lines }) = proven else { return None };
        let Numbers { insertions, deletions } = lines;
        Some(Counts { files, insertions, deletions, ..Counts::default() }.verdict().into())
    }

    /// Where a check before it has found that nothing differs, there is nothing to count.
    fn known(&self, question: &Question<'_>) -> Option<Finding> {
        // Arguments or variables of its own may ask for more than the difference from HEAD.
        let nothing =
            question.is_plain() && question.evidence.changed.as_ref().is_some_and(|changed| changed.is_empty());
        nothing.then(|| Counts::default().verdict().into())
    }

    /// Bound to the paths that can differ, git looks at these alone, rather than at every file once more.
    fn ask(&self, git: &Git, question: &Question<'_>) -> Option<Asking<dyn Reader>> {
        let known = question.evidence.changed.as_deref().filter(|_| question.is_plain());
        let changed = known.filter(|changed| changed.len() <= MOST_PATHS);
        let base = match question.is_unborn() {
            // What a file cannot well be called: a name that is both is none.
            false => "HEAD^{commit}",
            true if question.worktree.sha256 => EMPTY_TREE_SHA256,
            true => EMPTY_TREE_SHA1,
        };
        let diff = ["diff", "--numstat", "-z", "--no-color", "--no-ext-diff", "--no-relative", base];
        // In an index that holds folders in place of files, git passes over what is bound to a path below one.
        let in_full: &[&str] = if changed.is_some() { &["-c", "index.sparse=false"] } else { &[] };
        let mut invocation = question.git(git, &[&AS_IT_IS[..], in_full, &diff].concat());
        if changed.is_none() && question.check.args.is_empty() {
            invocation.args.push("--".into());
        }
        if let Some(changed) = changed {
            for name in PATHSPEC_VARIABLES {
                invocation.env(name, "0");
            }
            let mut bound_to = |word: &[u8]| invocation.args.push(OsStr::from_bytes(word).to_owned());
            bound_to(b"--");
            for path in changed {
                bound_to(&[b":(top,literal)", path.as_slice()].concat());
            }
        }
        let known = known.map(|paths| paths.iter().cloned().collect());
        let counts = Counts { known, ..Counts::default() };
        Some(Asking { invocation, reader: Box::new(Numstat { fields: Fields::default(), counts }) })
    }
}

/// None of them is known where git would have to fetch what it needs.
const FACTS: [FactDef; 3] = [
    FactDef::new("files", Count, "Files that differ.").or_unknown(),
    FactDef::new("insertions", Count, "Lines added.").or_unknown(),
    FactDef::new("deletions", Count, "Lines removed.").or_unknown(),
];

/// Reads `--numstat -z`: `ADDED TAB DELETED TAB PATH NUL`, and for a rename `... TAB NUL OLD NUL NEW NUL`; `-` for a
/// binary file.
#[derive(Default)]
struct Numstat {
    fields: Fields,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    files: u64,
    insertions: u64,
    deletions: u64,
    /// Paths of a rename that are still to come.
    paths: u8,
    /// The paths that can differ; none: not known.
    known: Option<HashSet<BString>>,
    malformed: Option<String>,
}

impl Counts {
    fn verdict(self) -> Verdict {
        let mut facts = Facts::new();
        facts.set("files", self.files);
        facts.set("insertions", self.insertions);
        facts.set("deletions", self.deletions);
        Verdict::passed(facts)
    }

    /// Whether a binary file that git lists is known to be the same.
    ///
    /// git lists those that were only written anew, unless it may write the index. (Rule: `diffcore_skip_stat_unmatch`
    /// in git's diff.c.) A binary file that was staged and changed back is counted all the same: nothing tells it
    /// apart.
    fn is_the_same(&self, path: &[u8]) -> bool {
        // A rename has its paths in the fields that follow.
        !path.is_empty() && self.known.as_ref().is_some_and(|known| !known.contains(path.as_bstr()))
    }

    fn field(&mut self, field: &[u8]) {
        if self.paths > 0 {
            self.paths -= 1;
            return;
        }
        let mut parts = field.splitn(3, |byte| *byte == b'\t');
        let mut count = || match parts.next()? {
            b"-" => Some(0),
            digits => digits.to_str().ok()?.parse::<u64>().ok(),
        };
        match (count(), count(), parts.next()) {
            (Some(insertions), Some(deletions), Some(path)) => {
                if field.starts_with(b"-") && self.is_the_same(path) {
                    return;
                }
                self.files += 1;
                self.insertions += insertions;
                self.deletions += deletions;
                self.paths = if path.is_empty() { 2 } else { 0 };
            }
            _ => {
                self.malformed.get_or_insert_with(|| field.to_str_lossy().chars().take(40).collect());
            }
        }
    }
}

/// Whether git would have had to fetch what it was asked about, in a repository that holds only a part of its objects.
/// (Words: `fetch_objects` in git's promisor-remote.c, with `GIT_NO_LAZY_FETCH`.)
fn is_elsewhere(stderr: &[u8]) -> bool {
    stderr.contains_str("lazy fetching disabled")
}

/// It was asked, and cannot be known here.
fn unknown() -> Verdict {
    let mut facts = Facts::new();
    for fact in FACTS {
        facts.set(fact.name, Fact::Unknown);
    }
    Verdict::passed(facts)
}

impl Feed for Numstat {
    fn feed(&mut self, chunk: &[u8]) {
        let Self { fields, counts } = self;
        fields.feed(chunk, |field| counts.field(field));
    }
}

impl Reader for Numstat {
    fn finish(&mut self, exit: Exit, stderr: &[u8]) -> Finding {
        let counts = std::mem::take(&mut self.counts);
        self.verdict(counts, exit, stderr).into()
    }
}

impl Numstat {
    fn verdict(&self, counts: Counts, exit: Exit, stderr: &[u8]) -> Verdict {
        // `--exit-code` among the check's own arguments makes a difference exit 1.
        if !matches!(exit, Exit::Code(0 | 1)) {
            return if is_elsewhere(stderr) { unknown() } else { refused(exit, stderr) };
        }
        if let Some(malformed) = counts.malformed {
            return Verdict::errored(format!("cannot read what git diff printed: {malformed}"));
        }
        if counts.paths > 0 || self.fields.is_cut_off() {
            return Verdict::errored("git diff stopped in the middle of its answer");
        }
        if let Some(words) = blind_spot(stderr) {
            return Verdict::errored(format!("git could not look everywhere: {words}"));
        }
        counts.verdict()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &[u8]) -> Verdict {
        let mut reader = Numstat::default();
        for chunk in output.chunks(5) {
            reader.feed(chunk);
        }
        reader.finish(Exit::Code(0), b"").verdict
    }

    #[test]
    fn adds_up_files_renames_and_binaries() {
        let facts = read(b"3\t1\ta.txt\0-\t-\tpicture.png\x002\t0\t\0old\tname\0new\0").facts;
        assert_eq!((facts.int("files"), facts.int("insertions"), facts.int("deletions")), (Some(3), Some(5), Some(1)));
        assert_eq!(read(b"").facts.int("files"), Some(0));
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        assert!(read(b"3\t1\ta.txt").reason.is_some());
        assert!(read(b"2\t0\t\0old\0").reason.is_some());
        assert!(read(b" a.txt | 3 +++\0").reason.is_some());
    }
}
