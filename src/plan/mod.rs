//! What will run where, and why not: worktrees x checks, frozen before anything starts.

pub mod budget;
pub mod condition;
mod evaluate;
mod metered;
mod patterns;
pub mod scope;
mod select;
mod syntax;
mod typing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::check::{Check, CheckKind};
use crate::model::worktree::{Obstacle, Worktree};
use crate::settings::{Diagnostic, RunSettings, Settings, nearest};
use crate::text::message::Prose;

use condition::{Condition, Reader};

/// The place of a check in the pipeline.
pub type CheckIndex = usize;
/// The place of a worktree in the plan.
pub type WorktreeIndex = usize;
/// The place of a unit in the plan: worktrees in git's order, and on each the checks in the pipeline's.
pub type UnitIndex = usize;

/// What the command line selects.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Checks by name; none: the configured pipeline.
    pub checks: Vec<String>,
    /// Checks to leave out.
    pub skip: Vec<String>,
    /// Patterns of worktrees.
    pub worktrees: Vec<String>,
    /// The folder that relative paths among the patterns start from.
    pub directory: PathBuf,
    /// Whether a check that nobody has approved stops the plan: it must, where the plan is carried out.
    pub approved_only: bool,
}

/// A check's prerequisite: another check that must have ended on the same worktree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// Which.
    pub check: CheckIndex,
    /// Whether it must have passed (`needs`), or only ended (an expression names it).
    pub must_pass: bool,
}

/// A check with what the plan found out about it.
#[derive(Debug)]
pub struct PlannedCheck {
    /// The check.
    pub check: Check,
    /// Its `when`, compiled.
    pub when: Option<Condition>,
    /// Its `fail-if`, compiled.
    pub fail_if: Option<Condition>,
    /// What must have ended before it starts.
    pub prerequisites: Vec<Prerequisite>,
    /// The checks that wait for it.
    pub dependents: Vec<CheckIndex>,
    /// The check that brought it along, where nobody asked for it by name.
    pub brought_by: Option<String>,
    /// A prerequisite that `--skip` leaves out: no unit of this check can run.
    pub left_out: Option<String>,
    /// Whether one process may answer it for all worktrees at once.
    pub shared: bool,
    /// Whether it would run what only the repository's own file says and nobody has approved. Such a plan is shown, never carried out.
    pub unapproved: bool,
}

/// What will run where, frozen.
#[derive(Debug)]
pub struct Plan {
    /// The folder that all worktrees share.
    pub common_dir: PathBuf,
    /// The worktrees, in git's order.
    pub worktrees: Vec<Worktree>,
    /// The pipeline, in order.
    pub checks: Vec<PlannedCheck>,
    /// Units at a time; at least 1.
    pub max_concurrency: usize,
    /// Worktrees in a wave.
    pub batch_size: Option<usize>,
    /// For the whole run.
    pub global_timeout: Option<Duration>,
    /// Cancel at this many faults.
    pub max_fail: Option<u32>,
}

impl Plan {
    /// Freezes what is asked for. `cpus` stands in where the settings leave the number of places open.
    pub fn new(
        settings: Settings,
        selection: &Selection,
        common_dir: PathBuf,
        worktrees: Vec<Worktree>,
        cpus: usize,
    ) -> Result<Self, Vec<Diagnostic>> {
        let annotated = |mut faults: Vec<Diagnostic>| {
            settings.files.annotate(&mut faults);
            faults
        };
        let pipeline = Pipeline::select(&settings, selection).map_err(annotated)?;
        let unapproved = pipeline.unapproved(&settings);
        if !unapproved.is_empty() && selection.approved_only {
            return Err(annotated(unapproved));
        }
        let worktrees =
            select::worktrees(worktrees, &selection.worktrees, &selection.directory).map_err(|fault| vec![fault])?;
        let mut checks = pipeline.freeze(settings.checks)?;
        for planned in &mut checks {
            planned.unapproved = settings.unapproved.contains_key(&planned.check.name);
        }
        let RunSettings { max_concurrency, batch_size, global_timeout, max_fail } = settings.run;
        let max_concurrency = if max_concurrency == 0 { cpus } else { max_concurrency }.max(1);
        Ok(Self { common_dir, worktrees, checks, max_concurrency, batch_size, global_timeout, max_fail })
    }

    /// How many units there are.
    pub fn units(&self) -> usize {
        self.worktrees.len() * self.checks.len()
    }

    /// The unit of a check on a worktree.
    pub fn unit(&self, worktree: WorktreeIndex, check: CheckIndex) -> UnitIndex {
        worktree * self.checks.len() + check
    }

    /// The worktree of a unit.
    pub fn worktree_of(&self, unit: UnitIndex) -> WorktreeIndex {
        unit / self.checks.len()
    }

    /// The check of a unit.
    pub fn check_of(&self, unit: UnitIndex) -> CheckIndex {
        unit % self.checks.len()
    }

