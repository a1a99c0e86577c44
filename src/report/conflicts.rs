//! What `conflicts` found, in the few words of a table's cell.

use crate::model::facts::Facts;
use crate::report::cells::Cell;
use crate::report::style::Role;
use crate::text::plural::count;
use crate::text::sanitize;

/// Says it: at how many files, and behind it with whom.
pub(super) fn say(cell: &mut Cell, facts: &Facts) {
    let with = facts.texts("with").unwrap_or_default();
    let unknown = facts.texts("unknown").unwrap_or_default();
    let named = format!("with {}", with.join(", "));
    match (facts.int("files"), with.is_empty()) {
        (Some(_), true) => cell.push(Role::Good, "none"),
        (Some(files), false) => {
            cell.push(Role::Bad, count(usize::try_from(files).unwrap_or(usize::MAX), "file", "files"));
            cell.spare();
            cell.push(Role::Faint, sanitize::line(&named).into_owned());
        }
        // That some are known must not look as if these were all.
        (None, false) => {
            cell.push(Role::Bad, "some");
            if !unknown.is_empty() {
                cell.push(Role::Changed, format!("{} unknown", unknown.len()));
            }
            cell.spare();
            cell.push(Role::Faint, sanitize::line(&named).into_owned());
        }
        (None, true) => {
            cell.push(Role::Changed, "unknown");
            cell.spare();
            cell.push(Role::Faint, sanitize::line(unknown.first().map_or("", String::as_str)).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::Fact;

    fn said(with: &[&str], files: impl Into<Fact>, unknown: &[&str]) -> String {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut facts = Facts::new();
        facts.set("with", owned(with));
        facts.set("files", files);
        facts.set("unknown", owned(unknown));
        let mut cell = Cell::default();
        say(&mut cell, &facts);
        cell.plain()
    }

    #[test]
    fn only_what_is_known_whole_is_none_or_a_number() {
        assert_eq!(said(&[], 0_u64, &[]), "none");
        assert_eq!(said(&["a", "b"], 3_u64, &[]), "3 files with a, b");
        assert_eq!(said(&["a"], 1_u64, &[]), "1 file with a");
        assert_eq!(said(&["a"], Fact::Unknown, &["b: gone"]), "some 1 unknown with a");
        assert_eq!(said(&[], Fact::Unknown, &["b: gone"]), "unknown b: gone");
    }
}
