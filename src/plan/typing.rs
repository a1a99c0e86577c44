//! The types of expressions: what is wrong with one is said before anything starts, and at its place.
//!
//! `cel` itself finds a wrong type only when it evaluates, and only on the branch that it takes.

use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators as op};

use crate::model::facts::FactType;
use crate::plan::expression::{ExpressionFault, Read};
use crate::plan::patterns::{Pattern, PatternFault, Patterns};
use crate::plan::scope::{Scope, WORKTREE, WORKTREE_FIELDS};
use crate::plan::syntax::{MACROS, characters};
use crate::settings::nearest;

/// The type of a part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    UInt,
    Double,
    Text,
    Bytes,
    Null,
    List,
    Map,
    /// Known only when it is evaluated.
    Any,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Int => "a whole number",
            Self::UInt => "an unsigned number",
            Self::Double => "a number",
            Self::Text => "a text",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Any => "anything",
        }
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::UInt | Self::Double)
    }

    /// Whether values of the two can be compared with each other.
    fn compares(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other || (self.is_number() && other.is_number())
    }
}

impl From<FactType> for Type {
    fn from(fact: FactType) -> Self {
        match fact {
            FactType::Bool => Self::Bool,
            FactType::Int | FactType::Count => Self::Int,
            FactType::Text | FactType::Id => Self::Text,
            FactType::Texts => Self::List,
        }
    }
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Called {
    /// `f(x)`.
    Before,
    /// `x.f()`.
    After,
    /// Either way.
    Both,
}

/// A function of CEL's standard environment, as far as `cel` has it here.
struct Function {
    name: &'static str,
    called: Called,
    /// What it takes, the value before the dot first.
    takes: &'static [&'static [Type]],
    gives: Type,
}

const SIMPLE: &[Type] = &[Type::Bool, Type::Int, Type::UInt, Type::Double, Type::Text, Type::Bytes];
const NUMBERS: &[Type] = &[Type::Int, Type::UInt, Type::Double, Type::Text];
const TEXTS: &[&[Type]] = &[&[Type::Text], &[Type::Text]];

const FUNCTIONS: [Function; 10] = [
    Function {
        name: "size",
        called: Called::Both,
        takes: &[&[Type::Text, Type::Bytes, Type::List, Type::Map]],
        gives: Type::Int,
    },
    Function { name: "contains", called: Called::After, takes: TEXTS, gives: Type::Bool },
    Function { name: "startsWith", called: Called::After, takes: TEXTS, gives: Type::Bool },
    Function { name: "endsWith", called: Called::After, takes: TEXTS, gives: Type::Bool },
    Function { name: "matches", called: Called::Both, takes: TEXTS, gives: Type::Bool },
    Function { name: "string", called: Called::Before, takes: &[SIMPLE], gives: Type::Text },
    Function { name: "int", called: Called::Before, takes: &[NUMBERS], gives: Type::Int },
    Function { name: "uint", called: Called::Before, takes: &[NUMBERS], gives: Type::UInt },
    Function { name: "double", called: Called::Before, takes: &[NUMBERS], gives: Type::Double },
    Function { name: "bool", called: Called::Before, takes: &[&[Type::Bool, Type::Text]], gives: Type::Bool },
];

/// Loops in loops: what a repository's file says must not keep a run busy for ever.
const DEEPEST_LOOP: usize = 2;

/// What typing an expression has found.
pub(super) struct Typed {
    /// The facts that it reads.
    pub(super) reads: Vec<Read>,
    /// The patterns that it looks for.
    pub(super) patterns: Vec<Pattern>,
}

/// Types a program, and compiles its patterns.
pub(super) fn check(program: &Program, scope: &Scope<'_>, compiler: &mut Patterns) -> Result<Typed, ExpressionFault> {
    let mut walk =
        Walk { program, scope, bound: Vec::new(), loops: 0, reads: Vec::new(), compiler, patterns: Vec::new() };
    let root = program.expression();
    let found = walk.type_of(root)?;
    if !matches!(found, Type::Bool | Type::Any) {
        return Err(walk.fault(root, format!("must be true or false, but is {}", found.name())));
    }
    Ok(Typed { reads: walk.reads, patterns: walk.patterns })
}

struct Walk<'a> {
    program: &'a Program,
    scope: &'a Scope<'a>,
    compiler: &'a mut Patterns,
    patterns: Vec<Pattern>,
    /// Names that a macro (`all`, `exists`, `map`, `filter`) has bound.
    bound: Vec<String>,
    /// Loops around the part that is being typed.
    loops: usize,
    reads: Vec<Read>,
}

