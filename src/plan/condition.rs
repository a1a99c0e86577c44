//! `when` and `fail-if`: CEL expressions over what is known of a worktree and what its checks found out.
//!
//! A bare fact (`status.dirty`, `!log.passed`) is read without the compiler, whose first use costs more
//! than a whole small run; everything else is compiled once, at planning, and typed before anything starts.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use cel::objects::{Key, Map, Value};
use cel::{Context, ExecutionError, Program};
use unicode_width::UnicodeWidthStr;

use crate::model::check::{Check, FactType};
use crate::model::facts::{Fact, Facts};
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::{syntax, typing};
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

/// What names an expression may use.
pub struct Scope<'a> {
    /// Every check there is.
    pub checks: &'a BTreeMap<String, Check>,
    /// The check whose own facts may be read, and whose outcome is not known yet.
    pub own: Option<&'a str>,
}

impl Scope<'_> {
    /// The check that an expression calls by this name (`-` is written `_`).
    pub(super) fn check(&self, name: &str) -> Option<&Check> {
        self.checks.get(name).or_else(|| self.checks.values().find(|check| check.name.replace('-', "_") == name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.checks.keys().map(|name| name.replace('-', "_")).chain([WORKTREE.to_owned()])
    }

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
            None => {
                let names: Vec<String> = self.names().collect();
                let near =
                    nearest(name, names.iter().map(String::as_str)).map(|near| format!("did you mean '{near}'?"));
                Err((
                    format!("no check is named '{name}'"),
                    near.or_else(|| Some(format!("there are: {}", names.join(", ")))),
                ))
            }
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

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFault {
    /// What is wrong.
    pub problem: String,
    /// The characters at fault: the first and the one after the last.
    pub span: (usize, usize),
    /// How to mend it.
    pub remedy: Option<String>,
}

/// An expression with a mark below the place, in two lines: of a longer one, the line and what surrounds the place.
pub(super) fn pointed(text: &str, span: (usize, usize)) -> String {
    const SHOWN: usize = 90;
    let letters: Vec<char> = text.chars().collect();
    let start = span.0.min(letters.len());
    let before = letters[..start].iter().rposition(|c| *c == '\n').map_or(0, |at| at + 1);
    let after = letters[start..].iter().position(|c| *c == '\n').map_or(letters.len(), |at| start + at);
    // Of a long line, only what surrounds the place.
    let first = if after - before > SHOWN { start.saturating_sub(SHOWN / 3).max(before) } else { before };
    let last = after.min(first + SHOWN);
    let stop = span.1.clamp(start, last);
    let shown = |letters: &[char]| letters.iter().map(|c| if c.is_whitespace() { ' ' } else { *c }).collect::<String>();
    let (lead, tail) = (if first > before { "..." } else { "" }, if last < after { "..." } else { "" });
    let gap = lead.len() + shown(&letters[first..start]).width();
    let width = shown(&letters[start..stop]).width().max(1);
    format!("    {lead}{}{tail}\n    {}{}", shown(&letters[first..last]), " ".repeat(gap), "^".repeat(width))
}
/// A compiled expression.
#[derive(Debug)]
pub struct Condition {
    text: String,
    form: Form,
    /// The checks that it names.
    names: Vec<String>,
}

#[derive(Debug)]
enum Form {
    /// `name.field`, or its negation.
    Fact { read: Read, negated: bool },
    /// Anything else, with the facts that it reads.
    Program { program: Box<Program>, reads: Vec<Read> },
}

/// A fact that an expression reads: its name in the expression, the check's own, and the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) name: String,
    pub(super) check: Option<String>,
    pub(super) field: String,
    /// Whether it only asks for it, with `has()`.
    pub(super) asked: bool,
    /// Where, in characters.
    pub(super) span: (usize, usize),
}

/// What is known of a check that has ended on a worktree (or, for its own `fail-if`, has answered).
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it found out.
    pub facts: &'a Facts,
    /// The exit status of its last attempt.
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration: Duration,
}

/// What became of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// True or false.
    Is(bool),
    /// It reads a fact that was never found.
    Unknown(String),
    /// It cannot be evaluated.
    Wrong(String),
}

