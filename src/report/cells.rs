//! What stands in the rows and columns of the table: measured by display width, cut and drawn to fit.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::links;
use crate::report::style::{Look, Role};

/// Which columns are made narrower to fit the terminal, in this order, and down to which width.
const STEPS: [(Option<Give>, usize); 7] = [
    (Some(Give::Words), 12),
    (Some(Give::Outcome), 8),
    (Some(Give::Words), 8),
    (Some(Give::State), 12),
    (Some(Give::Outcome), 5),
    (Some(Give::State), 8),
    (None, NARROWEST),
];
/// No column is made narrower than this, however little room there is.
const NARROWEST: usize = 3;

/// How a column gives way where there is no room: a name or a subject is still known by a part of it, a state is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Give {
    /// Names and subjects.
    Words,
    /// A check's sign and what goes with it.
    Outcome,
    /// The sign in front, and the state.
    State,
}
/// A piece of text with its role.
#[derive(Clone, Debug)]
pub(super) struct Span {
    role: Role,
    text: String,
}

/// What stands in one column of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) spans: Vec<Span>,
    /// The spans from here on are left out where there is no room for them.
    pub(super) spare: Option<usize>,
    /// What a click on it opens.
    pub(super) link: Option<std::path::PathBuf>,
}

impl Cell {
    pub(super) fn of(role: Role, text: impl Into<String>) -> Self {
        Self { spans: vec![Span { role, text: text.into() }], ..Self::default() }
    }

    pub(super) fn push(&mut self, role: Role, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.spans.push(Span { role, text });
        }
    }

    /// What is added from here on is left out where there is no room for it.
    pub(super) fn spare(&mut self) {
        self.spare = Some(self.spans.len());
    }

    /// Leaves out what can be spared.
    pub(super) fn shed(&mut self) {
        if let Some(spare) = self.spare {
            self.spans.truncate(spare);
        }
    }

    /// Its text alone.
    pub(super) fn plain(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Its columns: those of its pieces, and one between two of them.
    pub(super) fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.width()).sum::<usize>() + self.spans.len().saturating_sub(1)
    }

    pub(super) fn draw(&self, width: usize, pad: bool, look: Look) -> String {
        let (_, _, mark) = look.marks();
        // One piece is shortened by itself. Of several, what is cut or left out is marked at the end: a count that is
        // not there must not look like none.
        let is_cut = self.spans.len() > 1 && self.width() > width;
        let mut left = if is_cut { width.saturating_sub(mark.width()) } else { width };
        let mut drawn = String::new();
        for (index, span) in self.spans.iter().enumerate() {
            if index > 0 {
                if left < 2 {
                    break;
                }
                drawn.push(' ');
                left -= 1;
            }
            let text = if is_cut { start(&span.text, left).to_owned() } else { shorten(&span.text, left, look) };
            left = left.saturating_sub(text.width());
            drawn.push_str(&look.paint(span.role, &text));
        }
        if is_cut {
            drawn.push_str(mark);
        }
        if let Some(path) = &self.link {
            drawn = links::linked(&drawn, path);
        }
        if pad {
            drawn.push_str(&" ".repeat(left));
        }
        drawn
    }
}

/// Cuts text to so many columns; what is left out is marked. Names keep their end too: it often tells them apart.
pub(super) fn shorten(text: &str, width: usize, look: Look) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let (_, _, mark) = look.marks();
    let room = width.saturating_sub(mark.width());
    if width == 0 || text.contains(' ') || room < 6 {
        return if width == 0 { String::new() } else { start(text, room).to_owned() + mark };
    }
    let end = end(text, room / 2);
    start(text, room - end.width()).to_owned() + mark + end
}

/// As much of the start of a text as so many columns hold. (Widths do not add up: a letter can change how wide the one
/// before it is.)
fn start(text: &str, width: usize) -> &str {
    let ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take(letters_in(width));
    let end = ends.take_while(|end| text[..*end].width() <= width).last().unwrap_or(0);
    // A joiner would take the mark that follows for what it joins.
    text[..end].trim_end_matches('\u{200d}')
}