    /// Why a unit cannot run, where that is known before anything starts.
    pub fn obstacle(&self, unit: UnitIndex) -> Option<Obstacle> {
        let worktree = &self.worktrees[self.worktree_of(unit)];
        let check = &self.checks[self.check_of(unit)];
        let left_out =
            || check.left_out.as_ref().map(|name| Obstacle::skipped(format!("needs {name}, which --skip leaves out")));
        worktree.obstacle.clone().or_else(left_out)
    }

    /// Whether one process may answer this unit together with others of its check.
    pub fn is_shared(&self, unit: UnitIndex) -> bool {
        let worktree = &self.worktrees[self.worktree_of(unit)];
        self.checks[self.check_of(unit)].shared
            && worktree.head.is_some()
            && worktree.obstacle.is_none()
            && !worktree.is_unanswered
            && !worktree.foreign
    }

    /// Pairs of a check that was brought along and the one that brought it.
    pub fn brought_along(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| Some((check.check.name.as_str(), check.brought_by.as_deref()?)))
    }
}

/// The selected checks with their compiled conditions, while the plan is being made.
#[derive(Default)]
struct Pipeline {
    names: Vec<String>,
    parts: Vec<Parts>,
}

/// The compiling of what checks say, and what was wrong so far.
struct Compiler<'a> {
    reader: Reader<'a>,
    errors: Vec<Diagnostic>,
}

#[derive(Default)]
struct Parts {
    when: Option<Condition>,
    fail_if: Option<Condition>,
    prerequisites: Vec<Link>,
    brought_by: Option<String>,
    left_out: Option<String>,
}

/// That one check waits for another, and what says so.
struct Link {
    name: String,
    must_pass: bool,
    key: &'static str,
    /// Where the expression names it, with two lines that show it.
    shown: Option<[String; 2]>,
}

impl Pipeline {
    fn select(settings: &Settings, selection: &Selection) -> Result<Self, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        for name in selection.checks.iter().chain(&selection.skip) {
            if !settings.checks.contains_key(name) {
                errors.push(no_such_check(name, settings));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let asked = if selection.checks.is_empty() { &settings.pipeline } else { &selection.checks };
        let mut pipeline = Self::default();
        let mut compiler = Compiler { reader: Reader::new(&settings.checks), errors };
        let mut path = Vec::new();
        for name in asked.iter().filter(|name| !selection.skip.contains(name)) {
            pipeline.include(name, None, settings, &selection.skip, &mut path, &mut compiler);
        }
        let mut errors = compiler.errors;
        for (name, parts) in pipeline.names.iter().zip(&mut pipeline.parts) {
            if asked.contains(name) {
                parts.brought_by = None;
            }
        }
        if errors.is_empty() && pipeline.names.is_empty() {
            errors.push(Diagnostic::new("no check is selected").remedy(format!("there are: {}", names(settings))));
        }
        if errors.is_empty() { Ok(pipeline) } else { Err(errors) }
    }

    /// Adds a check, after everything that it waits for. `path` holds the checks that are being added.
    fn include(
        &mut self,
        name: &str,
        by: Option<&str>,
        settings: &Settings,
        skip: &[String],
        path: &mut Vec<String>,
        compiler: &mut Compiler<'_>,
    ) {
        if self.names.iter().any(|known| known == name) {
            return;
        }
        let Some(check) = settings.checks.get(name) else { return };
        path.push(name.to_owned());
        let mut parts = compile(check, settings, compiler);
        parts.brought_by = by.map(str::to_owned);
        let prerequisites: BTreeMap<&str, &Link> =
            parts.prerequisites.iter().map(|link| (link.name.as_str(), link)).collect();
        let mut left_out = None;
        for (prerequisite, link) in prerequisites {
            if let Some(start) = path.iter().position(|known| known == prerequisite) {
                compiler.errors.push(cycle(&path[start..], link, settings));
            } else if skip.iter().any(|skipped| skipped == prerequisite) {
                left_out = Some(prerequisite.to_owned());
            } else {
                self.include(prerequisite, Some(name), settings, skip, path, compiler);
            }
        }
        parts.left_out = left_out;
        path.pop();
        self.names.push(name.to_owned());
        self.parts.push(parts);
    }

    /// Every selected check that would run what only the repository's own file says.
    fn unapproved(&self, settings: &Settings) -> Vec<Diagnostic> {
        let faults = |name: &String| {
            let keys = settings.unapproved.get(name)?;
            let (key, origin) = keys.first()?;
            let listed = keys.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
            let problem = format!(
                "check '{name}' takes what it runs ({listed}) from a file that the repository brings along, and nobody has approved that"
            );
            let remedy = "'git wtcheck trust' shows what it would run, and approves it; until then it is not run";
            Some(Diagnostic::of(origin, &["check", name, key], problem).remedy(remedy))
        };
        self.names.iter().filter_map(faults).collect()
    }

    fn freeze(self, mut checks: BTreeMap<String, Check>) -> Result<Vec<PlannedCheck>, Vec<Diagnostic>> {
        let index = |name: &str| self.names.iter().position(|known| known == name);
        let mut planned = Vec::new();
        for (name, parts) in self.names.iter().zip(self.parts) {
            let Some(check) = checks.remove(name) else {
                return Err(vec![Diagnostic::new(format!("check '{name}' is not defined"))]);
            };
            let prerequisites = parts
                .prerequisites
                .iter()
                .filter_map(|link| Some(Prerequisite { check: index(&link.name)?, must_pass: link.must_pass }));
            let prerequisites: Vec<_> = prerequisites.collect();
            let shared = check.kind == CheckKind::Log
                && check.args.is_empty()
                && check.env.is_empty()
                && check.dir.is_none()
                && prerequisites.is_empty()
                && parts.when.is_none();
            planned.push(PlannedCheck {
                check,
                when: parts.when,
                fail_if: parts.fail_if,
                prerequisites,
                dependents: Vec::new(),
                brought_by: parts.brought_by,
                left_out: parts.left_out,
                shared,
                unapproved: false,
            });
        }
        for dependent in 0..planned.len() {
            for at in 0..planned[dependent].prerequisites.len() {
                let prerequisite = planned[dependent].prerequisites[at].check;
                planned[prerequisite].dependents.push(dependent);
            }
        }
        Ok(planned)
    }
}

fn names(settings: &Settings) -> String {
    settings.checks.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn no_such_check(name: &str, settings: &Settings) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("no check is named '{name}'"));
    match nearest(name, settings.checks.keys().map(String::as_str)) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None => diagnostic.remedy(format!("there are: {}", names(settings))),
    }
}

