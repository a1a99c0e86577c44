//! Which names checks and profiles can bear, and how many of them there may be: asked before anything else is done with
//! a name, so that no other room ever has one that could deceive.

use std::collections::HashSet;

use crate::settings::diagnostic::Diagnostic;
use crate::settings::origin::Origin;
use crate::text::name::{RULE, is_valid, shown};

/// Names that a check cannot bear: the commands of the program, and what expressions and settings call something else.
pub const RESERVED: [&str; 22] = [
    "run",
    "plan",
    "config",
    "trust",
    "untrust",
    "setup",
    "prune",
    "restore",
    "watch",
    "wait",
    "prompt",
    "cache",
    "register",
    "unregister",
    "merge",
    "bench",
    "help",
    "worktree",
    "check",
    "profile",
    "launcher",
    "completion-words",
];

/// Words before whose dots git's configuration has something else than the name of a check:
/// `wtcheck.profile.ci.timeout`.
const TABLES: [&str; 3] = ["check", "profile", "launcher"];

/// More checks, or profiles, than these are a slip, or a wish to keep the machine busy.
pub(super) const MOST: usize = 10_000;

/// The tables of checks and profiles that some layer has, as far as they have been let in.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    checks: HashSet<(Option<String>, String)>,
    profiles: HashSet<String>,
    /// Whether it has been told that there are too many.
    full: bool,
}

/// Why a table is not let in.
pub(super) enum Refusal {
    /// Its name is none; what to say of it.
    Name(String),
    /// There are too many; what to say of it, where that has not been said yet.
    TooMany(Option<&'static str>),
}

impl Admitted {
    /// Lets the table of a check in, of a profile where there is one.
    pub(super) fn check(&mut self, profile: Option<&str>, name: &str) -> Result<(), Refusal> {
        if let Some(problem) = fault_of_check(name) {
            return Err(Refusal::Name(problem));
        }
        let key = (profile.map(str::to_owned), name.to_owned());
        if self.checks.len() >= MOST && !self.checks.contains(&key) {
            return Err(self.too_many("more than 10000 checks are defined"));
        }
        self.checks.insert(key);
        Ok(())
    }

    /// Lets the table of a profile in.
    pub(super) fn profile(&mut self, name: &str) -> Result<(), Refusal> {
        if let Some(problem) = fault_of_profile(name) {
            return Err(Refusal::Name(problem));
        }
        if self.profiles.len() >= MOST && !self.profiles.contains(name) {
            return Err(self.too_many("more than 10000 profiles are defined"));
        }
        self.profiles.insert(name.to_owned());
        Ok(())
    }

    fn too_many(&mut self, problem: &'static str) -> Refusal {
        Refusal::TooMany((!std::mem::replace(&mut self.full, true)).then_some(problem))
    }
}

impl Refusal {
    /// What to say of it, at the key that holds the tables: the name itself is in the words, made safe.
    pub(super) fn diagnostic(self, origin: &Origin, path: &[&str]) -> Option<Diagnostic> {
        let problem = match self {
            Self::Name(problem) => problem,
            Self::TooMany(problem) => problem?.to_owned(),
        };
        let above = path.split_last().map_or(&[][..], |(_, above)| above);
        let at_name = Diagnostic { at_key: true, ..Diagnostic::of(origin, path, problem) };
        Some(Diagnostic { key: Some(origin.layer.write_key(above)), ..at_name })
    }
}

/// What is wrong with the name of a check, if something is.
pub(super) fn fault_of_check(name: &str) -> Option<String> {
    if !is_valid(name) {
        return Some(format!("a check cannot be named '{}': {RULE}", shown(name)));
    }
    if RESERVED.contains(&name) {
        return Some(format!("a check cannot be named '{name}': it is a word of git wtcheck's own"));
    }
    let (first, _) = name.split_once('.')?;
    TABLES.contains(&first).then(|| {
        format!("a check cannot be named '{name}': in git's configuration, 'wtcheck.{first}.' begins something else")
    })
}

/// What is wrong with the name of a profile, if something is.
pub(super) fn fault_of_profile(name: &str) -> Option<String> {
    (!is_valid(name)).then(|| format!("a profile cannot be named '{}': {RULE}", shown(name)))
}
