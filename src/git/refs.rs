//! Every ref that the worktrees of a repository share, in one process.

use std::collections::BTreeMap;
use std::path::Path;

use bstr::{BStr, BString, ByteSlice};

use crate::git::command::{Git, Invocation, complaint};
use crate::git::errand::Printed;
use crate::model::answer::Exit;

/// One line a ref. `*objectname` is what a tag leads to, however many tags are on the way.
const FORMAT: &str = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(symref)%00%(upstream)%00";

/// Refs that each worktree has of its own, though they lie below `refs/`, and the ones that this program keeps itself.
/// (Rule: `is_per_worktree_ref` in git's refs.c.)
const NOT_SHARED: [&[u8]; 4] = [b"refs/worktree/", b"refs/bisect/", b"refs/rewritten/", b"refs/wtcheck/"];

/// A ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// The object that it names; what a tag leads to.
    pub id: String,
    /// The tag, where it names one.
    pub tag: Option<String>,
    /// The ref that it stands for, where it is symbolic.
    pub symref: Option<BString>,
    /// The full name of its upstream, where a branch has one.
    pub upstream: Option<BString>,
}

/// The refs of a repository, by their full names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs(BTreeMap<BString, Ref>);

impl Refs {
    /// The process that lists them.
    pub fn invocation(git: &Git, common_dir: &Path) -> Invocation {
        git.of_repository(common_dir, &["for-each-ref", FORMAT])
    }

    /// What it printed; or why that is no answer, in words.
    pub fn read(printed: &Printed) -> Result<Self, String> {
        if printed.exit != Exit::Code(0) {
            return Err(
                complaint(&printed.stderr).unwrap_or_else(|| "git for-each-ref failed without a word".to_owned())
            );
        }
        // A ref that git passes over, because what it names is missing or broken, may be the only name of something.
        if let Some(words) =
            printed.stderr.lines().find(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"hint: "))
        {
            return Err(format!("git could not read all refs: {}", words.to_str_lossy()));
        }
        parse(&printed.stdout).ok_or_else(|| "cannot read what git for-each-ref printed".to_owned())
    }

    /// A ref, by its full name.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<&Ref> {
        self.0.get(BStr::new(name.as_ref()))
    }

    /// All of them that no worktree has for itself, in the order of their names.
    pub fn shared(&self) -> impl Iterator<Item = (&BStr, &Ref)> {
        let is_shared = |name: &BString| !NOT_SHARED.iter().any(|folder| name.starts_with(folder));
        self.0.iter().filter(move |(name, _)| is_shared(name)).map(|(name, found)| (name.as_bstr(), found))
    }
}

fn parse(output: &[u8]) -> Option<Refs> {
    let mut refs = BTreeMap::new();
    for line in output.lines_with_terminator() {
        let mut fields = line.strip_suffix(b"\0\n")?.split_str(b"\0");
        let mut next = || fields.next();
        let (name, object, peeled, symref, upstream) = (next()?, next()?, next()?, next()?, next()?);
        if next().is_some() || !is_id(object) || !(peeled.is_empty() || is_id(peeled)) || name.is_empty() {
            return None;
        }
        let text = |id: &[u8]| id.to_str_lossy().into_owned();
        let named = |name: &[u8]| (!name.is_empty()).then(|| BString::from(name));
        let (id, tag) = if peeled.is_empty() { (text(object), None) } else { (text(peeled), Some(text(object))) };
        refs.insert(name.into(), Ref { id, tag, symref: named(symref), upstream: named(upstream) });
    }
    Some(Refs(refs))
}

/// Whether this is an object id in full.
pub fn is_id(text: &[u8]) -> bool {
    matches!(text.len(), 40 | 64) && text.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Refs as git would list them: name, id, symbolic ref, upstream.
    pub(in crate::git) fn refs(lines: &[(&str, char, &str, &str)]) -> Refs {
        let id = |digit: &char| digit.to_string().repeat(40);
        let line = |(name, digit, symref, upstream): &(&str, char, &str, &str)| {
            format!("{name}\0{}\0\0{symref}\0{upstream}\0\n", id(digit))
        };
        parse(lines.iter().map(line).collect::<String>().as_bytes()).expect("well-formed")
    }

    #[test]
    fn a_tag_is_what_it_leads_to() {
        let (tag, commit) = ("1".repeat(40), "2".repeat(40));
        let read = parse(format!("refs/tags/v1\0{tag}\0{commit}\0\0\0\n").as_bytes()).expect("well-formed");
        let found = read.get("refs/tags/v1").expect("a ref");
        assert_eq!((found.id.as_str(), found.tag.as_deref()), (commit.as_str(), Some(tag.as_str())));
    }

    #[test]
    fn what_a_worktree_has_for_itself_is_not_shared() {
        let all =
            refs(&[("refs/heads/a", '1', "", ""), ("refs/worktree/x", '2', "", ""), ("refs/bisect/bad", '3', "", "")]);
        assert_eq!(all.shared().map(|(name, _)| name.to_string()).collect::<Vec<_>>(), ["refs/heads/a"]);
    }

    #[test]
    fn half_a_line_is_no_line_and_a_complaint_no_answer() {
        let whole = format!("refs/heads/a\0{}\0\0\0\0\n", "1".repeat(40));
        for length in 1..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..length]), None, "{length} bytes");
        }
        let printed = |stderr: &str| Printed {
            exit: Exit::Code(0),
            stdout: whole.clone().into_bytes(),
            stderr: stderr.as_bytes().to_vec(),
        };
        assert!(Refs::read(&printed("")).is_ok());
        assert!(Refs::read(&printed("warning: ignoring broken ref refs/heads/b\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>) {
            let _ = parse(&output);
        }
    }
}
