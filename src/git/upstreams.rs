//! The upstreams of many branches from one `git for-each-ref`, as `git status` tells each of them.
//!
//! Both ask the same functions of git (`stat_tracking_info` in remote.c), but stand in different places: `git status`
//! in the worktree, for-each-ref in any. What could be another thing there is not read here.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use bstr::{BStr, ByteSlice};

use crate::git::config::{Entry, Scope};
use crate::git::regular_file::{self, Links};
use crate::git::why::Why;

/// What each line has, in order. (Format: git-for-each-ref(1).)
pub const FORMAT: &str = "--format=%(refname)%00%(objectname)%00%(upstream)%00%(upstream:short)%00%(upstream:track)";

/// `git status` shortens names without regard to `core.warnAmbiguousRefs`, for-each-ref as if it were false where it
/// is. (Rules: `wt_porcelain_v2_print_tracking` in git's wt-status.c, `show_ref` in ref-filter.c.)
pub const LENIENT: &str = "core.warnAmbiguousRefs=false";

/// A branch's upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its short name.
    pub name: String,
    /// Commits that it lacks; none: it is gone.
    pub ahead: Option<u64>,
    /// Commits that only it has; none: it is gone.
    pub behind: Option<u64>,
}

/// What the configuration says of each branch's upstream.
#[derive(Debug, Default)]
pub struct Tracking<'a>(HashMap<&'a str, Branch<'a>>);

#[derive(Debug, Default)]
struct Branch<'a> {
    remote: Option<&'a BStr>,
    merges: Vec<&'a BStr>,
}

impl<'a> Tracking<'a> {
    /// Of the configuration that all worktrees have.
    pub fn of(config: &'a [Entry]) -> Self {
        let mut branches: HashMap<&str, Branch<'_>> = HashMap::new();
        for entry in config.iter().filter(|entry| entry.scope != Scope::Worktree) {
            let Some((branch, key)) = entry.key.strip_prefix("branch.").and_then(|rest| rest.rsplit_once('.')) else {
                continue;
            };
            let value = entry.value.as_ref().map(|value| value.as_bstr());
            match key {
                "remote" => branches.entry(branch).or_default().remote = value,
                "merge" => branches.entry(branch).or_default().merges.extend(value),
                _ => {}
            }
        }
        branches.retain(|_, branch| branch.remote.is_some() && !branch.merges.is_empty());
        Self(branches)
    }

    /// The branches that may have an upstream.
    pub fn branches(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.keys().copied()
    }

    /// Whether this branch may have an upstream.
    pub fn has(&self, branch: &str) -> bool {
        self.0.contains_key(branch)
    }

    /// Whether for-each-ref cannot be asked of this branch: its upstream depends on where one stands, or on how git
    /// takes a name that is none of a ref. (Rules: `branch_get` and `set_merge` in git's remote.c.)
    fn is_odd(&self, branch: &str, upstream: &[u8]) -> bool {
        let is_own = |branch: &Branch<'_>| branch.remote.is_some_and(|remote| remote == ".");
        let is_another = |branch: &Branch<'_>| branch.merges.first().is_none_or(|merge| **merge != *upstream);
        branch == "HEAD" || self.0.get(branch).is_some_and(|known| is_own(known) && is_another(known))
    }
}

/// What for-each-ref says of one ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The object that it names.
    pub object: &'a [u8],
    upstream: &'a [u8],
    short: &'a [u8],
    track: &'a [u8],
}

/// Reads what for-each-ref printed with [`FORMAT`]. `None` where it is not of the expected form.
pub fn parse(output: &[u8]) -> Option<HashMap<&[u8], Line<'_>>> {
    let mut refs = HashMap::new();
    for line in output.lines_with_terminator() {
        let mut fields = line.strip_suffix(b"\n")?.split_str(b"\0");
        let mut next = || fields.next();
        let (name, object, upstream, short, track) = (next()?, next()?, next()?, next()?, next()?);
        if next().is_some() || name.is_empty() {
            return None;
        }
        refs.insert(name, Line { object, upstream, short, track });
    }
    Some(refs)
}

