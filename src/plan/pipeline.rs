//! The selected checks with everything that they wait for, in an order in which each comes after what it waits for.
//!
//! All of it takes a time in proportion to the checks and what they name, and no stack that grows with them: they come
//! from files that may be anybody's.

use std::collections::{BTreeMap, HashMap, HashSet};

use typed_index_collections::TiVec;

use crate::checks::Check;
use crate::model::id::CheckId;
use crate::plan::condition::{Condition, Reader};
use crate::plan::expression::pointed;
use crate::plan::planned_check::{PlannedCheck, Prerequisite};
use crate::plan::selection::Selection;
use crate::settings::{Diagnostic, Faults, Settings, around, listed, nearest};
use crate::text::message::Prose;
use crate::text::name::{is_valid, shown};

/// The selected checks with their compiled conditions, while the plan is being made.
#[derive(Default)]
pub(super) struct Pipeline {
    pub(super) names: Vec<String>,
    /// Where each stands among them.
    index: HashMap<String, usize>,
    parts: Vec<Parts>,
}

#[derive(Default)]
pub(super) struct Parts {
    pub(super) when: Option<Condition>,
    pub(super) fail_if: Option<Condition>,
    pub(super) prerequisites: Vec<Link>,
    /// The check that brought it along; none where it is asked for.
    pub(super) brought_by: Option<String>,
    left_out: Option<String>,
}

/// That one check waits for another, and what says so.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) name: String,
    must_pass: bool,
    pub(super) key: &'static str,
    /// Where the expression names it, with two lines that show it.
    shown: Option<[String; 2]>,
}

/// A check whose prerequisites are being added, before it is.
struct Open {
    name: String,
    parts: Parts,
    /// What it waits for and has not been looked at, the next one last.
    rest: Vec<Link>,
}

/// What all checks are looked up in.
struct Known<'a> {
    settings: &'a Settings,
    skip: HashSet<&'a str>,
}

/// The compiling of what checks say, and what was wrong so far.
struct Compiler<'a> {
    reader: Reader<'a>,
    errors: Faults,
}

impl Pipeline {
    /// Selects what is asked for.
    pub(super) fn select(settings: &Settings, selection: &Selection) -> Result<Self, Faults> {
        let mut errors = Faults::default();
        for name in selection.checks.iter().chain(&selection.skip) {
            if !settings.checks.contains_key(name) {
                errors.add(|| no_such_check(name, settings));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let asked = if selection.checks.is_empty() { &settings.pipeline } else { &selection.checks };
        let known = Known { settings, skip: selection.skip.iter().map(String::as_str).collect() };
        let mut compiler = Compiler { reader: Reader::new(&settings.checks), errors };
        let mut pipeline = Self::default();
        for name in asked.iter().filter(|name| !known.skip.contains(name.as_str())) {
            pipeline.include(name, &known, &mut compiler);
        }
        let mut errors = compiler.errors;
        for name in asked {
            if let Some(at) = pipeline.index.get(name) {
                pipeline.parts[*at].brought_by = None;
            }
        }
        if errors.is_empty() && pipeline.names.is_empty() {
            errors.add(|| Diagnostic::new("no check is selected").remedy(format!("there are: {}", names(settings))));
        }
        if errors.is_empty() { Ok(pipeline) } else { Err(errors) }
    }

    /// What is known of a selected check.
    pub(super) fn parts(&self, name: &str) -> Option<&Parts> {
        self.index.get(name).map(|at| &self.parts[*at])
    }

    /// Adds a check, after everything that it waits for.
    fn include(&mut self, name: &str, known: &Known<'_>, compiler: &mut Compiler<'_>) {
        // The checks that are being added: each waits for the next.
        let mut path: Vec<Open> = Vec::new();
        let mut depth: HashMap<String, usize> = HashMap::new();
        self.open(name, None, known, &mut path, &mut depth, compiler);
        while let Some(open) = path.last_mut() {
            let Some(link) = open.rest.pop() else {
                if let Some(Open { name, parts, .. }) = path.pop() {
                    depth.remove(&name);
                    self.index.insert(name.clone(), self.names.len());
                    self.names.push(name);
                    self.parts.push(parts);
                }
                continue;
            };
            if let Some(start) = depth.get(&link.name) {
                compiler.errors.add(|| cycle(&path[*start..], &link, known.settings));
            } else if known.skip.contains(link.name.as_str()) {
                open.parts.left_out = Some(link.name);
            } else {
                let by = open.name.clone();
                self.open(&link.name, Some(by), known, &mut path, &mut depth, compiler);
            }
        }
    }

    /// Begins with a check, unless it is there already.
    fn open(
        &self,
        name: &str,
        brought_by: Option<String>,
        known: &Known<'_>,
        path: &mut Vec<Open>,
        depth: &mut HashMap<String, usize>,
        compiler: &mut Compiler<'_>,
    ) {
        if self.index.contains_key(name) {
            return;
        }
        let Some(check) = known.settings.checks.get(name) else { return };
        let parts = Parts { brought_by, ..compile(check, known.settings, compiler) };
        // Each once, in the order of their names, whatever names them.
        let links: BTreeMap<&str, &Link> = parts.prerequisites.iter().map(|link| (link.name.as_str(), link)).collect();
        let rest = links.into_values().rev().cloned().collect();
        depth.insert(name.to_owned(), path.len());
        path.push(Open { name: name.to_owned(), parts, rest });
    }

    /// The checks of the plan, each with the places of what it waits for.
    pub(super) fn freeze(self, mut checks: BTreeMap<String, Check>) -> Result<TiVec<CheckId, PlannedCheck>, Faults> {
        let mut planned: TiVec<CheckId, PlannedCheck> = TiVec::with_capacity(self.names.len());
        for (name, parts) in self.names.iter().zip(self.parts) {
            let Some(check) = checks.remove(name) else {
                return Err(Diagnostic::new(format!("check '{name}' is not defined")).into());
            };
            let prerequisites = parts.prerequisites.iter().filter_map(|link| {
                Some(Prerequisite { check: CheckId::from(*self.index.get(&link.name)?), must_pass: link.must_pass })
            });
            let prerequisites = prerequisites.collect();
            planned.push(PlannedCheck {
                route: check.kind.route(&check).to_vec(),
                check,
                when: parts.when,
                fail_if: parts.fail_if,
                prerequisites,
                dependents: Vec::new(),
                brought_by: parts.brought_by,
                left_out: parts.left_out,
                unapproved: false,
            });
        }
        for dependent in planned.keys() {
            for at in 0..planned[dependent].prerequisites.len() {
                let prerequisite = planned[dependent].prerequisites[at].check;
                planned[prerequisite].dependents.push(dependent);
            }
        }
        Ok(planned)
    }
}

fn names(settings: &Settings) -> String {
    listed(settings.checks.keys().map(String::as_str))
}

fn no_such_check(name: &str, settings: &Settings) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("no check is named '{}'", shown(name)));
    match nearest(name, settings.checks.keys().map(String::as_str)).filter(|_| is_valid(name)) {
        Some(near) => diagnostic.remedy(format!("did you mean '{near}'?")),
        None => diagnostic.remedy(format!("there are: {}", names(settings))),
    }
}

