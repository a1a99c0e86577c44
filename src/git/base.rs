//! What a branch's commits are held against: the refs that its work is to land in.
//!
//! Refs are known by their full names, and commits by their ids: a tag `main` makes `main` mean the tag to git.

use bstr::{BStr, BString, ByteSlice};

use crate::git::config::{Entry, last};
use crate::git::integration::Base;
use crate::git::refs::Refs;

/// The remotes whose HEAD is asked for, behind `checkout.defaultRemote`.
const REMOTES: [&str; 2] = ["origin", "upstream"];
/// The branches that are looked for where no remote says, behind `init.defaultBranch`.
const BRANCHES: [&str; 3] = ["main", "master", "trunk"];

/// The bases of a branch, or of a HEAD on none, in the order in which they count; none: there is none.
///
/// Where some are `wanted`, these are all. Otherwise they are: what the branch tracks, where that is another branch; what
/// the HEAD of a remote stands for, and the local branch of that name; where there is no such HEAD, the first of
/// `init.defaultBranch`, main, master and trunk that is there. A branch is no base of itself.
///
/// # Errors
/// The names, where some are wanted and none of them is there.
pub fn of(branch: Option<&str>, wanted: &[String], refs: &Refs, config: &[Entry]) -> Result<Vec<Base>, String> {
    let own = branch.map(|branch| BString::from(format!("refs/heads/{branch}")));
    let mut bases = Bases { refs, own: own.as_deref().map(BStr::new), found: Vec::new() };
    if !wanted.is_empty() {
        let is_there = wanted.iter().filter(|name| bases.add_named(name)).count() > 0;
        let names = || wanted.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        return if is_there { Ok(bases.found) } else { Err(format!("no branch is named {} (base)", names())) };
    }
    bases.add_tracked();
    let remote = last(config, "checkout.defaultremote").and_then(|entry| entry.value.as_ref());
    let remotes = remote.map(|name| name.to_str_lossy().into_owned()).into_iter().chain(REMOTES.map(str::to_owned));
    let mut is_told = false;
    for remote in remotes {
        let folder = format!("refs/remotes/{remote}/");
        let head = refs.get(format!("{folder}HEAD")).and_then(|head| head.symref.as_ref());
        if let Some(target) = head {
            is_told |= bases.add(target);
            if let Some(name) = target.strip_prefix(folder.as_bytes()) {
                bases.add([b"refs/heads/", name].concat());
            }
        }
    }
    if !is_told {
        let first = last(config, "init.defaultbranch").and_then(|entry| entry.value.as_ref());
        let first = first.map(|name| name.to_str_lossy().into_owned());
        let names = first.into_iter().chain(BRANCHES.map(str::to_owned));
        let there = names.map(|name| format!("refs/heads/{name}")).find(|name| refs.get(name).is_some());
        there.map(|name| bases.add(name));
    }
    Ok(bases.found)
}

struct Bases<'a> {
    refs: &'a Refs,
    own: Option<&'a BStr>,
    found: Vec<Base>,
}