impl Line<'_> {
    /// The upstream of a branch, where it has one.
    pub fn upstream(&self, branch: &str, tracking: &Tracking<'_>) -> Result<Option<Upstream>, Why> {
        let Self { upstream, short, track, .. } = *self;
        if tracking.is_odd(branch, upstream) || upstream.is_empty() != short.is_empty() {
            return Err(Why::Upstream);
        }
        if upstream.is_empty() {
            return if track.is_empty() { Ok(None) } else { Err(Why::Upstream) };
        }
        let (ahead, behind) = divergence(track).filter(|_| !is_seen_elsewhere(upstream)).ok_or(Why::Upstream)?;
        Ok(Some(Upstream { name: short.to_str_lossy().into_owned(), ahead, behind }))
    }
}

impl Line<'_> {
    /// Whether the upstream may be a symbolic ref, which may lead to another ref in each worktree. Only a ref that is a
    /// file can be one.
    pub fn may_be_symbolic(&self, common_dir: &Path) -> bool {
        let file = common_dir.join(self.upstream.to_path_lossy());
        match regular_file::contents(&file, Links::Refused, 4096) {
            Ok(content) => content.starts_with(b"ref:"),
            Err(error) => error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::NotADirectory,
        }
    }
}

/// Whether another worktree may see another ref under this name, or under what it may be shortened to.
/// (Rules: `is_per_worktree_ref` and `is_root_ref_syntax` in git's refs.c.)
fn is_seen_elsewhere(upstream: &[u8]) -> bool {
    let Some(name) = upstream.strip_prefix(b"refs/") else { return true };
    let is_own = |folder: &&[u8]| name.starts_with(folder);
    let below = [b"heads/".as_slice(), b"tags/", b"remotes/"].into_iter().find_map(|folder| name.strip_prefix(folder));
    let short = below.unwrap_or(name);
    let short = short.strip_suffix(b"/HEAD").unwrap_or(short);
    [b"worktree/".as_slice(), b"bisect/", b"rewritten/"].iter().any(is_own) || is_root_ref(short)
}

/// Whether a name is one of the refs beside `refs/`, such as `FETCH_HEAD`.
pub fn is_root_ref(name: &[u8]) -> bool {
    name.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'-' | b'_'))
}