impl Condition {
    /// Compiles and types an expression.
    pub fn compile(text: &str, scope: &Scope<'_>) -> Result<Self, ExpressionFault> {
        if let Some((negated, name, field)) = bare_fact(text) {
            let start = text.split(name).next().unwrap_or_default().chars().count();
            let span = (start, start + name.len() + 1 + field.len());
            let fault = |(problem, remedy)| ExpressionFault { problem, span, remedy };
            if scope.field(name, field).map_err(fault)? == FactType::Bool {
                let check = scope.check(name).filter(|_| name != WORKTREE).map(|check| check.name.clone());
                let read = Read { name: name.to_owned(), check, field: field.to_owned(), asked: false, span };
                return Ok(Self {
                    text: text.trim().to_owned(),
                    names: read.check.iter().cloned().collect(),
                    form: Form::Fact { read, negated },
                });
            }
        }
        let program = syntax::parse(text)?;
        let reads = typing::check(&program, scope)?;
        let mut names: Vec<String> = Vec::new();
        for name in reads.iter().filter_map(|read| read.check.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(Self { text: text.trim().to_owned(), form: Form::Program { program: Box::new(program), reads }, names })
    }

    /// Where it first names a check, in characters.
    pub fn place_of(&self, check: &str) -> Option<(usize, usize)> {
        let reads = match &self.form {
            Form::Fact { read, .. } => std::slice::from_ref(read),
            Form::Program { reads, .. } => reads,
        };
        reads.iter().find(|read| read.check.as_deref() == Some(check)).map(|read| read.span)
    }

    /// The checks that it names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The expression as written, less the space around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates it on one worktree. `known` gives what each check that it names has come to.
    pub fn evaluate<'a>(&self, worktree: &Worktree, known: impl Fn(&str) -> Option<Known<'a>>) -> Truth {
        match &self.form {
            Form::Fact { read, negated } => match value(read, worktree, &known) {
                Some(Value::Bool(flag)) => Truth::Is(flag != *negated),
                _ => Truth::Unknown(unknown(read, &known)),
            },
            Form::Program { program, reads } => {
                let mut context = Context::default();
                for (name, fields) in self.variables(worktree, &known) {
                    context.add_variable_from_value(name, Value::Map(Map { map: std::sync::Arc::new(fields) }));
                }
                match program.execute(&context) {
                    Ok(Value::Bool(flag)) => Truth::Is(flag),
                    Ok(other) => Truth::Wrong(format!("'{}' gave {other:?}, not true or false", self.text)),
                    Err(error) => {
                        let missing = |key: &str| {
                            let mut missing =
                                reads.iter().filter(|read| !read.asked && value(read, worktree, &known).is_none());
                            missing.find(|read| read.field == key)
                        };
                        match error {
                            ExecutionError::NoSuchKey(key) if missing(&key).is_some() => {
                                Truth::Unknown(missing(&key).map(|read| unknown(read, &known)).unwrap_or_default())
                            }
                            error => Truth::Wrong(format!("'{}' cannot be evaluated: {error}", self.text)),
                        }
                    }
                }
            }
        }
    }

    fn variables<'a>(
        &self,
        worktree: &Worktree,
        known: &impl Fn(&str) -> Option<Known<'a>>,
    ) -> Vec<(String, HashMap<Key, Value>)> {
        let key = |field: &str| Key::from(field.to_owned());
        let own: HashMap<_, _> =
            WORKTREE_FIELDS.iter().map(|(field, _)| (key(field), worktree_field(worktree, field))).collect();
        let mut variables = vec![(WORKTREE.to_owned(), own)];
        for name in &self.names {
            let mut fields = HashMap::new();
            if let Some(known) = known(name) {
                for (field, fact) in known.facts.iter() {
                    if let Some(value) = of_fact(fact) {
                        fields.insert(key(field), value);
                    }
                }
                for (field, _) in COMMON_FIELDS {
                    if let Some(value) = common_field(&known, field) {
                        fields.insert(key(field), value);
                    }
                }
            }
            variables.push((name.replace('-', "_"), fields));
        }
        variables
    }
}

/// `name.field` or `!name.field`, and nothing else.
fn bare_fact(text: &str) -> Option<(bool, &str, &str)> {
    let text = text.trim();
    let (negated, path) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let (name, field) = path.split_once('.')?;
    let identifier = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
    };
    (identifier(name) && identifier(field)).then_some((negated, name, field))
}

fn value<'a>(read: &Read, worktree: &Worktree, known: &impl Fn(&str) -> Option<Known<'a>>) -> Option<Value> {
    let Some(check) = &read.check else { return Some(worktree_field(worktree, &read.field)) };
    let known = known(check)?;
    match known.facts.get(&read.field) {
        Some(fact) => of_fact(fact),
        None => common_field(&known, &read.field),
    }
}

/// Why a fact is not there.
fn unknown<'a>(read: &Read, known: &impl Fn(&str) -> Option<Known<'a>>) -> String {
    let fact = format!("{}.{}", read.name, read.field);
    let check = read.check.as_deref().unwrap_or_default();
    match known(check).and_then(|known| known.outcome) {
        Some(Outcome::Passed) | None => format!("{fact} is not known"),
        Some(outcome) => format!("{fact} is not known: {check} {}", was(outcome)),
    }
}

/// An outcome in a sentence: "test failed", "test was skipped".
pub fn was(outcome: Outcome) -> String {
    match outcome {
        Outcome::Skipped | Outcome::Cancelled => format!("was {}", outcome.words()),
        Outcome::Errored => "could not be carried out".to_owned(),
        other => other.words().to_owned(),
    }
}

