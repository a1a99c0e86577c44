//! The evaluation of compiled expressions: the facts that they read as values, and the functions that meter them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString, CelUInt};
use cel::common::value::{CowVal, Val};
use cel::{Context, DeclarationError, Env, ExecutionError, FunctionContext, Value};

use crate::model::facts::Fact;
use crate::model::worktree::Worktree;
use crate::plan::budget::Meter;
use crate::plan::expression::{Known, Read};
use crate::plan::metered::{LOOPED, MATCHES, WEIGHED};
use crate::plan::patterns::Pattern;
use crate::plan::scope::WORKTREE;

/// What CEL brings along. It takes a while to make, and is the same for all expressions.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    Texts(&'a [String]),
}

impl<'a> Found<'a> {
    fn into_value(self) -> Box<dyn Val + 'a> {
        match self {
            Self::Bool(flag) => Box::new(CelBool::from(flag)),
            Self::Int(number) => Box::new(CelInt::from(number)),
            Self::Text(text) => Box::new(CelString::from(text)),
            Self::Texts(texts) => {
                let text = |text: &'a String| Box::new(CelString::from(text.as_str())) as Box<dyn Val + 'a>;
                Box::new(CelList::from(texts.iter().map(text).collect::<Vec<_>>()))
            }
        }
    }
}

/// The value of what an expression reads, where it is known.
pub(super) fn found<'a>(
    read: &Read,
    worktree: &'a Worktree,
    known: &impl Fn(&str) -> Option<Known<'a>>,
) -> Option<Found<'a>> {
    let Some(check) = &read.check else { return Some(of_worktree(worktree, &read.field)) };
    let known = known(check)?;
    match known.facts.get(&read.field) {
        Some(Fact::Bool(flag)) => Some(Found::Bool(*flag)),
        Some(Fact::Int(number)) => Some(Found::Int(*number)),
        Some(Fact::Text(text)) => Some(Found::Text(text.into())),
        Some(Fact::Texts(texts)) => Some(Found::Texts(texts)),
        Some(Fact::Unknown) => None,
        None => common(&known, &read.field),
    }
}

fn common(known: &Known<'_>, field: &str) -> Option<Found<'static>> {
    match field {
        "outcome" => known.outcome.map(|outcome| Found::Text(outcome.name().into())),
        "passed" => known.outcome.map(|outcome| Found::Bool(outcome == crate::model::outcome::Outcome::Passed)),
        "exit_code" => known.exit_code.map(|code| Found::Int(code.into())),
        "duration_ms" => Some(Found::Int(i64::try_from(known.duration.as_millis()).unwrap_or(i64::MAX))),
        _ => None,
    }
}

fn of_worktree<'a>(worktree: &'a Worktree, field: &str) -> Found<'a> {
    match field {
        "path" => Found::Text(worktree.path.to_string_lossy()),
        "name" => Found::Text(worktree.name.as_str().into()),
        // A detached HEAD is on no branch: an empty name, so that `worktree.branch != "main"` means what it says.
        "branch" => Found::Text(worktree.branch.as_deref().unwrap_or_default().into()),
        "main" => Found::Bool(worktree.main),
        "detached" => Found::Bool(worktree.detached),
        "locked" => Found::Bool(worktree.locked),
        _ => Found::Bool(worktree.bare),
    }
}

/// What an expression reads, by the names that it has there.
pub(super) type Variables<'a> = HashMap<String, HashMap<CelMapKey<'a>, Box<dyn Val + 'a>>>;

/// What of `reads` is known.
pub(super) fn variables<'a>(
    reads: &'a [Read],
    worktree: &'a Worktree,
    known: &impl Fn(&str) -> Option<Known<'a>>,
) -> Variables<'a> {
    let mut variables = Variables::from([(WORKTREE.to_owned(), HashMap::new())]);
    for read in reads {
        let fields = variables.entry(read.name.clone()).or_default();
        if let Some(found) = found(read, worktree, known) {
            fields.insert(CelMapKey::from(read.field.as_str()), found.into_value());
        }
    }
    variables
}

/// Evaluates a metered expression.
pub(super) fn evaluate(
    expression: &IdedExpr,
    variables: Variables<'_>,
    patterns: &Arc<[Pattern]>,
    meter: &Arc<Meter>,
) -> Result<Value, ExecutionError> {
    let mut context = Context::with_env(Arc::clone(&STANDARD));
    for (name, fields) in variables {
        context.add_variable_as_val(name, Box::new(CelMap::from(fields)));
    }
    declare(&mut context, patterns, meter).map_err(|error| ExecutionError::function_error("context", error))?;
    Value::resolve(expression, &context)
}

type Function = Box<
    dyn for<'a, 'v> Fn(&mut FunctionContext<'a, 'v>) -> Result<CowVal<'a, 'v>, ExecutionError> + Send + Sync + 'static,
>;

fn declare(
    context: &mut Context<'_, '_>,
    patterns: &Arc<[Pattern]>,
    meter: &Arc<Meter>,
) -> Result<(), DeclarationError> {
    let weighing = Arc::clone(meter);
    let weighed: Function = Box::new(move |call| {
        let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
        weighing.weigh(value.as_ref())?;
        Ok(value)
    });
    context.add_function::<Function, Function>(WEIGHED, weighed)?;
    let looping = Arc::clone(meter);
    let looped: Function = Box::new(move |call| {
        let (Some(turn), Some(value)) = (call.args.pop(), call.args.pop()) else {
            return Err(ExecutionError::missing_argument_or_target());
        };
        let turns = if let Some(list) = value.downcast_ref::<CelList<'_>>() {
            list.inner().len()
        } else {
            value.downcast_ref::<CelMap<'_>>().map_or(0, |map| map.inner().len())
        };
        looping.charge(number(&turn).saturating_mul(u64::try_from(turns).unwrap_or(u64::MAX)))?;
        Ok(value)
    });
    context.add_function::<Function, Function>(LOOPED, looped)?;
    if patterns.is_empty() {
        return Ok(());
    }
    let (patterns, meter) = (Arc::clone(patterns), Arc::clone(meter));
    let matches: Function = Box::new(move |call| {
        let [text, which] = call.args.as_slice() else { return Err(ExecutionError::missing_argument_or_target()) };
        let Some(text) = text.downcast_ref::<CelString<'_>>() else {
            let types = vec![text.get_type().name().to_owned(), "string".to_owned()];
            return Err(ExecutionError::no_such_member_overload("matches", types));
        };
        let pattern = usize::try_from(number(which)).ok().and_then(|number| patterns.get(number));
        let pattern = pattern.ok_or_else(|| ExecutionError::function_error("matches", "no such pattern"))?;
        meter.charge(pattern.steps(text.inner()).saturating_add(1))?;
        Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner()))))
    });
    context.add_function::<Function, Function>(MATCHES, matches)
}

/// A number that was written in when metering.
fn number(value: &CowVal<'_, '_>) -> u64 {
    value.downcast_ref::<CelUInt>().map_or(u64::MAX, |number| *number.inner())
}
