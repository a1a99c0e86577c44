//! `when` and `fail-if`: CEL expressions over what is known of a worktree and what its checks found out.
//!
//! A bare fact (`status.dirty`, `!log.passed`) is read without the compiler, whose first use costs more
//! than a whole small run; everything else is compiled once, at planning, and typed before anything starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::{ExecutionError, Value};

use crate::checks::Check;
use crate::model::facts::FactType;
use crate::model::outcome::Outcome;
use crate::model::worktree::Worktree;
use crate::plan::budget::Budget;
use crate::plan::evaluate::{self, Found, found};
use crate::plan::expression::{ExpressionFault, Known, Read};
use crate::plan::metered::metered;
use crate::plan::patterns::{Pattern, Patterns};
use crate::plan::scope::{Names, Scope, WORKTREE};
use crate::plan::syntax::Parser;
use crate::plan::typing;

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
    /// Anything else, metered, with the facts that it reads and the patterns that it looks for.
    Program { expression: Box<IdedExpr>, reads: Vec<Read>, patterns: Arc<[Pattern]> },
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
    /// It takes more than an evaluation may, or than what a run's evaluations may take has left: what it would come to
    /// is not known.
    GivenUp(String),
}

/// Compiles the expressions of one plan: all of them together take a bounded time.
pub struct Reader<'a> {
    names: Names<'a>,
    parser: Parser,
    patterns: Patterns,
}

impl<'a> Reader<'a> {
    /// For expressions that may name these checks.
    pub fn new(checks: &'a BTreeMap<String, Check>) -> Self {
        Self { names: Names::new(checks), parser: Parser::default(), patterns: Patterns::default() }
    }