/// A fault of a key of a check, with its place where a layer says it.
fn fault_of(settings: &Settings, check: &str, key: &str, problem: impl Into<Prose>) -> Diagnostic {
    let keys = settings.keys.get(check);
    let origin = keys.and_then(|keys| match key {
        "when" => keys.when.as_ref().map(|sourced| &sourced.origin),
        "fail-if" => keys.fail_if.as_ref().map(|sourced| &sourced.origin),
        _ => keys.needs.as_ref().map(|sourced| &sourced.origin),
    });
    match origin {
        Some(origin) => Diagnostic::of(origin, &["check", check, key], problem),
        None => Diagnostic { key: Some(format!("check.{check}.{key} (default)")), ..Diagnostic::new(problem) },
    }
}

/// Checks of which each waits for the next, and the last, by this link, for the first.
fn cycle(path: &[String], link: &Link, settings: &Settings) -> Diagnostic {
    let last = path.last().map_or("", String::as_str);
    let problem = match path {
        [only] => format!("check '{only}' waits for itself"),
        _ => format!("checks wait for each other: {} -> {}", path.join(" -> "), link.name),
    };
    let shown = link.shown.iter().flatten();
    let problem = shown.fold(Prose::from(problem), Prose::below);
    let diagnostic = fault_of(settings, last, link.key, problem);
    match (path, link.key) {
        ([_], "when") => diagnostic.remedy("'when' is asked before the check runs; 'fail-if' can ask for its facts"),
        _ => diagnostic,
    }
}

/// Compiles what a check says of others, and lists the others.
fn compile(check: &Check, settings: &Settings, compiler: &mut Compiler<'_>) -> Parts {
    let Compiler { reader, errors } = compiler;
    let mut parts = Parts::default();
    for name in &check.needs {
        if settings.checks.contains_key(name) {
            parts.prerequisites.push(Link { name: name.clone(), must_pass: true, key: "needs", shown: None });
        } else {
            let Diagnostic { problem, remedy, .. } = no_such_check(name, settings);
            errors.push(Diagnostic { remedy, ..fault_of(settings, &check.name, "needs", problem) });
        }
    }
    for (key, text) in [("when", &check.when), ("fail-if", &check.fail_if)] {
        let Some(text) = text else { continue };
        match reader.compile(text, (key == "fail-if").then_some(check.name.as_str())) {
            Ok(condition) => {
                for name in condition.names() {
                    // Its own facts are there by the time `fail-if` is read; `when` naming itself is a cycle.
                    let own = key == "fail-if" && *name == check.name;
                    if !own && parts.prerequisites.iter().all(|known| known.name != *name) {
                        let shown = condition.place_of(name).map(|span| condition::pointed(text, span));
                        parts.prerequisites.push(Link { name: name.clone(), must_pass: false, key, shown });
                    }
                }
                let slot = if key == "when" { &mut parts.when } else { &mut parts.fail_if };
                *slot = Some(condition);
            }
            Err(fault) => {
                let pointed = condition::pointed(text, fault.span);
                let problem = pointed.into_iter().fold(Prose::from(fault.problem), Prose::below);
                errors.push(Diagnostic { remedy: fault.remedy, ..fault_of(settings, &check.name, key, problem) });
            }
        }
    }
    parts
}
