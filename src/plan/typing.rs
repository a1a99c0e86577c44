//! The types of expressions: what is wrong with one is said before anything starts, and at its place.
//!
//! `cel` itself finds a wrong type only when it evaluates, and only on the branch that it takes.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};
use cel::{ParseErrors, Program};

use crate::model::check::FactType;
use crate::plan::condition::{ExpressionFault, Read, Scope, WORKTREE};
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
            Self::Bool => "true or false",
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
            FactType::Int => Self::Int,
            FactType::Text => Self::Text,
        }
    }
}

/// Functions and methods that CEL's standard environment has here, with what they give.
const FUNCTIONS: [(&str, Type); 14] = [
    ("size", Type::Int),
    ("contains", Type::Bool),
    ("startsWith", Type::Bool),
    ("endsWith", Type::Bool),
    ("matches", Type::Bool),
    ("string", Type::Text),
    ("bytes", Type::Bytes),
    ("int", Type::Int),
    ("uint", Type::UInt),
    ("double", Type::Double),
    ("bool", Type::Bool),
    ("max", Type::Any),
    ("min", Type::Any),
    ("type", Type::Any),
];

/// What the parser could not read.
pub(super) fn syntax_fault(text: &str, errors: &ParseErrors) -> ExpressionFault {
    let length = text.chars().count();
    let Some(first) = errors.errors.first() else {
        return ExpressionFault { problem: "this is no expression".to_owned(), span: (0, length), remedy: None };
    };
    let (line, column) =
        (usize::try_from(first.pos.0).unwrap_or(1).max(1), usize::try_from(first.pos.1).unwrap_or(1).max(1));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    let start = (before + column - 1).min(length);
    let remedy = text.contains("&&").then_some(()).map_or_else(
        || [(" and ", "&&"), (" or ", "||"), (" = ", "==")].into_iter().find(|(wrong, _)| text.contains(wrong)),
        |()| None,
    );
    ExpressionFault {
        problem: "this is no expression".to_owned(),
        span: (start, start + 1),
        remedy: remedy.map(|(wrong, right)| format!("in CEL, '{}' is written '{right}'", wrong.trim())),
    }
}

/// Types a program. Gives the facts that it reads, each with whether it is only asked for with `has()`.
pub(super) fn check(program: &Program, scope: &Scope<'_>) -> Result<Vec<(Read, bool)>, ExpressionFault> {
    let mut walk = Walk { program, scope, bound: Vec::new(), reads: Vec::new() };
    let root = program.expression();
    let found = walk.type_of(root)?;
    if !matches!(found, Type::Bool | Type::Any) {
        return Err(walk.fault(root, format!("must be true or false, and is {}", found.name())));
    }
    let asked: Vec<Read> = walk.reads.iter().filter(|(_, asked)| *asked).map(|(read, _)| read.clone()).collect();
    // `has(a.b) && a.b > 0` guards its own reading.
    Ok(walk
        .reads
        .into_iter()
        .map(|(read, only)| {
            let guarded = only || asked.contains(&read);
            (read, guarded)
        })
        .collect())
}

struct Walk<'a> {
    program: &'a Program,
    scope: &'a Scope<'a>,
    /// Names that a macro (`all`, `exists`, `map`, `filter`) has bound.
    bound: Vec<String>,
    reads: Vec<(Read, bool)>,
}

impl Walk<'_> {
    fn fault(&self, at: &IdedExpr, problem: impl Into<String>) -> ExpressionFault {
        ExpressionFault { problem: problem.into(), span: self.span(at), remedy: None }
    }

    /// From the first character of a part to the one after its last.
    fn span(&self, at: &IdedExpr) -> (usize, usize) {
        let mut span: Option<(usize, usize)> = None;
        self.widen(at, &mut span);
        span.unwrap_or((0, 1))
    }

    fn widen(&self, at: &IdedExpr, span: &mut Option<(usize, usize)>) {
        if let Some((start, stop)) = self.program.source_info().offset_for(at.id) {
            let (start, mut stop) = (start as usize, stop as usize + 1);
            if let Expr::Select(select) = &at.expr {
                stop = stop.max(start + select.field.len());
            }
            *span = Some(span.map_or((start, stop), |(first, last)| (first.min(start), last.max(stop))));
        }
        match &at.expr {
            Expr::Select(select) => self.widen(&select.operand, span),
            Expr::Call(call) => {
                call.target.iter().map(AsRef::as_ref).chain(&call.args).for_each(|part| self.widen(part, span));
            }
            _ => {}
        }
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
            Expr::Map(_) => Ok(Type::Map),
            Expr::Struct(structure) => Err(self.fault(at, format!("there is no type '{}'", structure.type_name))),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(comprehension) => {
                match self.type_of(&comprehension.iter_range)? {
                    Type::List | Type::Map | Type::Any => {}
                    other => return Err(self.fault(&comprehension.iter_range, format!("{} is no list", other.name()))),
                }
                let bound = self.bound.len();
                self.bound.push(comprehension.accu_var.clone());
                let accumulated = self.type_of(&comprehension.accu_init)?;
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.type_of(&comprehension.loop_cond)?;
                self.type_of(&comprehension.loop_step)?;
                let result = self.type_of(&comprehension.result)?;
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
                Some(check) => self.scope.fields(check).map(|(field, _)| field).collect(),
                None => super::condition::WORKTREE_FIELDS.iter().map(|(field, _)| *field).collect(),
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
        let read = Read { name: name.to_owned(), check, field: field.to_owned() };
        if !self.reads.contains(&(read.clone(), asked)) {
            self.reads.push((read, asked));
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
                        Err(self.fault(part, format!("must be true or false, and is {}", found.name())))
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
                    Ok(if types.get(2).is_some_and(|(_, third)| *third == second) { second } else { Type::Any })
                }
                other => Err(self.fault(types[0].0, format!("must be true or false, and is {}", other.name()))),
            },
            op::IN => match second {
                Type::List | Type::Map | Type::Any => Ok(Type::Bool),
                other => Err(self.fault(at, format!("'in' wants a list, and this is {}", other.name()))),
            },
            op::INDEX | op::OPT_INDEX | op::OPT_SELECT => Ok(Type::Any),
            // What the macros are made of.
            name if name.starts_with('@') || name.starts_with('_') => Ok(Type::Any),
            name => self.function(at, name, first),
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

    fn function(&self, at: &IdedExpr, name: &str, first: Type) -> Result<Type, ExpressionFault> {
        let Some((_, gives)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let near = nearest(
                name,
                FUNCTIONS.iter().map(|(known, _)| *known).chain(["has", "all", "exists", "map", "filter"]),
            );
            let fault = self.fault(at, format!("there is no function '{name}'"));
            return Err(ExpressionFault { remedy: near.map(|near| format!("did you mean '{near}'?")), ..fault });
        };
        let wants_text = matches!(name, "startsWith" | "endsWith" | "matches");
        if wants_text && !matches!(first, Type::Text | Type::Any) {
            return Err(self.fault(at, format!("'{name}' wants a text, and this is {}", first.name())));
        }
        if name == "size" && (first.is_number() || first == Type::Bool) {
            return Err(self.fault(at, format!("{} has no size", first.name())));
        }
        Ok(*gives)
    }
}
