//! The one reader of the process's environment. Everything else is given an [`Environment`].

#![expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::terminal::{Terminals, Width};

/// What the program was started with, less its arguments.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
    directory: PathBuf,
    /// Where this program itself lies, links followed.
    pub program: Option<PathBuf>,
    /// Which of its standard streams are terminals.
    pub terminals: Terminals,
    /// How wide what goes to standard output may be: as `COLUMNS` says, or as the terminal is.
    pub width: Width,
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
            terminals: Terminals::of_this_process(),
            width: width(),
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

    /// This environment with one more variable, for tests and for what a command line option says over a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }
}

fn width() -> Width {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    columns.filter(|columns| *columns > 0).map_or(Width::Terminal, Width::Columns)
}
