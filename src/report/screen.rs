//! A few lines of a terminal that are drawn over again and again, and leave nothing behind.
//!
//! Invariants:
//! - Between two drawings the cursor stands at the start of the first of these lines. Whatever a terminal does to lines when
//!   it is resized, all that was drawn comes after the cursor, and goes when everything after the cursor is erased.
//! - No line is as wide as the terminal, so none wraps; and they are fewer than the terminal has rows, so the first stays in
//!   sight and the cursor finds back to it.
//! - One drawing is one write: nothing half-drawn is ever seen.
//! - What moves the cursor is written here; the lines themselves have come through the door, and can't.

use std::io::{self, Write};

use crate::text::door;

/// Back to the first column, and erase everything from there to the end of the screen.
const ERASE: &str = "\r\u{1b}[J";
/// Erase the rest of this row.
const ERASE_REST: &str = "\u{1b}[K";

/// The lines, on a terminal.
pub(super) struct Screen<'a> {
    out: Box<dyn Write + 'a>,
    is_drawn: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn new(out: Box<dyn Write + 'a>) -> Self {
        Self { out, is_drawn: false }
    }

    /// Draws `lines` in place of what was drawn before. `above` scrolls past for good, above them. `unseen` is written
    /// too: it has no width and moves no cursor.
    pub(super) fn draw(&mut self, above: &[String], lines: &[String], unseen: &str) -> io::Result<()> {
        let mut text = if above.is_empty() { "\r".to_owned() } else { ERASE.to_owned() };
        for line in above {
            text.push_str(&door::line(line));
            text.push_str("\r\n");
        }
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                text.push_str("\r\n");
            }
            text.push_str(&door::line(line));
            text.push_str(ERASE_REST);
        }
        // What was drawn before may have had more lines.
        text.push_str("\u{1b}[J");
        if lines.len() > 1 {
            text.push_str(&format!("\u{1b}[{}A", lines.len() - 1));
        }
        text.push('\r');
        text.push_str(unseen);
        self.is_drawn = true;
        door::raw(&mut self.out, text.as_bytes())
    }

    /// Takes away what was drawn.
    pub(super) fn erase(&mut self, unseen: &str) -> io::Result<()> {
        if !std::mem::take(&mut self.is_drawn) {
            return Ok(());
        }
        door::raw(&mut self.out, format!("{ERASE}{unseen}").as_bytes())
    }
}
