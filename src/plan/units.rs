//! The one table of a plan's units: which worktree and which check each stands for, and back.

use std::ops::{Index, Range};

use typed_index_collections::TiVec;

use crate::model::id::{CheckId, UnitId, WorktreeId};

/// One check on one worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The worktree.
    pub worktree: WorktreeId,
    /// The check.
    pub check: CheckId,
}

/// The units of a plan: every check of a repository on every worktree of it.
#[derive(Debug, Default)]
pub struct Units {
    all: TiVec<UnitId, Unit>,
    rows: TiVec<WorktreeId, Row>,
}

/// The units of one worktree, which stand one after the other.
#[derive(Clone, Copy, Debug)]
struct Row {
    first: UnitId,
    /// The check of the first.
    check: CheckId,
    length: usize,
}

fn after<I: From<usize> + Into<usize>>(id: I, steps: usize) -> I {
    I::from(id.into() + steps)
}

impl Units {
    /// The units of worktrees, each of which has these checks.
    pub(super) fn of(worktrees: impl Iterator<Item = Range<CheckId>>) -> Self {
        let mut units = Self::default();
        for checks in worktrees {
            let length = usize::from(checks.end) - usize::from(checks.start);
            let worktree =
                units.rows.push_and_get_key(Row { first: units.all.next_key(), check: checks.start, length });
            units.all.extend((0..length).map(|step| Unit { worktree, check: after(checks.start, step) }));
        }
        units
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = UnitId> + use<> {
        self.all.keys()
    }

    /// Those of a worktree, in the order of its checks.
    pub fn of_worktree(&self, worktree: WorktreeId) -> impl Iterator<Item = UnitId> + use<> {
        let Row { first, length, .. } = self.rows[worktree];
        (0..length).map(move |step| after(first, step))
    }

    /// The one of a check on a worktree of the check's repository.
    pub fn at(&self, worktree: WorktreeId, check: CheckId) -> UnitId {
        let row = self.rows[worktree];
        after(row.first, usize::from(check) - usize::from(row.check))
    }

    /// The one of another check on the same worktree.
    pub fn beside(&self, unit: UnitId, check: CheckId) -> UnitId {
        self.at(self[unit].worktree, check)
    }
}

impl Index<UnitId> for Units {
    type Output = Unit;

    fn index(&self, unit: UnitId) -> &Unit {
        &self.all[unit]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_found_by_its_worktree_and_check_in_whichever_repository() {
        let checks = |first: usize, end: usize| CheckId::from(first)..CheckId::from(end);
        let units = Units::of([checks(0, 3), checks(0, 3), checks(3, 3), checks(3, 5)].into_iter());
        assert_eq!(units.len(), 8);
        for unit in units.ids() {
            let Unit { worktree, check } = units[unit];
            assert_eq!(units.at(worktree, check), unit);
            assert!(units.of_worktree(worktree).any(|other| other == unit));
        }
        assert_eq!(units.of_worktree(WorktreeId::from(2)).count(), 0);
        assert_eq!(units.beside(UnitId::from(7), CheckId::from(3)), UnitId::from(6));
    }
}
