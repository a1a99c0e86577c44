//! Why a worktree's state cannot be told without git: one variant for each thing that a proof has to rule out.

/// Why git has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// `prove` is false.
    TurnedOff,
    /// The check has arguments, variables or a folder of its own.
    OwnArguments,
    /// What has changed was not proven before: how many lines differ cannot be either.
    Unproven,
    /// Which lines differ is a matter of choice, or of attributes, or there are too many.
    Lines,
    /// A variable of git's own changes what git does or tells (`GIT_TRACE*` and its like).
    GitVariable,
    /// The folder, or the repository's, lies on a file system that may not answer, or is not kept on this machine.
    FileSystem,
    /// The folder or its `.git` belongs to another user.
    Owner,
    /// The working tree is apart from its git folder (`core.worktree`, a main worktree of its own kind).
    Apart,
    /// The configuration differs from worktree to worktree (`extensions.worktreeConfig`, `includeIf`).
    Configuration,
    /// `core.fsmonitor` is set, or the index has what it says.
    Fsmonitor,
    /// `core.ignoreCase`, `core.precomposeUnicode` or `core.symlinks=false`, and a name that they concern.
    Names,
    /// The repository has an extension that is not known here.
    Extension,
    /// Grafts or replaced objects.
    Replaced,
    /// Objects lie elsewhere, or cannot be read.
    Objects,
    /// HEAD is missing, unborn, or not a commit whose tree is known.
    Head,
    /// There is no index, or it cannot be read.
    NoIndex,
    /// The index was written anew while it was read.
    IndexChanged,
    /// The index is of a form that is not read here (version, hash, order, a required or broken extension, split,
    /// sparse).
    IndexForm,
    /// The tree that the index was written from is not known, or not HEAD's: something is staged.
    Staged,
    /// An entry is unmerged, intended to be added, or marked to be left alone.
    Flags,
    /// An entry is a submodule.
    Submodule,
    /// A file was written within the second in which the index was.
    Racy,
    /// A file was touched and has the size that it had: only its content tells.
    Touched,
    /// A file whose size the index does not hold, or cannot.
    Size,
    /// A folder or file has become another kind of thing.
    Kind,
    /// A repository lies in an untracked folder.
    Nested,
    /// A `.gitignore` cannot be read as git would, or is none.
    IgnoreFile,
    /// Something could not be looked at.
    Unreadable,
    /// The upstream's name, or its distance, cannot be told for all worktrees at once.
    Upstream,
    /// The walk was stopped.
    Stopped,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 30] = [
        Self::TurnedOff,
        Self::OwnArguments,
        Self::Unproven,
        Self::Lines,
        Self::GitVariable,
        Self::FileSystem,
        Self::Owner,
        Self::Apart,
        Self::Configuration,
        Self::Fsmonitor,
        Self::Names,
        Self::Extension,
        Self::Replaced,
        Self::Objects,
        Self::Head,
        Self::NoIndex,
        Self::IndexChanged,
        Self::IndexForm,
        Self::Staged,
        Self::Flags,
        Self::Submodule,
        Self::Racy,
        Self::Touched,
        Self::Size,
        Self::Kind,
        Self::Nested,
        Self::IgnoreFile,
        Self::Unreadable,
        Self::Upstream,
        Self::Stopped,
    ];

    /// In words, as reports show it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TurnedOff => "prove is false",
            Self::OwnArguments => "arguments of its own",
            Self::Unproven => "changes not proven",
            Self::Lines => "which lines",
            Self::GitVariable => "a variable of git's",
            Self::FileSystem => "file system",
            Self::Owner => "another user's",
            Self::Apart => "working tree apart",
            Self::Configuration => "configuration by worktree",
            Self::Fsmonitor => "fsmonitor",
            Self::Names => "names",
            Self::Extension => "repository extension",
            Self::Replaced => "replaced objects",
            Self::Objects => "objects elsewhere",
            Self::Head => "HEAD",
            Self::NoIndex => "no index",
            Self::IndexChanged => "index changed",
            Self::IndexForm => "form of the index",
            Self::Staged => "staged changes",
            Self::Flags => "flagged entries",
            Self::Submodule => "submodules",
            Self::Racy => "racy index",
            Self::Touched => "touched files",
            Self::Size => "size unknown",
            Self::Kind => "another kind of file",
            Self::Nested => "nested repository",
            Self::IgnoreFile => "ignore file",
            Self::Unreadable => "unreadable",
            Self::Upstream => "upstream",
            Self::Stopped => "stopped",
        }
    }
}
