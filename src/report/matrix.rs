//! Which worktrees stop a merge with which, at one glance: a row and a column for each of them that is not in the clear,
//! by number, and one line for all others.

use std::collections::{BTreeMap, BTreeSet};

use typed_index_collections::TiSlice;
use unicode_width::UnicodeWidthStr;

use crate::checks::CONFLICTS;
use crate::model::facts::Facts;
use crate::model::id::WorktreeId;
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::record::Record;
use crate::report::cells::shorten;
use crate::report::style::{Look, Role};
use crate::text::plural::count;
use crate::text::sanitize;

/// The name of a worktree keeps so many columns; where there is no room for them, there is no matrix.
const NAME: usize = 8;
/// So wide it is where nothing says how wide the screen is.
const WIDTH: usize = 100;
/// Reasons beyond these are counted.
const REASONS: usize = 10;

/// How two stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pair {
    /// A merge goes through.
    Clear,
    /// It stops.
    Stops,
    /// It could not be tried.
    Unknown,
}

/// One worktree that is not in the clear.
struct Row {
    worktree: WorktreeId,
    name: String,
    files: Option<i64>,
    pairs: Vec<Pair>,
}

/// The matrix, where `conflicts` alone was asked and has answered everywhere, and where there is room.
pub(super) fn draw(
    record: &Record,
    plan: &Plan,
    names: &TiSlice<WorktreeId, String>,
    look: Look,
    width: Option<usize>,
) -> Option<String> {
    let [planned] = plan.checks.raw.as_slice() else { return None };
    if planned.check.kind != CONFLICTS {
        return None;
    }
    let mut found: BTreeMap<WorktreeId, &Facts> = BTreeMap::new();
    for unit in plan.units.ids() {
        let end = record.units[unit].end.as_deref()?;
        if end.outcome != Outcome::Passed {
            return None;
        }
        found.insert(plan.units[unit].worktree, &end.facts);
    }
    let rows = rows(plan, names, &found);
    let width = width.unwrap_or(WIDTH);
    let text = table(&rows, look, width)?;
    let shown: BTreeSet<WorktreeId> = rows.iter().map(|row| row.worktree).collect();
    let clear: Vec<&str> =
        found.keys().filter(|worktree| !shown.contains(worktree)).map(|worktree| names[*worktree].as_str()).collect();
    Some(text + &reasons(&found) + &others(&clear, look, width))
}

/// A row for each that stops with another, or of which it is not known.
fn rows(plan: &Plan, names: &TiSlice<WorktreeId, String>, found: &BTreeMap<WorktreeId, &Facts>) -> Vec<Row> {
    // The facts name a worktree by its folder's name, or by its path where that is not its own.
    let mut by_name: BTreeMap<String, WorktreeId> = BTreeMap::new();
    for (id, worktree) in plan.worktrees.iter_enumerated() {
        by_name.insert(worktree.name.clone(), id);
        by_name.insert(worktree.path.to_string_lossy().into_owned(), id);
    }
    let listed: Vec<WorktreeId> = found
        .iter()
        .filter(|(_, facts)| facts.int("files").is_none() || !facts.texts("with").unwrap_or_default().is_empty())
        .map(|(worktree, _)| *worktree)
        .collect();
    let of = |worktree: WorktreeId, other: WorktreeId| {
        let facts = found[&worktree];
        let is_with = |name: &String| by_name.get(name) == Some(&other);
        if facts.texts("with").unwrap_or_default().iter().any(is_with) {
            return Pair::Stops;
        }
        let names_other = |text: &String| {
            let worktree = &plan.worktrees[other];
            let path = worktree.path.to_string_lossy();
            [worktree.name.as_str(), &path]
                .iter()
                .any(|name| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(": ")))
        };
        let is_of_all = |text: &String| text.starts_with("this worktree: ");
        let unknown = facts.texts("unknown").unwrap_or_default();
        if unknown.iter().any(|text| is_of_all(text) || names_other(text)) { Pair::Unknown } else { Pair::Clear }
    };
    let row = |worktree: &WorktreeId| Row {
        worktree: *worktree,
        name: names[*worktree].clone(),
        files: found[worktree].int("files"),
        pairs: listed.iter().map(|other| of(*worktree, *other)).collect(),
    };
    listed.iter().map(row).collect()
}