    /// Compiles and types an expression. `own` is the check whose own facts it may read, and whose outcome is not
    /// known yet.
    pub fn compile(&mut self, text: &str, own: Option<&str>) -> Result<Condition, ExpressionFault> {
        let scope = Scope { names: &self.names, own, source: text };
        if let Some(condition) = Condition::bare(text, &scope)? {
            return Ok(condition);
        }
        let program = self.parser.parse(text)?;
        let typed = typing::check(&program, &scope, &mut self.patterns)?;
        let mut names: Vec<String> = Vec::new();
        for name in typed.reads.iter().filter_map(|read| read.check.clone()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let expression = Box::new(metered(program.expression(), &typed.patterns));
        let form = Form::Program { expression, reads: typed.reads, patterns: typed.patterns.into() };
        Ok(Condition { text: text.trim().to_owned(), form, names })
    }
}

impl Condition {
    /// An expression that is a bare fact.
    fn bare(text: &str, scope: &Scope<'_>) -> Result<Option<Self>, ExpressionFault> {
        let Some((negated, name, field)) = bare_fact(text) else { return Ok(None) };
        let start = text.split(name).next().unwrap_or_default().chars().count();
        let span = (start, start + name.len() + 1 + field.len());
        let fault = |(problem, remedy)| ExpressionFault { problem, span, remedy };
        if scope.field(name, field).map_err(fault)? != FactType::Bool {
            return Ok(None);
        }
        let check = scope.check(name).filter(|_| name != WORKTREE).map(|check| check.name.clone());
        let read = Read { name: name.to_owned(), check, field: field.to_owned(), asked: false, span };
        let names = read.check.iter().cloned().collect();
        Ok(Some(Self { text: text.trim().to_owned(), names, form: Form::Fact { read, negated } }))
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

    /// The expression in a sentence.
    fn quoted(&self) -> String {
        format!("'{}'", shortened(&self.text))
    }

    /// Evaluates it on one worktree, out of what the run's evaluations may take. `known` gives what each check that it
    /// names has come to.
    pub fn evaluate<'a>(
        &'a self,
        worktree: &'a Worktree,
        budget: &Budget,
        known: impl Fn(&str) -> Option<Known<'a>>,
    ) -> Truth {
        let (expression, reads, patterns) = match &self.form {
            Form::Fact { read, negated } => {
                return match found(read, worktree, &known) {
                    Some(Found::Bool(flag)) => Truth::Is(flag != *negated),
                    _ => Truth::Unknown(unknown(read, &known)),
                };
            }
            Form::Program { expression, reads, patterns } => (expression, reads, patterns),
        };
        let evaluated = budget.spend(|meter| {
            evaluate::evaluate(expression, evaluate::variables(reads, worktree, &known), patterns, meter)
        });
        let error = match evaluated {
            Ok(Ok(Value::Bool(flag))) => return Truth::Is(flag),
            Ok(Ok(other)) => {
                let other = shortened(&format!("{other:?}"));
                return Truth::Wrong(format!("{} gave {other}, not true or false", self.quoted()));
            }
            Ok(Err(error)) => error,
            Err(over) => return Truth::GivenUp(format!("{} was given up: {over}", self.quoted())),
        };
        if let ExecutionError::NoSuchKey(key) = &error
            && let Some(missing) =
                reads.iter().find(|read| !read.asked && read.field == **key && found(read, worktree, &known).is_none())
        {
            return Truth::Unknown(unknown(missing, &known));
        }
        Truth::Wrong(format!("{} cannot be evaluated: {}", self.quoted(), shortened(&error.to_string())))
    }
}

/// A text on one line, and no longer than a sentence bears.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut words = text.split_whitespace();
    let mut shown = words.next().unwrap_or_default().to_owned();
    for word in words {
        if shown.len() > LONGEST * 4 {
            break;
        }
        shown.push(' ');
        shown.push_str(word);
    }
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expression::pointed;

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
        let mut reader = Reader::new(&settings.checks);
        for own in [None, Some("status")] {
            match reader.compile(text, own) {
                Ok(condition) => {
                    condition.evaluate(&Worktree::default(), &Budget::default(), |_| None);
                }
                Err(fault) => {
                    let pointed = pointed(text, fault.span);
                    assert!(pointed[1].ends_with('^'), "{text:?}: {pointed:?}");
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
        let mut reader = Reader::new(&settings.checks);
        for (text, bare) in
            [("status.dirty", true), (" !status.dirty\n", true), ("!!status.dirty", false), ("true", false)]
        {
            let condition = reader.compile(text, None).expect(text);
            assert_eq!(matches!(condition.form, Form::Fact { .. }), bare, "{text}");
        }
        assert_eq!(settings.checks["status"].kind, crate::checks::STATUS);
    }

    fn evaluated(text: &str, worktree: &Worktree, budget: &Budget) -> Truth {
        let settings = settings();
        Reader::new(&settings.checks).compile(text, None).expect(text).evaluate(worktree, budget, |_| None)
    }

    #[test]
    fn long_facts_cost_what_they_are_long() {
        let worktree = Worktree { name: "a".repeat(1 << 20), ..Worktree::default() };
        let evaluated = |text| evaluated(text, &worktree, &Budget::default());
        assert_eq!(evaluated("worktree.name.contains('b')"), Truth::Is(false));
        assert_eq!(evaluated("size(worktree.name) > 1"), Truth::Is(true));
        for costly in [
            "worktree.name.matches('b')",
            "size(worktree.name + worktree.name + worktree.name + worktree.name) == 0",
            "[1,2,3,4,5,6,7,8,9].all(x, !worktree.name.contains('b'))",
            "[1,2,3,4,5,6,7,8,9].map(x, worktree.name) == []",
        ] {
            let given_up = format!("'{costly}' was given up: it takes more than 100000 steps");
            assert_eq!(evaluated(costly), Truth::GivenUp(given_up));
        }
    }

    #[test]
    fn when_the_time_of_a_run_is_used_up_only_bare_facts_are_still_read() {
        let budget = Budget::used_up();
        let given_up = "'1 == 1' was given up: the expressions of this run have taken more than 1 second";
        assert_eq!(evaluated("1 == 1", &Worktree::default(), &budget), Truth::GivenUp(given_up.to_owned()));
        assert_eq!(evaluated("!worktree.locked", &Worktree::default(), &budget), Truth::Is(true));
    }

    #[test]
    fn reasons_are_short_whatever_the_expression_and_its_value_are() {
        let list = format!("[{}]", vec!["1"; 200].join(",\n "));
        let Truth::Wrong(reason) = evaluated(&format!("{list}[0]"), &Worktree::default(), &Budget::default()) else {
            panic!("a number is not true or false");
        };
        assert!(reason.len() < 200 && !reason.contains('\n'), "{reason}");
        let Truth::Wrong(reason) = evaluated(&format!("[{list}][0]"), &Worktree::default(), &Budget::default()) else {
            panic!("a list is not true or false");
        };
        assert!(reason.len() < 300 && reason.ends_with(", not true or false"), "{reason}");
    }
}
