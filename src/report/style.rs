//! Colours and signs, chosen once.

use owo_colors::{OwoColorize, Style};

use crate::model::outcome::Outcome;
use crate::report::palette::Palette;

/// What a piece of text is, not what colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// As it is.
    Plain,
    /// A column's name.
    Header,
    /// The name of a worktree.
    Worktree,
    /// The name of a branch.
    Branch,
    /// All is well.
    Good,
    /// Something has changed.
    Changed,
    /// Something is wrong.
    Bad,
    /// Of little weight.
    Faint,
}

/// How text is shown.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether with colours.
    pub colour: bool,
    /// Whether only with ASCII.
    pub ascii: bool,
    /// Colours of the user's own.
    pub palette: Palette,
}

impl Look {
    /// Without colours, with every sign.
    pub const PLAIN: Self = Self { colour: false, ascii: false, palette: Palette::BUILT_IN };

    /// Text in its role's colour. (The sixteen colours of every terminal, none that is unreadable on light or dark.)
    pub fn paint(self, role: Role, text: &str) -> String {
        let style = match role {
            _ if !self.colour => return text.to_owned(),
            Role::Plain => return text.to_owned(),
            Role::Worktree => Style::new().bold(),
            Role::Branch => Style::new().cyan(),
            Role::Good => Style::new().green(),
            Role::Changed => Style::new().yellow(),
            Role::Bad => Style::new().red().bold(),
            Role::Header | Role::Faint => Style::new().dimmed(),
        };
        text.style(self.palette.style(role).unwrap_or(style)).to_string()
    }

    /// The sign of an outcome: it carries the meaning where there is no colour.
    pub const fn sign(self, outcome: Outcome) -> &'static str {
        match (outcome, self.ascii) {
            (Outcome::Passed, false) => "\u{2713}",
            (Outcome::Passed, true) => "ok",
            (Outcome::Failed | Outcome::TimedOut, false) => "\u{2717}",
            (Outcome::Failed | Outcome::TimedOut, true) => "X",
            (Outcome::Errored, _) => "!",
            (Outcome::Skipped, _) => "-",
            (Outcome::Cancelled, _) => "~",
        }
    }

    /// The role of an outcome.
    pub const fn role(outcome: Outcome) -> Role {
        match outcome {
            Outcome::Passed => Role::Good,
            Outcome::Failed | Outcome::TimedOut | Outcome::Errored => Role::Bad,
            Outcome::Skipped => Role::Faint,
            Outcome::Cancelled => Role::Changed,
        }
    }

    /// Ahead, behind, and what stands for left-out text.
    pub const fn marks(self) -> (&'static str, &'static str, &'static str) {
        if self.ascii { ("^", "v", "~") } else { ("\u{2191}", "\u{2193}", "\u{2026}") }
    }
}