/// A fault of a key of a check, with its place where a layer says it.
fn fault_of(settings: &Settings, check: &str, key: &str, problem: impl Into<Prose>) -> Diagnostic {
    let keys = settings.keys.get(check);
    let origin = keys.and_then(|keys| match key {
        "when" => keys.when.origin(),
        "fail-if" => keys.fail_if.origin(),
        _ => keys.needs.origin(),
    });
    match origin {
        Some(origin) => Diagnostic::of(origin, &["check", check, key], problem),
        None => Diagnostic { key: Some(format!("check.{check}.{key} (default)")), ..Diagnostic::new(problem) },
    }
}

/// Checks of which each waits for the next, and the last, by this link, for the first.
fn cycle(path: &[Open], link: &Link, settings: &Settings) -> Diagnostic {
    let last = path.last().map_or("", |open| open.name.as_str());
    let problem = match path {
        [only] => format!("check '{}' waits for itself", only.name),
        _ => {
            let names: Vec<String> = path.iter().map(|open| open.name.clone()).chain([link.name.clone()]).collect();
            format!("checks wait for each other: {}", around(&names))
        }
    };
    let problem = link.shown.iter().flatten().fold(Prose::from(problem), Prose::below);
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
    let mut named: HashSet<String> = HashSet::new();
    for name in &check.needs {
        if !settings.checks.contains_key(name) {
            errors.add(|| {
                let Diagnostic { problem, remedy, .. } = no_such_check(name, settings);
                Diagnostic { remedy, ..fault_of(settings, &check.name, "needs", problem) }
            });
        } else if named.insert(name.clone()) {
            parts.prerequisites.push(Link { name: name.clone(), must_pass: true, key: "needs", shown: None });
        }
    }
    for (key, text) in [("when", &check.when), ("fail-if", &check.fail_if)] {
        let Some(text) = text else { continue };
        match reader.compile(text, (key == "fail-if").then_some(check.name.as_str())) {
            Ok(condition) => {
                for name in condition.names() {
                    // Its own facts are there by the time `fail-if` is read; `when` naming itself is a cycle.
                    let own = key == "fail-if" && *name == check.name;
                    if !own && named.insert(name.clone()) {
                        let shown = condition.place_of(name).map(|span| pointed(text, span));
                        parts.prerequisites.push(Link { name: name.clone(), must_pass: false, key, shown });
                    }
                }
                let slot = if key == "when" { &mut parts.when } else { &mut parts.fail_if };
                *slot = Some(condition);
            }
            Err(fault) => errors.add(|| {
                let shown = pointed(text, fault.span);
                let problem = shown.into_iter().fold(Prose::from(fault.problem), Prose::below);
                Diagnostic { remedy: fault.remedy, ..fault_of(settings, &check.name, key, problem) }
            }),
        }
    }
    parts
}