/// The rows under their numbers, nothing where there are none. None: there is no room.
fn table(rows: &[Row], look: Look, width: usize) -> Option<String> {
    if rows.is_empty() {
        return Some(String::new());
    }
    let digits = rows.len().to_string().len();
    let files = |row: &Row| row.files.map_or_else(|| "?".to_owned(), |files| files.to_string());
    let (sign_stops, sign_clear) = if look.ascii { ("X", ".") } else { ("\u{2717}", "\u{b7}") };
    let last = rows.iter().map(|row| files(row).width()).max().unwrap_or(0).max("FILES".len());
    // The number, the name, a sign with a space before it for each, the files.
    let fixed = digits + 2 + 1 + 2 * rows.len() + 2 + last;
    let longest = rows.iter().map(|row| row.name.width()).max().unwrap_or(0).max("WORKTREE".len());
    let room = width.checked_sub(fixed).filter(|room| *room >= NAME)?.min(longest);
    let mut text = String::new();
    for line in 0..digits {
        let is_last = line + 1 == digits;
        let digit = |number: usize| {
            let written = format!("{number:>digits$}");
            format!(" {}", written.get(line..=line).unwrap_or_default())
        };
        let numbers: String = (1..=rows.len()).map(digit).collect();
        let (name, end) = if is_last { ("WORKTREE", format!("  {:>last$}", "FILES")) } else { ("", String::new()) };
        let header = format!("{:digits$}  {name:room$} {numbers}{end}", "");
        text.push_str(&look.paint(Role::Header, header.trim_end()));
        text.push('\n');
    }
    for (at, row) in rows.iter().enumerate() {
        let name = shorten(&row.name, room, look);
        let pad = " ".repeat(room.saturating_sub(name.width()));
        text.push_str(&format!("{:>digits$}  {}{pad} ", at + 1, look.paint(Role::Worktree, &name)));
        for (other, pair) in row.pairs.iter().enumerate() {
            let (role, sign) = match pair {
                _ if other == at => (Role::Faint, " "),
                Pair::Stops => (Role::Bad, sign_stops),
                Pair::Clear => (Role::Faint, sign_clear),
                Pair::Unknown => (Role::Changed, "?"),
            };
            text.push(' ');
            text.push_str(&look.paint(role, sign));
        }
        text.push_str(&format!("  {:>last$}\n", files(row)));
    }
    Some(text)
}

/// What could not be tried, each once.
fn reasons(found: &BTreeMap<WorktreeId, &Facts>) -> String {
    let texts = found.values().flat_map(|facts| facts.texts("unknown").unwrap_or_default());
    let texts: BTreeSet<&str> =
        texts.map(String::as_str).filter(|text| found.len() == 1 || !text.starts_with("this worktree: ")).collect();
    let mut lines = String::new();
    for text in texts.iter().take(REASONS) {
        lines.push_str(&format!("? {}\n", sanitize::line(text)));
    }
    if texts.len() > REASONS {
        lines.push_str(&format!("? and {} more\n", texts.len() - REASONS));
    }
    lines
}

/// The others, in one line.
fn others(clear: &[&str], look: Look, width: usize) -> String {
    if clear.is_empty() {
        return String::new();
    }
    let mut line = format!("{} without conflicts: ", count(clear.len(), "worktree", "worktrees"));
    for (at, name) in clear.iter().enumerate() {
        let more = if at == 0 { (*name).to_owned() } else { format!(", {name}") };
        let left = clear.len() - at;
        let rest = format!(", and {left} more");
        let is_last = left == 1;
        let needed = more.width() + if is_last { 0 } else { rest.width() };
        if at > 0 && line.width() + needed > width {
            line.push_str(&rest);
            break;
        }
        line.push_str(&more);
    }
    look.paint(Role::Faint, &shorten(&line, width, look)) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, files: Option<i64>, pairs: &[Pair]) -> Row {
        Row { worktree: WorktreeId::default(), name: name.to_owned(), files, pairs: pairs.to_vec() }
    }

    #[test]
    fn a_row_and_a_column_for_each() {
        use Pair::{Clear, Stops, Unknown};
        let rows = [
            row("agent-a", Some(3), &[Clear, Stops, Clear]),
            row("b", Some(12), &[Stops, Clear, Stops]),
            row("c", None, &[Unknown, Stops, Clear]),
        ];
        let look = Look { ascii: true, ..Look::PLAIN };
        let shown = table(&rows, look, 80).expect("room");
        let expected = "   WORKTREE  1 2 3  FILES\n1  agent-a     X .      3\n2  b         X   X     12\n3  c         ? X        ?\n";
        assert_eq!(shown, expected);
        assert_eq!(table(&rows, look, 20), None, "no room");
        assert_eq!(table(&[], look, 80).as_deref(), Some(""), "all are in the clear");
    }

    #[test]
    fn thirty_fit_a_hundred_columns() {
        let rows: Vec<Row> = (0..30)
            .map(|number| row(&format!("agent-with-a-long-name-{number}"), Some(1), &[Pair::Stops; 30]))
            .collect();
        let shown = table(&rows, Look::PLAIN, 100).expect("room");
        assert!(shown.lines().all(|line| line.width() <= 100), "{shown}");
        assert_eq!(shown.lines().count(), 32);
        assert!(shown.lines().next().expect("tens").trim_end().ends_with("2 2 2 2 2 2 2 2 2 2 3"), "{shown}");
        let names: Vec<String> = (0..40).map(|number| format!("worktree-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let line = others(&names, Look::PLAIN, 100);
        assert!(line.trim_end().width() <= 100 && line.contains(", and ") && line.ends_with(" more\n"), "{line}");
        assert_eq!(others(&["a", "b"], Look::PLAIN, 100), "2 worktrees without conflicts: a, b\n");
    }
}