impl Bases<'_> {
    /// Adds a ref by its full name; gives whether it is there.
    fn add(&mut self, name: impl AsRef<[u8]>) -> bool {
        let name = BStr::new(name.as_ref());
        let Some(found) = self.refs.get(name) else { return false };
        let is_own = |name: &BStr| Some(name) == self.own;
        let stands_for_own = found.symref.as_ref().is_some_and(|target| is_own(target.as_bstr()));
        let name = name.to_str_lossy();
        if !is_own(name.as_bytes().as_bstr()) && !stands_for_own && self.found.iter().all(|known| known.name != name) {
            self.found.push(Base { name: name.into_owned(), id: found.id.clone() });
        }
        true
    }

    /// Adds what somebody has named: a ref in full, or else a branch, or else a remote's branch.
    fn add_named(&mut self, name: &str) -> bool {
        if name.starts_with("refs/") {
            return self.add(name);
        }
        self.add(format!("refs/heads/{name}")) || self.add(format!("refs/remotes/{name}"))
    }

    /// Adds what the branch tracks, where that is another branch: one of this repository, or one of a remote that has the
    /// name of one here. (A remote's branch of another name, which there is none of here, may be where the branch itself is
    /// pushed to: what is there has not landed.)
    fn add_tracked(&mut self) {
        let upstream = self.own.and_then(|own| self.refs.get(own)).and_then(|branch| branch.upstream.clone());
        let Some(upstream) = upstream else { return };
        if upstream.starts_with(b"refs/heads/") {
            self.add(upstream);
            return;
        }
        let Some(name) = upstream.strip_prefix(b"refs/remotes/") else { return };
        // A remote may have a slash in its name.
        let here = name.find_iter(b"/").map(|at| [b"refs/heads/", &name[at + 1..]].concat());
        let here: Vec<_> = here.filter(|branch| self.refs.get(branch).is_some()).collect();
        if !here.is_empty() && here.iter().all(|branch| Some(BStr::new(branch)) != self.own) {
            self.add(upstream);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::git::config::Scope;
    use crate::git::refs::tests::refs;

    fn names(branch: &str, wanted: &[&str], refs: &Refs) -> Vec<String> {
        let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let bases = of(Some(branch), &wanted, refs, &[]).expect("bases");
        bases.into_iter().map(|base| base.name).collect()
    }

    #[test]
    fn a_remote_says_which_branch_counts() {
        let all = refs(&[
            ("refs/heads/a", '1', "", "refs/remotes/origin/a"),
            ("refs/heads/dev", '2', "", ""),
            ("refs/heads/main", '3', "", ""),
            ("refs/remotes/origin/HEAD", '4', "refs/remotes/origin/dev", ""),
            ("refs/remotes/origin/a", '1', "", ""),
            ("refs/remotes/origin/dev", '4', "", ""),
            ("refs/tags/main", '5', "", ""),
        ]);
        assert_eq!(names("a", &[], &all), ["refs/remotes/origin/dev", "refs/heads/dev"]);
        assert_eq!(names("dev", &[], &all), ["refs/remotes/origin/dev"]);
        assert_eq!(names("a", &["main", "nope"], &all), ["refs/heads/main"]);
        assert_eq!(names("a", &["origin/a"], &all), ["refs/remotes/origin/a"]);
        assert!(of(Some("a"), &["nope".to_owned()], &all, &[]).is_err_and(|words| words.contains("'nope'")));
        assert!(names("a", &["a"], &all).is_empty(), "no branch is a base of itself");
    }

    #[test]
    fn without_a_remote_a_branch_of_a_common_name_counts() {
        let all = refs(&[
            ("refs/heads/a", '1', "", ""),
            ("refs/heads/master", '2', "", ""),
            ("refs/heads/trunk", '3', "", ""),
        ]);
        assert_eq!(names("a", &[], &all), ["refs/heads/master"]);
        assert!(names("master", &[], &all).is_empty());
        let said = Entry {
            scope: Scope::Global,
            origin: Arc::from("x"),
            key: "init.defaultbranch".to_owned(),
            value: Some("trunk".into()),
        };
        assert_eq!(
            of(Some("a"), &[], &all, &[said]).map(|bases| bases[0].name.clone()),
            Ok("refs/heads/trunk".to_owned())
        );
    }

    #[test]
    fn where_a_branch_is_pushed_to_is_no_base() {
        let of_upstream = |upstream| {
            let all = refs(&[
                ("refs/heads/a", '1', "", upstream),
                ("refs/heads/b", '2', "", ""),
                ("refs/remotes/o/b", '3', "", ""),
                ("refs/remotes/o/me/a", '4', "", ""),
                ("refs/remotes/o/x", '5', "", ""),
            ]);
            names("a", &[], &all)
        };
        assert_eq!(of_upstream("refs/heads/b"), ["refs/heads/b"]);
        assert_eq!(of_upstream("refs/remotes/o/b"), ["refs/remotes/o/b"]);
        assert!(of_upstream("refs/remotes/o/me/a").is_empty(), "it may be its own");
        assert!(of_upstream("refs/remotes/o/x").is_empty());
    }
}
