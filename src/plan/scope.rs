//! The names that expressions may use: the checks, the worktree, and what each of them has.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};

use crate::model::check::{Check, FactType};
use crate::settings::nearest;

/// The name of the worktree itself in expressions.
pub(super) const WORKTREE: &str = "worktree";
/// Its fields.
pub const WORKTREE_FIELDS: [(&str, FactType); 7] = [
    ("path", FactType::Text),
    ("name", FactType::Text),
    ("branch", FactType::Text),
    ("main", FactType::Bool),
    ("detached", FactType::Bool),
    ("locked", FactType::Bool),
    ("bare", FactType::Bool),
];

/// What every check has, whatever its kind.
pub const COMMON_FIELDS: [(&str, FactType); 4] = [
    ("outcome", FactType::Text),
    ("passed", FactType::Bool),
    ("exit_code", FactType::Int),
    ("duration_ms", FactType::Int),
];

/// The nearest among many names takes its time to find: advice is for who has misspelt a few.
const MOST_ADVICE: usize = 20;
/// As many names are listed as can be read.
const MOST_LISTED: usize = 20;

/// Every check there is, by the names that expressions call it by.
pub(super) struct Names<'a> {
    checks: &'a BTreeMap<String, Check>,
    /// What each is called where `-` is written `_`, made when first one is called so.
    written: OnceCell<HashMap<String, String>>,
    /// How often advice may still be given.
    advice: Cell<usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(checks: &'a BTreeMap<String, Check>) -> Self {
        Self { checks, written: OnceCell::new(), advice: Cell::new(MOST_ADVICE) }
    }

    /// The check that an expression calls by this name (`-` is written `_`).
    pub(super) fn check(&self, name: &str) -> Option<&'a Check> {
        self.checks.get(name).or_else(|| self.checks.get(self.written().get(name)?))
    }

    fn written(&self) -> &HashMap<String, String> {
        self.written.get_or_init(|| {
            let mut written = HashMap::with_capacity(self.checks.len());
            for name in self.checks.keys() {
                written.entry(name.replace('-', "_")).or_insert_with(|| name.clone());
            }
            written
        })
    }

    /// How to mend a name that no check has. `source` is the expression that it stands in.
    fn advise(&self, name: &str, source: &str) -> Option<String> {
        let left = self.advice.get().checked_sub(1)?;
        self.advice.set(left);
        // `my-test` is a subtraction here.
        let hyphened = self.checks.keys().find(|known| {
            known.contains('-') && known.split('-').next() == Some(name) && source.contains(known.as_str())
        });
        if let Some(known) = hyphened {
            return Some(format!("in expressions, '{known}' is written '{}'", known.replace('-', "_")));
        }
        let names: Vec<String> =
            self.checks.keys().map(|name| name.replace('-', "_")).chain([WORKTREE.to_owned()]).collect();
        Some(match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None if names.len() > MOST_LISTED => format!("there are: {}, ...", names[..MOST_LISTED].join(", ")),
            None => format!("there are: {}", names.join(", ")),
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
    pub(super) fn fields(&self, check: &Check) -> impl Iterator<Item = (&'static str, FactType)> + use<> {
        let own = self.own == Some(check.name.as_str());
        let common = COMMON_FIELDS.into_iter().filter(move |(name, _)| !own || !matches!(*name, "outcome" | "passed"));
        let facts = check
            .kind
            .facts()
            .iter()
            .copied()
            .filter(|(name, _)| COMMON_FIELDS.iter().all(|(common, _)| common != name));
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
                    self.fields(check).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
                )),
            )),
            Some(check) => find(self.fields(check), field, name),
            None => Err((format!("no check is named '{name}'"), self.names.advise(name, self.source))),
        }
    }
}

fn find(
    fields: impl Iterator<Item = (&'static str, FactType)>,
    field: &str,
    of: &str,
) -> Result<FactType, (String, Option<String>)> {
    let fields: Vec<_> = fields.collect();
    if let Some((_, kind)) = fields.iter().find(|(name, _)| *name == field) {
        return Ok(*kind);
    }
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let remedy = match nearest(field, names.iter().copied()) {
        Some(near) => format!("did you mean '{of}.{near}'?"),
        None => format!("{of} has: {}", names.join(", ")),
    };
    Err((format!("'{of}' has no '{field}'"), Some(remedy)))
}
