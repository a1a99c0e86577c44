//! What rows of a plan are called by. Each is a type of its own, so that none can be taken for another.

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident)+) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(usize);

            impl From<usize> for $name {
                fn from(place: usize) -> Self {
                    Self(place)
                }
            }

            impl From<$name> for usize {
                fn from(id: $name) -> Self {
                    id.0
                }
            }
        )+
    };
}

ids! {
    /// A repository of a plan.
    RepositoryId
    /// A worktree of a plan: a repository's in git's order.
    WorktreeId
    /// A check of a plan: a repository's in the order of its pipeline.
    CheckId
    /// A unit of a plan: the worktrees in their order, and on each the checks in theirs.
    UnitId
}