impl Walk<'_> {
    fn fault(&self, at: &IdedExpr, problem: impl Into<String>) -> ExpressionFault {
        ExpressionFault { problem: problem.into(), span: self.span(at), remedy: None }
    }

    /// From the first character of a part to the one after its last.
    fn span(&self, at: &IdedExpr) -> (usize, usize) {
        let mut span: Option<(usize, usize)> = None;
        self.widen(at, &mut span);
        let source = self.source();
        // cel counts bytes.
        span.map_or((0, 1), |(start, stop)| (characters(source, start), characters(source, stop)))
    }

    fn source(&self) -> &str {
        &self.program.source_info().source
    }

    fn widen(&self, at: &IdedExpr, span: &mut Option<(usize, usize)>) {
        match &at.expr {
            Expr::Select(select) => self.widen(&select.operand, span),
            Expr::Call(call) => {
                call.target.iter().map(AsRef::as_ref).chain(&call.args).for_each(|part| self.widen(part, span));
            }
            Expr::Comprehension(comprehension) => self.widen(&comprehension.iter_range, span),
            _ => {}
        }
        let Some((start, stop)) = self.program.source_info().offset_for(at.id) else { return };
        // What a macro was made into has the place of its bracket.
        if matches!(&at.expr, Expr::Select(select) if select.test) && span.is_some() {
            if let (Expr::Select(select), Some((_, stop))) = (&at.expr, span.as_mut()) {
                *stop += 1 + select.field.len();
            }
            return;
        }
        let (mut start, mut stop) = (start as usize, (stop as usize).saturating_add(1));
        let source = self.source();
        let before =
            |name: &str| source.get(..start).is_some_and(|before| before.ends_with(name)).then_some(name.len());
        match &at.expr {
            // Of a field, the place is its dot's or its first operand's.
            Expr::Select(select) => {
                let field = source.get(start..).and_then(|rest| rest.find(&select.field));
                stop = stop.max(start + field.unwrap_or(0) + select.field.len());
            }
            // Of a call, the place is its bracket's.
            Expr::Call(call) if !is_operator(&call.func_name) => {
                start -= before(&call.func_name).unwrap_or(0);
                stop = stop.max(span.map_or(0, |(_, last)| last));
                if let Some(rest) = source.get(stop..) {
                    let gap = rest.len() - rest.trim_start().len();
                    stop += if rest[gap..].starts_with(')') { gap + 1 } else { 0 };
                }
            }
            Expr::Struct(structure) => start -= before(&structure.type_name).unwrap_or(0),
            _ => {}
        }
        *span = Some(span.map_or((start, stop), |(first, last)| (first.min(start), last.max(stop))));
    }

    fn type_of(&mut self, at: &IdedExpr) -> Result<Type, ExpressionFault> {
        match &at.expr {
            Expr::Unspecified => Ok(Type::Any),
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Bytes(_) => Type::Bytes,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::UInt(_) => Type::UInt,
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => Type::Text,
            }),
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr
                    && !self.bound.contains(name)
                {
                    return self.fact(at, name, &select.field, select.test);
                }
                match self.type_of(&select.operand)? {
                    Type::Any | Type::Map => Ok(if select.test { Type::Bool } else { Type::Any }),
                    other => Err(self.fault(at, format!("{} has no fields", other.name()))),
                }
            }
            Expr::List(list) => {
                for item in &list.elements {
                    self.type_of(item)?;
                }
                Ok(Type::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            self.type_of(&entry.key)?;
                            self.type_of(&entry.value)?;
                        }
                        EntryExpr::StructField(field) => {
                            self.type_of(&field.value)?;
                        }
                    }
                }
                Ok(Type::Map)
            }
            Expr::Struct(structure) => Err(self.fault(at, format!("there is no type '{}'", structure.type_name))),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(comprehension) => {
                match self.type_of(&comprehension.iter_range)? {
                    Type::List | Type::Map | Type::Any => {}
                    other => return Err(self.fault(&comprehension.iter_range, format!("{} is no list", other.name()))),
                }
                if self.loops == DEEPEST_LOOP {
                    return Err(self.fault(at, format!("more than {DEEPEST_LOOP} loops in each other")));
                }
                let bound = self.bound.len();
                self.bound.push(comprehension.accu_var.clone());
                let accumulated = self.type_of(&comprehension.accu_init)?;
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.loops += 1;
                self.type_of(&comprehension.loop_cond)?;
                self.type_of(&comprehension.loop_step)?;
                let result = self.type_of(&comprehension.result)?;
                self.loops -= 1;
                self.bound.truncate(bound);
                Ok(if result == Type::Any { accumulated } else { result })
            }
        }
    }

    fn name(&self, at: &IdedExpr, name: &str) -> Result<Type, ExpressionFault> {
        if self.bound.iter().any(|bound| bound == name) {
            return Ok(Type::Any);
        }
        if name == WORKTREE || self.scope.check(name).is_some() {
            let fields: Vec<_> = match self.scope.check(name) {
                Some(check) => self.scope.fields(check).map(|field| field.name).collect(),
                None => WORKTREE_FIELDS.iter().map(|field| field.name).collect(),
            };
            let example = fields.first().copied().unwrap_or_default();
            let fault = self.fault(at, format!("'{name}' is no value by itself"));
            return Err(ExpressionFault {
                remedy: Some(format!("name one of its facts, like {name}.{example}")),
                ..fault
            });
        }
        // Not a check: the message that offers the nearest.
        let (problem, remedy) = self.scope.field(name, "").err().unwrap_or_default();
        Err(ExpressionFault { remedy, ..self.fault(at, problem) })
    }

    fn fact(&mut self, at: &IdedExpr, name: &str, field: &str, asked: bool) -> Result<Type, ExpressionFault> {
        let kind = self
            .scope
            .field(name, field)
            .map_err(|(problem, remedy)| ExpressionFault { remedy, ..self.fault(at, problem) })?;
        let check = self.scope.check(name).filter(|_| name != WORKTREE).map(|check| check.name.clone());
        if !self.reads.iter().any(|read| read.name == name && read.field == field && read.asked == asked) {
            let span = self.span(at);
            self.reads.push(Read { name: name.to_owned(), check, field: field.to_owned(), asked, span });
        }
        Ok(if asked { Type::Bool } else { kind.into() })
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr) -> Result<Type, ExpressionFault> {
        let mut types = Vec::new();
        if let Some(target) = &call.target {
            types.push((target.as_ref(), self.type_of(target)?));
        }
        for argument in &call.args {
            types.push((argument, self.type_of(argument)?));
        }
        let (first, second) =
            (types.first().map_or(Type::Any, |(_, found)| *found), types.get(1).map_or(Type::Any, |(_, found)| *found));
        match call.func_name.as_str() {
            op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE => {
                match types.iter().find(|(_, found)| !matches!(found, Type::Bool | Type::Any)) {
                    Some((part, found)) => {
                        Err(self.fault(part, format!("must be true or false, but is {}", found.name())))
                    }
                    None => Ok(Type::Bool),
                }
            }
            op::EQUALS | op::NOT_EQUALS if first == Type::Null || second == Type::Null => Ok(Type::Bool),
            op::EQUALS | op::NOT_EQUALS | op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
                if first.compares(second) {
                    Ok(Type::Bool)
                } else {
                    Err(self.fault(at, format!("cannot compare {} with {}", first.name(), second.name())))
                }
            }
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO => {
                self.arithmetic(at, call, first, second)
            }
            op::NEGATE => match first {
                Type::Int | Type::Double | Type::Any => Ok(first),
                other => Err(self.fault(at, format!("{} has no negative", other.name()))),
            },
            op::CONDITIONAL => match first {
                Type::Bool | Type::Any => {
                    let third = types.get(2).map_or(Type::Any, |(_, found)| *found);
                    match (second, third) {
                        (Type::Any, other) | (other, Type::Any) => Ok(other),
                        (second, third) if second == third => Ok(second),
                        (second, third) => Err(self.fault(
                            at,
                            format!("both answers must be of one type, and are {} and {}", second.name(), third.name()),
                        )),
                    }
                }
                other => Err(self.fault(types[0].0, format!("must be true or false, but is {}", other.name()))),
            },
            op::IN => match second {
                Type::List | Type::Map | Type::Any => Ok(Type::Bool),
                other => Err(self.fault(at, format!("'in' wants a list, and this is {}", other.name()))),
            },
            op::INDEX | op::OPT_INDEX | op::OPT_SELECT => Ok(Type::Any),
            // What the macros are made of.
            name if name.starts_with('@') || name.starts_with('_') => Ok(Type::Any),
            name => self.function(at, name, call.target.is_some(), &types),
        }
    }

    fn arithmetic(&self, at: &IdedExpr, call: &CallExpr, first: Type, second: Type) -> Result<Type, ExpressionFault> {
        let joins = call.func_name == op::ADD && matches!(first, Type::Text | Type::List | Type::Bytes);
        match (first, second) {
            (Type::Any, _) | (_, Type::Any) => Ok(Type::Any),
            (left, right) if left == right && (left.is_number() || joins) => Ok(left),
            (left, right) => {
                let sign = call.func_name.trim_matches('_');
                Err(self.fault(at, format!("'{sign}' does not take {} and {}", left.name(), right.name())))
            }
        }
    }

    fn function(
        &mut self,
        at: &IdedExpr,
        name: &str,
        after: bool,
        given: &[(&IdedExpr, Type)],
    ) -> Result<Type, ExpressionFault> {
        let advised =
            |problem: String, remedy: String| ExpressionFault { remedy: Some(remedy), ..self.fault(at, problem) };
        if let Some((_, usage)) = MACROS.iter().find(|(known, _)| *known == name) {
            return Err(advised(format!("this is not how '{name}' is written"), format!("write {usage}")));
        }
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            let known = || FUNCTIONS.iter().map(|function| function.name).chain(MACROS.map(|(name, _)| name));
            let remedy = match nearest(name, known()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("there are: {}", known().collect::<Vec<_>>().join(", ")),
            };
            return Err(advised(format!("there is no function '{name}'"), remedy));
        };
        match function.called {
            Called::After if !after => {
                return Err(advised(format!("'{name}' stands after a value"), format!("write VALUE.{name}(...)")));
            }
            Called::Before if after => {
                return Err(advised(format!("'{name}' stands before its value"), format!("write {name}(VALUE)")));
            }
            _ => {}
        }
        // The value before the dot is the first.
        let (wanted, found) = (function.takes.len(), given.len());
        if wanted != found {
            let own = usize::from(after);
            let wanted = wanted.saturating_sub(own);
            let words = if wanted == 1 { "argument" } else { "arguments" };
            return Err(self.fault(at, format!("'{name}' takes {wanted} {words}, not {}", found - own)));
        }
        for ((part, found), takes) in given.iter().zip(function.takes) {
            if *found != Type::Any && !takes.contains(found) {
                let wanted = takes.iter().map(|wanted| wanted.name()).collect::<Vec<_>>().join(" or ");
                return Err(self.fault(part, format!("'{name}' takes {wanted}, and this is {}", found.name())));
            }
        }
        if let ("matches", Some((part, _))) = (name, given.get(1)) {
            self.pattern(part)?;
        }
        Ok(function.gives)
    }

    /// A pattern is compiled once, here: one that is put together while the run goes on could be anything.
    fn pattern(&mut self, at: &IdedExpr) -> Result<(), ExpressionFault> {
        let Expr::Literal(LiteralValue::String(text)) = &at.expr else {
            let remedy = "write the pattern itself, in quotes; 'contains' and 'startsWith' take any text";
            let fault = self.fault(at, "a pattern is not put together from other texts");
            return Err(ExpressionFault { remedy: Some(remedy.to_owned()), ..fault });
        };
        if self.patterns.iter().any(|known| known.text() == text.inner()) {
            return Ok(());
        }
        let compiled = self.compiler.compile(text.inner());
        let pattern = compiled
            .map_err(|PatternFault { problem, remedy }| ExpressionFault { remedy, ..self.fault(at, problem) })?;
        self.patterns.push(pattern);
        Ok(())
    }
}

/// Whether a function is one of CEL's signs.
fn is_operator(name: &str) -> bool {
    name.starts_with(['_', '@', '!', '-']) || name == op::IN
}

#[cfg(test)]
mod tests {
    use super::*;

    use cel::Context;

    #[test]
    fn cel_has_every_function_that_is_typed_here() {
        for function in &FUNCTIONS {
            let given: Vec<&str> = function
                .takes
                .iter()
                .map(|takes| {
                    if takes[0] == Type::Bool {
                        "true"
                    } else if takes.contains(&Type::Int) {
                        "1"
                    } else {
                        "'1'"
                    }
                })
                .collect();
            let before = format!("{}({})", function.name, given.join(", "));
            let after = format!("{}.{}({})", given[0], function.name, given[1..].join(", "));
            let forms = match function.called {
                Called::Before => vec![before],
                Called::After => vec![after],
                Called::Both => vec![before, after],
            };
            for form in forms {
                let program = Program::compile(&form).expect("an expression");
                program.execute(&Context::default()).unwrap_or_else(|error| panic!("{form}: {error}"));
            }
        }
    }
}
