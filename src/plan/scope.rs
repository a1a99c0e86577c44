//! The names that expressions may use: the checks, the worktree, and what each of them has.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};

use crate::checks::Check;
use crate::model::facts::{FactDef, FactType};
use crate::settings::{listed, nearest};
use crate::text::name::identifier;

/// The name of the worktree itself in expressions.
pub(super) const WORKTREE: &str = "worktree";
/// Its fields.
pub const WORKTREE_FIELDS: [FactDef; 7] = [
    FactDef::new("path", FactType::Text, "Its folder, absolute."),
    FactDef::new("name", FactType::Text, "The folder's own name."),
    FactDef::new("branch", FactType::Text, "The short name of its branch; empty on a detached HEAD."),
    FactDef::new("main", FactType::Bool, "Whether it is the main worktree."),
    FactDef::new("detached", FactType::Bool, "Whether HEAD names a commit and no branch."),
    FactDef::new("locked", FactType::Bool, "Whether `git worktree lock` keeps it."),
    FactDef::new("bare", FactType::Bool, "Whether it is a bare repository."),
];

/// What every check has, whatever its kind.
pub const COMMON_FIELDS: [FactDef; 4] = [
    FactDef::new("outcome", FactType::Text, OUTCOMES),
    FactDef::new("passed", FactType::Bool, "Whether the outcome is `passed`."),
    FactDef::new("exit_code", FactType::Int, "The exit status of the last attempt."),
    FactDef::new("duration_ms", FactType::Int, "How long it took, in milliseconds."),
];
const OUTCOMES: &str = "`passed`, `failed`, `timed_out`, `errored`, `skipped` or `cancelled`.";

/// The nearest among many names takes its time to find: advice is for who has misspelt a few.
const MOST_ADVICE: usize = 20;

/// Every check there is, by the names that expressions call it by.
pub(super) struct Names<'a> {
    checks: &'a BTreeMap<String, Check>,
    /// What each is called in expressions, made when first one is called otherwise than by its name.
    written: OnceCell<HashMap<String, String>>,
    /// How often advice may still be given.
    advice: Cell<usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(checks: &'a BTreeMap<String, Check>) -> Self {
        Self { checks, written: OnceCell::new(), advice: Cell::new(MOST_ADVICE) }
    }

    /// The check that an expression calls by this name: see [`identifier`].
    pub(super) fn check(&self, name: &str) -> Option<&'a Check> {
        self.checks.get(name).or_else(|| self.checks.get(self.written().get(name)?))
    }

    fn written(&self) -> &HashMap<String, String> {
        self.written.get_or_init(|| self.checks.keys().map(|name| (identifier(name), name.clone())).collect())
    }

    /// How to mend a name that no check has. `source` is the expression that it stands in.
    fn advise(&self, name: &str, source: &str) -> Option<String> {
        let left = self.advice.get().checked_sub(1)?;
        self.advice.set(left);
        // `my-test` is a subtraction here, and `my.test` a field.
        let respelt = self.checks.keys().find(|known| {
            let mut parts = known.splitn(2, ['-', '.']);
            parts.next() == Some(name) && parts.next().is_some() && source.contains(known.as_str())
        });
        if let Some(known) = respelt {
            return Some(format!("in expressions, '{known}' is written '{}'", identifier(known)));
        }
        let names: Vec<String> = self.checks.keys().map(|name| identifier(name)).chain([WORKTREE.to_owned()]).collect();
        let known = || names.iter().map(String::as_str);
        Some(match nearest(name, known()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("there are: {}", listed(known())),
        })
    }
}

/// What names one expression may use.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Every check there is.
    pub(super) names: &'a Names<'a>,
    /// The check whose own facts may be read, and whose outcome is not known yet.
    pub(super) own: Option<&'a str>,
    /// The expression.
    pub(super) source: &'a str,
}

impl<'a> Scope<'a> {
    /// The check that the expression calls by this name.
    pub(super) fn check(&self, name: &str) -> Option<&'a Check> {
        self.names.check(name)
    }

    /// What may be read of a check.
    pub(super) fn fields(&self, check: &Check) -> impl Iterator<Item = FactDef> + use<> {
        let own = self.own == Some(check.name.as_str());
        let common = COMMON_FIELDS.into_iter().filter(move |field| !own || !matches!(field.name, "outcome" | "passed"));
        let is_common = |fact: &FactDef| COMMON_FIELDS.iter().any(|common| common.name == fact.name);
        let facts = check.kind.facts().iter().copied().filter(move |fact| !is_common(fact));
        facts.chain(common)
    }

    /// The type of a field, or what is wrong with naming it.
    pub(super) fn field(&self, name: &str, field: &str) -> Result<FactType, (String, Option<String>)> {
        if name == WORKTREE {
            return find(WORKTREE_FIELDS.into_iter(), field, WORKTREE);
        }
        match self.check(name) {
            Some(check) if self.own == Some(check.name.as_str()) && matches!(field, "outcome" | "passed") => Err((
                format!("'{name}.{field}' is known only after this expression"),
                Some(format!(
                    "{name} has: {}",
                    self.fields(check).map(|field| field.name).collect::<Vec<_>>().join(", ")
                )),
            )),
            Some(check) => find(self.fields(check), field, name),
            None => Err((format!("no check is named '{name}'"), self.names.advise(name, self.source))),
        }
    }
}

fn find(fields: impl Iterator<Item = FactDef>, field: &str, of: &str) -> Result<FactType, (String, Option<String>)> {
    let fields: Vec<_> = fields.collect();
    if let Some(known) = fields.iter().find(|known| known.name == field) {
        return Ok(known.kind);
    }
    let names: Vec<_> = fields.iter().map(|known| known.name).collect();
    let remedy = match nearest(field, names.iter().copied()) {
        Some(near) => format!("did you mean '{of}.{near}'?"),
        None => format!("{of} has: {}", names.join(", ")),
    };
    Err((format!("'{of}' has no '{field}'"), Some(remedy)))
}
