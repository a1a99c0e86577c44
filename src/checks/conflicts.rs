//! `conflicts`: with which other worktrees would this one stop a merge?

use std::collections::HashMap;

use crate::checks::check::{Check, Defaults, Kind};
use crate::git::conflicts::Conflicts as Found;
use crate::model::answer::{Finding, SourceId, Verdict};
use crate::model::facts::FactType::{Count, Texts};
use crate::model::facts::{FactDef, Facts};
use crate::model::worktree::Worktree;

const WITH: &str = "The other worktrees of the run, by name, with which a merge is known to stop; unknown where what this worktree holds is not.";
const FILES: &str = "Paths at which those merges stop, each counted once; unknown where a merge could not be tried.";
const UNKNOWN: &str = "The worktrees with which a merge could not be tried, and why, in words.";

/// The kind.
pub(super) struct Conflicts;

impl Kind for Conflicts {
    fn name(&self) -> &'static str {
        "conflicts"
    }

    fn question(&self) -> &'static str {
        "With which other worktrees would a merge stop, uncommitted work included? (`git merge-tree`)"
    }

    fn facts(&self) -> &'static [FactDef] {
        const FACTS: [FactDef; 3] = [
            FactDef::new("with", Texts, WITH).or_unknown(),
            FactDef::new("files", Count, FILES).or_unknown(),
            FactDef::new("unknown", Texts, UNKNOWN),
        ];
        &FACTS
    }

    /// All worktrees are waited for.
    fn defaults(&self) -> Defaults {
        Defaults { timeout: std::time::Duration::from_mins(1), ..Defaults::OF_GIT }
    }

    /// What a part of a worktree comes to with the others, or under other variables, is no answer for all of it.
    fn takes_arguments(&self) -> bool {
        false
    }

    fn is_in_default_pipeline(&self) -> bool {
        false
    }

    fn route(&self, _: &Check) -> &'static [SourceId] {
        &[SourceId::Pairs]
    }

    fn paired(&self, found: &Result<Found, String>, worktrees: &[Worktree]) -> Option<Finding> {
        Some(Verdict::passed(facts(found, worktrees)).into())
    }
}

fn facts(found: &Result<Found, String>, worktrees: &[Worktree]) -> Facts {
    let names = names(worktrees);
    let name = |place: usize| names.get(place).cloned().unwrap_or_default();
    let (mut with, mut unknown, mut files) = (None, Vec::new(), None);
    match found {
        Ok(found) => {
            let mut others: Vec<_> = found.with.iter().map(|other| name(*other)).collect();
            others.sort_unstable();
            with = Some(others);
            unknown.extend(found.unknown.iter().map(|(other, words)| format!("{}: {words}", name(*other))));
            files = found.files;
        }
        // That nobody is named must not read as if nobody stopped a merge.
        Err(words) => unknown.push(format!("this worktree: {words}")),
    }
    unknown.sort_unstable();
    let mut facts = Facts::new();
    facts.set("with", with);
    facts.set("files", files);
    facts.set("unknown", unknown);
    facts
}

/// What each is called; by its path, where two have one name.
fn names(worktrees: &[Worktree]) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for worktree in worktrees {
        *counts.entry(&worktree.name).or_default() += 1;
    }
    let name = |worktree: &Worktree| match counts.get(worktree.name.as_str()) {
        Some(1) => worktree.name.clone(),
        _ => worktree.path.to_string_lossy().into_owned(),
    };
    worktrees.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::model::facts::Fact;

    #[test]
    fn others_are_named_apart_and_in_order() {
        let worktree =
            |path: &str, name: &str| Worktree { path: path.into(), name: name.into(), ..Worktree::default() };
        let worktrees =
            [worktree("/main", "main"), worktree("/b/x", "x"), worktree("/a/x", "x"), worktree("/only", "only")];
        let found = Found {
            with: BTreeSet::from([1, 2, 3]),
            files: Some(2),
            unknown: BTreeMap::from([(0, "gone".to_owned())]),
        };
        let facts = facts(&Ok(found), &worktrees);
        assert_eq!(facts.texts("with"), Some(&["/a/x".to_owned(), "/b/x".to_owned(), "only".to_owned()][..]));
        assert_eq!(facts.texts("unknown"), Some(&["main: gone".to_owned()][..]));
        assert_eq!(facts.int("files"), Some(2));
    }

    #[test]
    fn a_worktree_that_could_not_be_read_has_neither_others_nor_a_count() {
        let facts = facts(&Err("locked up".to_owned()), &[]);
        assert_eq!((facts.get("with"), facts.get("files")), (Some(&Fact::Unknown), Some(&Fact::Unknown)));
        assert_eq!(facts.texts("unknown"), Some(&["this worktree: locked up".to_owned()][..]));
    }
}
