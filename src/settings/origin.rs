//! Where settings come from: the layers, the weakest first, and the place of one value.

use std::fmt;
use std::sync::Arc;

use crate::git::config::Scope;
use crate::settings::key::{camel, variable};
use crate::text::quote;

/// Where settings come from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// `$XDG_CONFIG_HOME/git-wtcheck/config.toml`.
    User,
    /// gitconfig, the machine's.
    System,
    /// gitconfig, the user's.
    Global,
    /// `.wtcheck.toml` at the top of the worktree in which the user stands.
    RepositoryFile,
    /// The file that `--config` names, in place of the repository's.
    NamedFile,
    /// gitconfig, the repository's.
    Local,
    /// gitconfig, the worktree's.
    Worktree,
    /// `GIT_WTCHECK_...`.
    Environment,
    /// `git -c`.
    GitCommand,
    /// The command line.
    CommandLine,
}

impl Layer {
    /// Every layer.
    pub(super) const ALL: [Self; 10] = [
        Self::User,
        Self::System,
        Self::Global,
        Self::RepositoryFile,
        Self::NamedFile,
        Self::Local,
        Self::Worktree,
        Self::Environment,
        Self::GitCommand,
        Self::CommandLine,
    ];

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user file",
            Self::System => "git system",
            Self::Global => "git global",
            Self::RepositoryFile => "repository file",
            Self::NamedFile => "file",
            Self::Local => "git local",
            Self::Worktree => "git worktree",
            Self::Environment => "environment",
            Self::GitCommand => "git -c",
            Self::CommandLine => "command line",
        }
    }

    /// The layer of a scope of git's configuration.
    pub const fn of_scope(scope: Scope) -> Self {
        match scope {
            Scope::System => Self::System,
            Scope::Global => Self::Global,
            Scope::Local => Self::Local,
            Scope::Worktree => Self::Worktree,
            Scope::Command => Self::GitCommand,
        }
    }

    /// A key (`timeout`, or `check`, name, `timeout`) as this layer writes it.
    pub fn write_key(self, path: &[&str]) -> String {
        match (self, path) {
            (Self::CommandLine, [key]) => format!("--{key}"),
            (Self::Environment, [key]) => variable(key),
            (Self::System | Self::Global | Self::Local | Self::Worktree | Self::GitCommand, path) => in_gitconfig(path),
            (_, path) => quote::toml_path(path),
        }
    }
}

fn in_gitconfig(path: &[&str]) -> String {
    match path {
        [key] => format!("wtcheck.{}", camel(key)),
        ["check", name, key] => format!("wtcheck.{name}.{}", camel(key)),
        ["profile", name, key] => format!("wtcheck.profile.{name}.{}", camel(key)),
        ["profile", name, "check", check, key] => format!("wtcheck.profile.{name}.{check}.{}", camel(key)),
        path => quote::toml_path(path),
    }
}

/// Where one value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file, where the layer is one.
    pub file: Option<Arc<str>>,
}

impl Origin {
    /// An origin without a file.
    pub const fn of(layer: Layer) -> Self {
        Self { layer, file: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.layer, &self.file) {
            (Layer::System | Layer::Global | Layer::Local | Layer::Worktree, Some(file)) => {
                write!(f, "{file} ({})", self.layer.name())
            }
            (Layer::User | Layer::RepositoryFile | Layer::NamedFile, Some(file)) => f.write_str(file),
            _ => f.write_str(self.layer.name()),
        }
    }
}
