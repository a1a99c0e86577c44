//! What `risk` found, in the few words of a table's cell.

use crate::model::facts::Facts;
use crate::report::cells::Cell;
use crate::report::style::Role;
use crate::text::plural::count;
use crate::text::sanitize;

/// So many digits of an object id are shown.
const DIGITS: usize = 7;

/// Says it: the verdict first, and behind it what it stands on.
pub(super) fn say(cell: &mut Cell, facts: &Facts) {
    let verdict = facts.text("verdict").unwrap_or_default();
    let role = match verdict {
        "at_risk" => Role::Bad,
        "unknown" => Role::Changed,
        _ => Role::Good,
    };
    cell.push(role, verdict.replace('_', " "));
    cell.spare();
    cell.push(Role::Faint, sanitize::line(&grounds(verdict, facts)).into_owned());
}

fn grounds(verdict: &str, facts: &Facts) -> String {
    match verdict {
        "at_risk" => reasons(facts),
        "unknown" => facts.texts("unknown").and_then(|texts| texts.first()).cloned().unwrap_or_default(),
        "merged" => {
            let how = facts.text("integrated").unwrap_or_default();
            let landed = facts.text("landed_as").and_then(|id| id.get(..DIGITS)).map(|id| format!(" {id}"));
            let base = facts.text("base").map(|base| format!(" on {}", short(base)));
            format!("{how}{}{}", landed.unwrap_or_default(), base.unwrap_or_default())
        }
        "local" => match facts.int("unpushed") {
            Some(unpushed) => format!("{} on no remote; the branch keeps them", commits(unpushed)),
            None => String::new(),
        },
        _ => String::new(),
    }
}

/// Each kind of work with how much of it there is.
fn reasons(facts: &Facts) -> String {
    let reason = |reason: &String| {
        let number = |name: &str| facts.int(name).unwrap_or_default();
        match reason.as_str() {
            "commits" => format!("{} only here", commits(number("commits"))),
            "changed" => format!("{} changed", number("uncommitted")),
            "untracked" => format!("{} untracked", number("untracked")),
            "ignored" => format!("{} ignored", number("ignored")),
            other => other.to_owned(),
        }
    };
    let reasons: Vec<_> = facts.texts("reasons").unwrap_or_default().iter().map(reason).collect();
    reasons.join(", ")
}

fn commits(number: i64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "commit", "commits")
}

/// The name of a ref as people say it.
fn short(name: &str) -> &str {
    ["refs/heads/", "refs/remotes/"].into_iter().find_map(|folder| name.strip_prefix(folder)).unwrap_or(name)
}