/// As much of its end, without marks that belong to a letter before.
fn end(text: &str, width: usize) -> &str {
    let starts = text.char_indices().rev().map(|(at, _)| at).take(letters_in(width));
    let start = starts.take_while(|start| text[*start..].width() <= width).last().unwrap_or(text.len());
    text[start..].trim_start_matches(|letter: char| letter.width().unwrap_or(0) == 0)
}

/// No more letters than these are looked at: a letter can carry marks without end, and they have no width.
const fn letters_in(width: usize) -> usize {
    4 * width + 4
}

pub(super) fn widths(lines: &[Vec<Cell>]) -> Vec<usize> {
    let columns = lines.first().map_or(0, Vec::len);
    (0..columns).map(|at| lines.iter().map(|cells| cells[at].width()).max().unwrap_or(0)).collect()
}

/// The columns of a row: one between the sign and the name, two between others.
pub(super) fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(2) + 1
}

/// Makes columns narrower until the row fits: step by step, and in each the widest first.
pub(super) fn fit(widths: &mut [usize], gives: &[Give], width: usize) {
    for (which, narrowest) in STEPS {
        while total(widths) > width {
            let meant = widths.iter_mut().zip(gives).filter(|(_, give)| which.is_none_or(|which| which == **give));
            let Some((widest, _)) = meant.filter(|(width, _)| **width > narrowest).max_by_key(|(width, _)| **width)
            else {
                break;
            };
            *widest -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look::PLAIN;

    #[test]
    fn shortens_by_display_width_and_keeps_both_ends_of_a_name() {
        assert_eq!(shorten("feature/one-two-three", 12, LOOK), "featur\u{2026}three");
        assert_eq!(shorten("fix the parser", 8, LOOK), "fix the\u{2026}");
        assert_eq!(shorten("\u{4e16}\u{754c}\u{4e16}\u{754c}\u{4e16}\u{754c}\u{4e16}\u{754c}", 9, LOOK).width(), 9);
        assert_eq!(shorten("short", 5, LOOK), "short");
        for width in 0..30 {
            for text in [
                "feature/one-two-three-four",
                "\u{4e16}\u{754c}\u{4e16}\u{754c} \u{1f600}\u{1f600}",
                "a b c d e f g h",
                &"\u{263a}\u{fe0f}".repeat(20),
                &"\u{1f469}\u{200d}\u{1f4bb}".repeat(20),
                &"e\u{301}\u{302}".repeat(20),
            ] {
                assert!(shorten(text, width, LOOK).width() <= width, "{text} in {width}");
            }
        }
    }

    #[test]
    fn fits_with_the_state_last_to_give_way() {
        const GIVES: [Give; 6] = [Give::State, Give::Words, Give::Words, Give::State, Give::Outcome, Give::Words];
        let fitted = |width| {
            let mut widths = [1, 30, 40, 20, 9, 50];
            fit(&mut widths, &GIVES, width);
            assert!(widths.iter().sum::<usize>() + 9 <= width.max(25), "{widths:?} in {width}");
            widths
        };
        assert_eq!(fitted(200), [1, 30, 40, 20, 9, 50]);
        assert_eq!(fitted(120), [1, 27, 27, 20, 9, 27]);
        assert_eq!(fitted(75), [1, 12, 12, 20, 9, 12]);
        assert_eq!(fitted(63), [1, 9, 8, 20, 8, 8]);
        assert_eq!(fitted(50), [1, 8, 8, 11, 5, 8]);
        assert_eq!(fitted(1), [1, 3, 3, 3, 3, 3], "it gives up at the narrowest");
    }

    #[test]
    fn what_is_left_out_of_a_cell_is_marked() {
        let mut cell = Cell::of(Role::Changed, "dirty");
        cell.push(Role::Changed, "+1");
        cell.push(Role::Changed, "?2");
        let drawn = |width| cell.draw(width, true, LOOK);
        assert_eq!(drawn(11), "dirty +1 ?2");
        assert_eq!(drawn(12), "dirty +1 ?2 ");
        assert_eq!(drawn(10), "dirty +1\u{2026} ");
        assert_eq!(drawn(9), "dirty +1\u{2026}");
        assert_eq!(drawn(5), "dirt\u{2026}");
        for width in 1..14 {
            assert_eq!(drawn(width).width(), width, "{width}");
        }
    }
}
