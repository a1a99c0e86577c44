//! What would run where, and why not: for people, and as JSON.

use serde::Serialize;

use crate::model::answer::SourceId;
use crate::model::id::WorktreeId;
use crate::model::outcome::Outcome;
use crate::plan::{Plan, PlannedCheck};
use crate::report::json::{Repository, SCHEMA_VERSION, WorktreeFields, repository};
use crate::report::style::{Look, Role};
use crate::text::duration;
use crate::text::plural;
use crate::text::sanitize::line;

/// The plan, for people.
pub fn text(plan: &Plan, look: Look) -> String {
    let mut text = plural::count(plan.max_concurrency, "unit", "units") + " at a time";
    if let Some(size) = plan.batch_size {
        text.push_str(&format!(", in waves of {}", plural::count(size, "worktree", "worktrees")));
    }
    if let Some(limit) = plan.global_timeout {
        text.push_str(&format!(", {} for all", duration::write(limit)));
    }
    if let Some(most) = plan.max_fail {
        text.push_str(&format!(", until {most} did not pass"));
    }
    text.push_str("\n\n");
    for planned in &plan.checks {
        text.push_str(&format!("{}\n", check(planned, plan, look)));
    }
    text.push('\n');
    for (id, worktree) in plan.worktrees.iter_enumerated() {
        let name = look.paint(Role::Worktree, &line(&worktree.path.to_string_lossy()));
        match units(plan, id) {
            Units::None(reason) => text.push_str(&format!("{name}\n  {}\n", look.paint(Role::Faint, &line(&reason)))),
            Units::Some(units) => {
                let shown: Vec<_> = units.iter().map(|unit| unit.shown(look)).collect();
                text.push_str(&format!("{name}\n  {}\n", shown.join(", ")));
            }
        }
    }
    text
}

fn check(planned: &PlannedCheck, plan: &Plan, look: Look) -> String {
    let check = &planned.check;
    let mut text = look.paint(Role::Branch, &line(&check.name));
    let what = check
        .command
        .as_ref()
        .map_or_else(|| format!("({})", check.kind.name()), |command| format!("$ {}", command.shown()));
    text.push_str(&format!("  {}", line(&what)));
    let mut notes = Vec::new();
    if planned.route.len() > 1 {
        let sources: Vec<&str> = planned.route.iter().map(|source| source.name()).collect();
        notes.push(format!("asks {}", sources.join(", then ")));
    }
    notes.push(
        check
            .timeout
            .map_or_else(|| "no timeout".to_owned(), |timeout| format!("timeout {}", duration::write(timeout))),
    );
    if check.retries > 0 {
        notes.push(plural::count(check.retries as usize, "retry", "retries"));
    }
    if let Some(most) = check.max_concurrency {
        notes.push(format!("{most} at a time"));
    }
    if let Some(when) = &planned.when {
        notes.push(format!("when {}", when.text()));
    }
    let needs: Vec<_> = planned
        .prerequisites
        .iter()
        .filter(|other| other.must_pass)
        .map(|other| plan.checks[other.check].check.name.as_str())
        .collect();
    if !needs.is_empty() {
        notes.push(format!("needs {}", needs.join(" ")));
    }
    if let Some(fail_if) = &planned.fail_if {
        notes.push(format!("fails if {}", fail_if.text()));
    }
    if check.allow_failure {
        notes.push("may fail".to_owned());
    }
    if planned.unapproved {
        notes.push("NOT APPROVED: 'git wtcheck trust' would".to_owned());
    }
    if let Some(by) = &planned.brought_by {
        notes.push(format!("brought along by {by}"));
    }
    text.push_str(&format!("\n    {}", look.paint(Role::Faint, &line(&notes.join("; ")))));
    if let Some(description) = &check.description {
        text.push_str(&format!("\n    {}", line(description)));
    }
    text
}

/// What a run would wait for.
const NO_ANSWER_YET: &str = "its folder has not answered yet";

/// The units of a worktree: none, for one reason, or each by itself.
enum Units<'a> {
    None(String),
    Some(Vec<Unit<'a>>),
}

#[derive(Serialize)]
struct Unit<'a> {
    check: &'a str,
    /// `run`, `run-if` (its condition is not known yet), or the outcome that is certain.
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Unit<'_> {
    fn shown(&self, look: Look) -> String {
        let check = line(self.check);
        match (self.action, &self.reason) {
            ("run", _) => check.into_owned(),
            ("run-if", Some(reason)) => {
                format!("{check} {}", look.paint(Role::Faint, &format!("if {}", line(reason))))
            }
            (_, reason) => format!(
                "{check} {}",
                look.paint(Role::Faint, &format!("({})", line(reason.as_deref().unwrap_or_default())))
            ),
        }
    }
}

fn units(plan: &Plan, worktree: WorktreeId) -> Units<'_> {
    if let Some(obstacle) = &plan.worktrees[worktree].obstacle {
        return Units::None(format!("{}: {}", obstacle.outcome.words(), obstacle.reason));
    }
    if plan.worktrees[worktree].is_unanswered {
        return Units::None(NO_ANSWER_YET.to_owned());
    }
    Units::Some(each(plan, worktree).collect())
}

fn each(plan: &Plan, worktree: WorktreeId) -> impl Iterator<Item = Unit<'_>> {
    plan.units.of_worktree(worktree).map(move |unit| {
        let planned = plan.planned(unit);
        let check = planned.check.name.as_str();
        if plan.worktrees[worktree].is_unanswered {
            return Unit { check, action: "run-if", reason: Some(NO_ANSWER_YET.to_owned()) };
        }
        match (plan.obstacle(unit), &planned.when) {
            (Some(obstacle), _) => {
                let action = if obstacle.outcome == Outcome::Errored { "errored" } else { "skipped" };
                Unit { check, action, reason: Some(obstacle.reason) }
            }
            (None, Some(when)) => Unit { check, action: "run-if", reason: Some(when.text().to_owned()) },
            (None, None) => Unit { check, action: "run", reason: None },
        }
    })
}

/// The plan, as JSON has it.
#[derive(Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    repository: Option<Repository>,
    max_concurrency: usize,
    checks: Vec<CheckFields<'a>>,
    worktrees: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct CheckFields<'a> {
    check: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a crate::model::check::CommandLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'a str>,
    needs: &'a [String],
    sources: &'a [SourceId],
    timeout_ms: Option<u128>,
    retries: u32,
    approved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    brought_along_by: Option<&'a str>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    worktree: WorktreeFields<'a>,
    checks: Vec<Unit<'a>>,
}

/// The plan, for programs.
pub fn document(plan: &Plan) -> Document<'_> {
    Document {
        schema_version: SCHEMA_VERSION,
        repository: repository(plan),
        max_concurrency: plan.max_concurrency,
        checks: plan.checks.iter().map(check_fields).collect(),
        worktrees: plan
            .worktrees
            .iter_enumerated()
            .map(|(id, worktree)| Row { worktree: WorktreeFields::of(worktree), checks: each(plan, id).collect() })
            .collect(),
    }
}

fn check_fields(planned: &PlannedCheck) -> CheckFields<'_> {
    CheckFields {
        check: &planned.check.name,
        kind: planned.check.kind.name(),
        command: planned.check.command.as_ref(),
        when: planned.check.when.as_deref(),
        needs: &planned.check.needs,
        sources: &planned.route,
        timeout_ms: planned.check.timeout.map(|timeout| timeout.as_millis()),
        retries: planned.check.retries,
        approved: !planned.unapproved,
        brought_along_by: planned.brought_by.as_deref(),
    }
}
