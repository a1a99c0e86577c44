//! Colours and signs, chosen once, and colours that the user has chosen in their place.

use owo_colors::{OwoColorize, Style};

use crate::model::outcome::Outcome;

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

/// The names that configuration has for what can be coloured.
pub const SLOTS: [(&str, Role); 7] = [
    ("header", Role::Header),
    ("worktree", Role::Worktree),
    ("branch", Role::Branch),
    ("good", Role::Good),
    ("changed", Role::Changed),
    ("bad", Role::Bad),
    ("faint", Role::Faint),
];

/// What the user has chosen in place of the colours that are built in.
#[derive(Clone, Copy, Debug)]
pub struct Palette([Option<Style>; SLOTS.len()]);

impl Palette {
    /// Nothing is chosen.
    pub const BUILT_IN: Self = Self([None; SLOTS.len()]);

    /// Chooses the style of a slot, given by its place in [`SLOTS`].
    pub fn choose(&mut self, slot: usize, style: Style) {
        if let Some(place) = self.0.get_mut(slot) {
            *place = Some(style);
        }
    }

    /// What is chosen for a role.
    fn style(&self, role: Role) -> Option<Style> {
        SLOTS.iter().zip(self.0).find(|((_, known), _)| *known == role).and_then(|(_, style)| style)
    }
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
