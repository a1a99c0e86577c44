//! What the standard streams lead to: whether each is a terminal, how large that is, and whose turn it is to draw on
//! it. The only place that asks the system.

#![expect(clippy::disallowed_methods, reason = "this is the one place that asks the terminal")]

use std::io::{self, IsTerminal};

/// Which of the standard streams are terminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminals {
    /// Whether standard input is one: somebody can be asked.
    pub input: bool,
    /// Whether standard output is one.
    pub output: bool,
    /// Whether standard error is one.
    pub errors: bool,
}

impl Terminals {
    /// Those of this process.
    pub(crate) fn of_this_process() -> Self {
        Self {
            input: io::stdin().is_terminal(),
            output: io::stdout().is_terminal(),
            errors: io::stderr().is_terminal(),
        }
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
    /// How many columns there are now; none: as many as it takes.
    pub fn columns(self) -> Option<usize> {
        match self {
            Self::Any => None,
            Self::Columns(columns) => Some(columns),
            Self::Terminal => {
                let size = terminal_size::terminal_size_of(io::stdout());
                size.map(|(terminal_size::Width(width), _)| usize::from(width)).filter(|width| *width > 0)
            }
        }
    }
}

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Characters in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

impl Size {
    /// What terminals were before anybody could ask them.
    const COMMON: Self = Self { columns: 80, rows: 24 };

    /// How large the terminal on standard error is at this moment.
    pub fn of_standard_error() -> Self {
        let asked = terminal_size::terminal_size_of(io::stderr());
        asked
            .map(|(width, height)| Self { columns: usize::from(width.0), rows: usize::from(height.0) })
            .filter(|size| size.columns > 0 && size.rows > 0)
            .unwrap_or(Self::COMMON)
    }

    /// Columns that a line may fill.
    pub(crate) const fn width(self) -> usize {
        let width = self.columns.saturating_sub(1);
        if width == 0 { 1 } else { width }
    }

    /// Lines that may be drawn.
    pub(crate) const fn height(self) -> usize {
        let height = self.rows.saturating_sub(1);
        if height == 0 { 1 } else { height }
    }
}

/// Whether this process is in the foreground of the terminal on standard error, at this moment.
pub fn is_in_foreground() -> bool {
    // Where that cannot be told (no controlling terminal), git draws progress too.
    nix::unistd::tcgetpgrp(io::stderr()).map_or(true, |group| group == nix::unistd::getpgrp())
}