/// Reads `[ahead 1, behind 2]` and its like. (Format: `fill_remote_ref_details` in git's ref-filter.c.)
fn divergence(track: &[u8]) -> Option<(Option<u64>, Option<u64>)> {
    if track.is_empty() {
        return Some((Some(0), Some(0)));
    }
    let words = track.strip_prefix(b"[")?.strip_suffix(b"]")?.to_str().ok()?;
    if words == "gone" {
        return Some((None, None));
    }
    let count = |words: &str, label: &str| {
        let digits = words.strip_prefix(label)?;
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    match words.split_once(", ") {
        Some((ahead, behind)) => Some((Some(count(ahead, "ahead ")?), Some(count(behind, "behind ")?))),
        None => count(words, "ahead ")
            .map(|ahead| (Some(ahead), Some(0)))
            .or_else(|| count(words, "behind ").map(|behind| (Some(0), Some(behind)))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Vec<Entry> {
        let entry = |(key, value): &(&str, &str)| Entry {
            scope: Scope::Local,
            origin: Arc::from("x"),
            key: (*key).to_owned(),
            value: Some((*value).into()),
        };
        pairs.iter().map(entry).collect()
    }

    fn line(fields: &[&str]) -> String {
        fields.join("\0") + "\n"
    }

    fn read(fields: &[&str], config: &[Entry]) -> Result<Option<Upstream>, Why> {
        let text = line(fields);
        let refs = parse(text.as_bytes()).expect("well-formed");
        let branch = fields[0].strip_prefix("refs/heads/").expect("a branch");
        refs[fields[0].as_bytes()].upstream(branch, &Tracking::of(config))
    }

    #[test]
    fn distances_are_read() {
        let none = config(&[]);
        for (track, ahead, behind) in [
            ("", Some(0), Some(0)),
            ("[gone]", None, None),
            ("[ahead 3]", Some(3), Some(0)),
            ("[behind 40]", Some(0), Some(40)),
            ("[ahead 1, behind 2]", Some(1), Some(2)),
        ] {
            let read = read(&["refs/heads/a", "1", "refs/remotes/o/a", "o/a", track], &none);
            assert_eq!(read, Ok(Some(Upstream { name: "o/a".to_owned(), ahead, behind })), "{track}");
        }
        for track in ["[", "[]", "[ahead]", "[ahead +1]", "[behind 1, ahead 2]", "[ahead 1, behind 2", "[Voraus 1]"] {
            assert_eq!(
                read(&["refs/heads/a", "1", "refs/remotes/o/a", "o/a", track], &none),
                Err(Why::Upstream),
                "{track}"
            );
        }
        assert_eq!(read(&["refs/heads/a", "1", "", "", ""], &none), Ok(None));
        assert_eq!(read(&["refs/heads/a", "1", "", "", "[gone]"], &none), Err(Why::Upstream));
    }

    #[test]
    fn what_depends_on_the_worktree_is_for_git_to_say() {
        let of = |branch: &str, upstream: &str| {
            let merge = config(&[("branch.a.remote", "."), ("branch.a.merge", upstream)]);
            read(&[&format!("refs/heads/{branch}"), "1", upstream, "x", ""], &merge).is_ok()
        };
        assert!(of("a", "refs/heads/b") && of("a", "refs/heads/feat/WIP") && of("a", "refs/x/y"));
        for upstream in ["HEAD", "refs/worktree/b", "refs/bisect/bad", "refs/heads/FETCH_HEAD", "refs/remotes/UP/HEAD"]
        {
            assert!(!of("a", upstream), "{upstream}");
        }
        assert!(!of("HEAD", "refs/heads/b"));
    }

    #[test]
    fn a_local_upstream_by_another_name_is_for_git_to_say() {
        let merge = config(&[("branch.a.remote", "."), ("branch.a.merge", "b")]);
        assert_eq!(read(&["refs/heads/a", "1", "refs/heads/b", "b", ""], &merge), Err(Why::Upstream));
        assert_eq!(read(&["refs/heads/a", "1", "", "", ""], &merge), Err(Why::Upstream));
    }

    #[test]
    fn a_branch_without_a_remote_tracks_nothing() {
        let config = config(&[
            ("branch.a.merge", "refs/heads/a"),
            ("branch.b.remote", "origin"),
            ("branch.c.d.remote", "origin"),
            ("branch.c.d.merge", "refs/heads/c"),
            ("branch.autosetupmerge", "x"),
        ]);
        assert_eq!(Tracking::of(&config).branches().collect::<Vec<_>>(), ["c.d"]);
    }

    #[test]
    fn half_a_line_is_no_line() {
        let text = line(&["refs/heads/a", "1", "refs/remotes/o/a", "o/a", "[ahead 1]"]);
        for length in 1..text.len() {
            assert_eq!(parse(&text.as_bytes()[..length]), None, "{length} bytes");
        }
        assert_eq!(parse(text.as_bytes()).map(|refs| refs.len()), Some(1));
        assert_eq!(parse(b"").map(|refs| refs.len()), Some(0));
        assert_eq!(parse(line(&["r", "1", "", "", "", ""]).as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>, track: Vec<u8>) {
            parse(&output);
            divergence(&track);
            is_seen_elsewhere(&output);
        }

        #[test]
        fn what_for_each_ref_prints_is_read_back(lines in proptest::collection::vec("[a-z/]{1,9}", 0..9), ahead: u32, behind: u32) {
            let track = format!("[ahead {ahead}, behind {behind}]");
            let text: String = lines.iter().map(|name| line(&[name, "1", "refs/remotes/o/a", "o/a", &track])).collect();
            let refs = parse(text.as_bytes()).expect("well-formed");
            for name in &lines {
                let upstream = refs[name.as_bytes()].upstream(name, &Tracking::default()).ok().flatten().expect("an upstream");
                assert_eq!((upstream.ahead, upstream.behind), (Some(ahead.into()), Some(behind.into())));
            }
        }
    }
}
