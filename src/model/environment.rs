//! The one reader of the process's environment. Everything else is given an [`Environment`].

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// What the program was started with, less its arguments.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
    directory: PathBuf,
    /// Where this program itself lies, links followed.
    pub program: Option<PathBuf>,
    /// Whether standard input is a terminal: somebody can be asked.
    pub stdin_is_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// What is fitted into the terminal on standard output; `COLUMNS` says it over the terminal.
    pub width: Width,
    /// Whether this process is in the foreground of the terminal on standard error.
    pub in_foreground: bool,
    /// Places that the machine has: its CPUs, as far as this process may use them.
    pub cpus: usize,
}

impl Environment {
    /// The environment of this process.
    pub fn of_this_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            // git itself says what is wrong with a folder that is gone; here it must only not be taken for another.
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            program: std::env::current_exe().ok(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            width: Width::of_standard_output(),
            in_foreground: is_in_foreground(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The value of a variable, where it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_os_str())
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be text to be of use.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    /// All variables, as they are.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// The folder that relative paths start from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// This environment, standing in another folder, as after `-C`.
    #[must_use]
    pub fn standing_in(mut self, directory: &Path) -> Self {
        self.directory = self.directory.join(directory);
        self
    }

    /// This environment as it is for what is written to a file: no terminal, and of no width.
    #[must_use]
    pub fn on_file(&self) -> Self {
        Self { stdout_is_terminal: false, width: Width::Any, ..self.clone() }
    }

    /// This environment with one more variable, for tests and for what a command line option says over a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }
}

/// How many columns a text is fitted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// As many as it takes.
    Any,
    /// So many.
    Columns(usize),
    /// Those of the terminal on standard output, which may change while the program runs.
    Terminal,
}

impl Width {
    fn of_standard_output() -> Self {
        let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        said.filter(|columns| *columns > 0).map_or(Self::Terminal, Self::Columns)
    }

    /// How many there are now; none: as many as it takes.
    pub fn columns(self) -> Option<usize> {
        match self {
            Self::Any => None,
            Self::Columns(columns) => Some(columns),
            Self::Terminal => {
                let size = terminal_size::terminal_size_of(std::io::stdout());
                size.map(|(terminal_size::Width(width), _)| usize::from(width)).filter(|width| *width > 0)
            }
        }
    }
}

/// Whether this process is in the foreground of the terminal on standard error, at this moment.
pub fn is_in_foreground() -> bool {
    // Where that cannot be told (no controlling terminal), git draws progress too.
    nix::unistd::tcgetpgrp(std::io::stderr()).map_or(true, |group| group == nix::unistd::getpgrp())
}