fn of_fact(fact: &Fact) -> Option<Value> {
    match fact {
        Fact::Bool(flag) => Some(Value::Bool(*flag)),
        Fact::Int(number) => Some(Value::Int(*number)),
        Fact::Text(text) => Some(Value::from(text.clone())),
        Fact::Unknown => None,
    }
}

fn common_field(known: &Known<'_>, field: &str) -> Option<Value> {
    match field {
        "outcome" => known.outcome.map(|outcome| Value::from(outcome.name().to_owned())),
        "passed" => known.outcome.map(|outcome| Value::Bool(outcome == Outcome::Passed)),
        "exit_code" => known.exit_code.map(|code| Value::Int(code.into())),
        "duration_ms" => Some(Value::Int(i64::try_from(known.duration.as_millis()).unwrap_or(i64::MAX))),
        _ => None,
    }
}

fn worktree_field(worktree: &Worktree, field: &str) -> Value {
    match field {
        "path" => Value::from(worktree.path.to_string_lossy().into_owned()),
        "name" => Value::from(worktree.name.clone()),
        // A detached HEAD is on no branch: an empty name, so that `worktree.branch != "main"` means what it says.
        "branch" => Value::from(worktree.branch.clone().unwrap_or_default()),
        "main" => Value::Bool(worktree.main),
        "detached" => Value::Bool(worktree.detached),
        "locked" => Value::Bool(worktree.locked),
        _ => Value::Bool(worktree.bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::check::CheckKind;
    use crate::settings::Settings;
    use proptest::prelude::*;

    fn settings() -> Settings {
        Settings::resolve(crate::settings::Merged::default()).expect("the built-in checks")
    }

    /// Parts of expressions, whole and broken.
    const PARTS: [&str; 72] = [
        "status.dirty",
        "status.staged",
        "status",
        "log.subject",
        "worktree.name",
        "worktree",
        "diff.passed",
        "nothing",
        "has(",
        "all(",
        "exists(",
        "exists_one(",
        "map(",
        "filter(",
        "size(",
        "string(",
        "int(",
        ".matches(",
        ".startsWith(",
        ".contains(",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ";",
        "?",
        "?.",
        "[?",
        ".",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "&&",
        "||",
        "&",
        "|",
        "==",
        "!=",
        "=",
        "<",
        ">=",
        " in ",
        " and ",
        "\"a\"",
        "'",
        "\"",
        "r\"\\",
        "b'\\x'",
        "'''",
        "\\u",
        "\"(\"",
        "1",
        "1u",
        "0x",
        "1.5",
        "1.",
        "1e999",
        "9223372036854775808",
        "x",
        "true",
        "null",
        "package",
        "\u{e9}\u{4e16}",
        "\0",
        "\n",
    ];

    fn survives(text: &str) {
        let settings = settings();
        for own in [None, Some("status")] {
            let scope = Scope { checks: &settings.checks, own };
            match Condition::compile(text, &scope) {
                Ok(condition) => {
                    condition.evaluate(&Worktree::default(), |_| None);
                }
                Err(fault) => {
                    let pointed = pointed(text, fault.span);
                    assert_eq!(pointed.lines().count(), 2, "{text:?}: {pointed}");
                    assert!(pointed.ends_with('^'), "{text:?}: {pointed}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}|[ -~\n\t]{0,60}|.{0,40}") {
            survives(&text);
        }

        #[test]
        fn no_parts_of_expressions_make_it_panic(parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 1..14)) {
            survives(&parts.concat());
        }

        #[test]
        fn no_depth_makes_it_panic(part in prop::sample::select(&PARTS[..]), times in 1_usize..3000) {
            survives(&part.repeat(times));
        }
    }

    #[test]
    fn a_bare_fact_is_read_without_the_compiler() {
        let settings = settings();
        let scope = Scope { checks: &settings.checks, own: None };
        for (text, bare) in
            [("status.dirty", true), (" !status.dirty\n", true), ("!!status.dirty", false), ("true", false)]
        {
            let condition = Condition::compile(text, &scope).expect(text);
            assert_eq!(matches!(condition.form, Form::Fact { .. }), bare, "{text}");
        }
        assert_eq!(settings.checks["status"].kind, CheckKind::Status);
    }

    #[test]
    fn marks_stand_below_their_place() {
        assert_eq!(pointed("a && b", (5, 6)), "    a && b\n         ^");
        assert_eq!(pointed("a", (7, 9)), "    a\n     ^");
        assert_eq!(pointed("", (0, 0)), "    \n    ^");
        assert_eq!(pointed("x\n\t\u{4e16} y", (5, 6)), "     \u{4e16} y\n        ^");
        let long = "z".repeat(300);
        let shown = pointed(&long, (150, 160));
        assert_eq!(shown.lines().map(str::len).max(), Some(4 + 3 + 90 + 3));
        assert!(shown.ends_with(&format!("\n{}^^^^^^^^^^", " ".repeat(4 + 3 + 30))), "{shown}");
    }
}
