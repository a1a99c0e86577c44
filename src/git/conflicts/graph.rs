//! The merge bases of every two of many commits, from one look at their history.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bstr::ByteSlice;

use crate::git::conflicts::place::{Bench, is_id, refusal};
use crate::git::errand::{Carrier, Errand, Taker};
use crate::model::answer::Exit;

/// No commit has more parents and still a line that is read.
const LONGEST_LINE: usize = 1 << 20;

/// The best commits that two others have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// There is one.
    One(Arc<str>),
    /// There are several: histories cross.
    Many,
}

/// The bases of every two of these commits, by their places in the list. Two without an entry have none.
pub(super) type Bases = BTreeMap<(usize, usize), Base>;

/// Finds the bases. No commit may be listed twice.
pub(super) async fn bases<C: Carrier>(bench: &Bench<'_, C>, commits: &[String]) -> Result<Bases, String> {
    let mut args = vec!["merge-base", "--octopus", "--all"];
    args.extend(commits.iter().map(String::as_str));
    let printed = bench.carry(bench.of_repository(&args)).await?;
    // Nothing of what lies before a commit that all have in common is a base of any two.
    let common: Vec<&[u8]> = match printed.exit {
        Exit::Code(0) => printed.stdout.lines().filter(|line| is_id(line)).collect(),
        Exit::Code(1) => Vec::new(),
        _ => return Err(refusal(&printed.stderr)),
    };
    let mut input: Vec<u8> = Vec::new();
    for commit in commits {
        input.extend_from_slice(commit.as_bytes());
        input.push(b'\n');
    }
    for commit in common {
        input.push(b'^');
        input.extend_from_slice(commit);
        input.extend_from_slice(b"^@\n");
    }
    let mut invocation = bench.of_repository(&["rev-list", "--topo-order", "--parents", "--stdin"]);
    invocation.input = Some(input);
    let errand = Errand { invocation, within: bench.within };
    let walk = Walk::over(commits);
    let (walk, ended) = bench.carrier.stream(errand, walk).await.map_err(|error| Bench::<C>::words(&error))?;
    match ended.exit {
        Exit::Code(0) if !walk.is_odd && walk.line.is_empty() => Ok(walk.bases),
        Exit::Code(0) => Err("cannot read what git rev-list printed".to_owned()),
        _ => Err(refusal(&ended.stderr)),
    }
}

/// A set of places in the list of commits.
type Set = Arc<[u64]>;

/// A walk from the commits to their oldest ancestors, every child before its parents.
struct Walk {
    /// Where each commit stands in the list.
    places: HashMap<Box<[u8]>, usize>,
    words: usize,
    /// Of each commit that is still to come: which of the list are reached through each of its children.
    reached: HashMap<Box<[u8]>, Vec<Set>>,
    bases: Bases,
    line: Vec<u8>,
    is_odd: bool,
}

impl Walk {
    fn over(commits: &[String]) -> Self {
        let places = commits.iter().enumerate().map(|(place, commit)| (commit.as_bytes().into(), place)).collect();
        Self {
            places,
            words: commits.len().div_ceil(64),
            reached: HashMap::new(),
            bases: Bases::new(),
            line: Vec::new(),
            is_odd: false,
        }
    }

    fn commit(&mut self, line: &[u8]) {
        let mut ids = line.split(|byte| *byte == b' ');
        let Some(id) = ids.next().filter(|id| is_id(id)) else {
            self.is_odd = true;
            return;
        };
        let mut sets = self.reached.remove(id).unwrap_or_default();
        if let Some(place) = self.places.get(id) {
            let mut own = vec![0; self.words];
            own[place / 64] |= 1 << (place % 64);
            sets.push(own.into());
        }
        let all = match sets.as_slice() {
            [] => return,
            [only] => Arc::clone(only),
            sets => {
                let mut all = vec![0; self.words];
                for set in sets {
                    all.iter_mut().zip(set.iter()).for_each(|(all, word)| *all |= word);
                }
                all.into()
            }
        };
        // Two that are reached through one child have something better in common.
        if !sets.contains(&all) {
            self.found(id, &sets, &all);
        }
        for parent in ids {
            let known = self.reached.entry(parent.into()).or_default();
            if !known.contains(&all) {
                known.push(Arc::clone(&all));
            }
        }
    }

    fn found(&mut self, id: &[u8], sets: &[Set], all: &Set) {
        let has = |set: &Set, place: usize| set[place / 64] & (1 << (place % 64)) != 0;
        let places: Vec<usize> = (0..self.places.len()).filter(|place| has(all, *place)).collect();
        let name: Arc<str> = id.to_str_lossy().into();
        for (at, one) in places.iter().enumerate() {
            for other in &places[at + 1..] {
                if sets.iter().any(|set| has(set, *one) && has(set, *other)) {
                    continue;
                }
                let base = self.bases.entry((*one, *other));
                base.and_modify(|base| *base = Base::Many).or_insert_with(|| Base::One(Arc::clone(&name)));
            }
        }
    }
}

impl Taker for Walk {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.is_odd {
                return;
            }
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.commit(&line);
                self.line = line;
                self.line.clear();
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(*byte);
            } else {
                self.is_odd = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(letter: &str) -> String {
        letter.repeat(40)
    }

    fn walk(heads: &[&str], history: &[&str]) -> Walk {
        let heads: Vec<String> = heads.iter().map(|head| id(head)).collect();
        let mut walk = Walk::over(&heads);
        for line in history {
            let ids: Vec<String> = line.split(' ').map(id).collect();
            walk.take(format!("{}\n", ids.join(" ")).as_bytes());
        }
        walk
    }

    #[test]
    fn each_two_have_the_nearest_commit_in_common() {
        // a - b - c (head), b - d (head), a - e (head)
        let walk = walk(&["c", "d", "e"], &["c b", "d b", "b a", "e a", "a"]);
        let one = |letter: &str| Base::One(id(letter).into());
        assert_eq!(walk.bases, Bases::from([((0, 1), one("b")), ((0, 2), one("a")), ((1, 2), one("a"))]));
    }

    #[test]
    fn an_ancestor_is_its_own_base_and_histories_that_cross_have_many() {
        let bases = walk(&["c", "b"], &["c b", "b a", "a"]).bases;
        assert_eq!(bases, Bases::from([((0, 1), Base::One(id("b").into()))]));
        // e and f both merge b and c.
        let crossed = walk(&["e", "f"], &["e b c", "f b c", "b a", "c a", "a"]).bases;
        assert_eq!(crossed, Bases::from([((0, 1), Base::Many)]));
    }

    #[test]
    fn two_without_a_commit_in_common_have_no_base() {
        let walk = walk(&["c", "d"], &["c b", "b", "d a", "a"]);
        assert!(walk.bases.is_empty() && !walk.is_odd);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_seen() {
        let mut walk = Walk::over(&[id("a")]);
        walk.take(b"fatal: no\n");
        assert!(walk.is_odd);
    }
}
