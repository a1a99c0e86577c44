//! Expressions made so that evaluating them is metered.
//!
//! `cel` has no bound of its own. So each part of an expression passes what it has come to through a function that
//! takes steps for it: one for having been evaluated, and as many as the value is large. What a part costs is at most a
//! few times what went into it and what came out of it, so nothing is done that was not paid for, or is not then at
//! once. When the steps are used up every part is refused. `&&`, `||`, `all` and `exists` go on after an error, which
//! might yet not matter: that is why the condition of a loop is metered too, whose error ends it.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, ListExpr, LiteralValue, MapEntryExpr,
    MapExpr, SelectExpr, operators as op,
};

use crate::plan::patterns::Pattern;

/// The function that gives back what it is given, and takes steps for it. (No expression can name it.)
pub(super) const WEIGHED: &str = "@weighed";
/// The same for what a loop goes over, with the steps that each turn takes at least: what fails takes no steps by
/// itself.
pub(super) const LOOPED: &str = "@looped";
/// `matches`, with the number of its pattern.
pub(super) const MATCHES: &str = "@matches";

/// The same expression, metered, with the patterns that it names by number.
pub(super) fn metered(at: &IdedExpr, patterns: &[Pattern]) -> IdedExpr {
    Metering { patterns }.part(at)
}

struct Metering<'a> {
    patterns: &'a [Pattern],
}

impl Metering<'_> {
    fn part(&self, at: &IdedExpr) -> IdedExpr {
        let expr = match &at.expr {
            // Texts are copied where they go into a list; what is smaller is paid for by what it stands in.
            Expr::Literal(LiteralValue::String(_) | LiteralValue::Bytes(_)) | Expr::Ident(_) => at.expr.clone(),
            Expr::Literal(_) | Expr::Unspecified | Expr::Struct(_) => return at.clone(),
            Expr::Select(select) => Expr::Select(SelectExpr {
                // `a.b` is one name, and read as one.
                operand: if is_name(&select.operand) {
                    select.operand.clone()
                } else {
                    Box::new(self.part(&select.operand))
                },
                ..select.clone()
            }),
            Expr::List(list) => Expr::List(self.list(list)),
            Expr::Map(map) => {
                Expr::Map(MapExpr { entries: map.entries.iter().map(|entry| self.entry(entry)).collect() })
            }
            Expr::Call(call) => {
                if let Some(matching) = self.matching(at.id, call) {
                    return matching;
                }
                Expr::Call(CallExpr {
                    func_name: call.func_name.clone(),
                    target: call.target.as_ref().map(|target| Box::new(self.part(target))),
                    args: self.parts(&call.args),
                })
            }
            Expr::Comprehension(comprehension) => Expr::Comprehension(Box::new(self.comprehension(comprehension))),
        };
        weighed(IdedExpr { id: at.id, expr })
    }

    fn parts(&self, parts: &[IdedExpr]) -> Vec<IdedExpr> {
        parts.iter().map(|part| self.part(part)).collect()
    }

    fn list(&self, list: &ListExpr) -> ListExpr {
        ListExpr::new_with_optionals(self.parts(&list.elements), list.optional_indices.clone())
    }

    fn entry(&self, entry: &IdedEntryExpr) -> IdedEntryExpr {
        let expr = match &entry.expr {
            EntryExpr::MapEntry(entry) => EntryExpr::MapEntry(MapEntryExpr {
                key: self.part(&entry.key),
                value: self.part(&entry.value),
                optional: entry.optional,
            }),
            field @ EntryExpr::StructField(_) => field.clone(),
        };
        IdedEntryExpr { id: entry.id, expr }
    }

    /// `x.matches('...')` with the pattern's number in its place. It takes steps itself.
    fn matching(&self, id: u64, call: &CallExpr) -> Option<IdedExpr> {
        if call.func_name != "matches" {
            return None;
        }
        let (text, pattern) = match (&call.target, call.args.as_slice()) {
            (Some(text), [pattern]) => (text.as_ref(), pattern),
            (None, [text, pattern]) => (text, pattern),
            _ => return None,
        };
        let Expr::Literal(LiteralValue::String(written)) = &pattern.expr else { return None };
        let place = self.patterns.iter().position(|pattern| pattern.text() == written.inner())?;
        let args = vec![self.part(text), number(pattern.id, place)];
        Some(called(id, MATCHES, args))
    }

    fn comprehension(&self, of: &ComprehensionExpr) -> ComprehensionExpr {
        ComprehensionExpr {
            iter_range: called(
                of.iter_range.id,
                LOOPED,
                vec![self.part(&of.iter_range), number(of.iter_range.id, nodes(&of.loop_step))],
            ),
            // That a condition is always true must be seen: `map` and `filter` then make their list in place.
            loop_cond: match &of.loop_cond.expr {
                Expr::Literal(_) => of.loop_cond.clone(),
                _ => weighed(of.loop_cond.clone()),
            },
            loop_step: self.step(&of.loop_step, &of.accu_var),
            ..of.clone()
        }
    }

    /// A loop's step keeps its shape, by which `cel` knows what kind of loop it is: only what stands in it is metered.
    fn step(&self, at: &IdedExpr, accumulator: &str) -> IdedExpr {
        let expr = match &at.expr {
            Expr::Ident(name) if name == accumulator => at.expr.clone(),
            Expr::List(list) => Expr::List(self.list(list)),
            Expr::Call(call)
                if matches!(call.func_name.as_str(), op::ADD | op::LOGICAL_AND | op::LOGICAL_OR)
                    && matches!(call.args.first().map(|first| &first.expr), Some(Expr::Ident(name)) if name == accumulator) =>
            {
                let mut args = call.args.iter();
                let first = args.next().cloned();
                let shaped = |part: &IdedExpr| {
                    if call.func_name == op::ADD { self.step(part, accumulator) } else { self.part(part) }
                };
                Expr::Call(CallExpr { args: first.into_iter().chain(args.map(shaped)).collect(), ..call.clone() })
            }
            Expr::Call(call) if call.func_name == op::CONDITIONAL && call.args.len() == 3 => {
                let args = vec![
                    self.part(&call.args[0]),
                    self.step(&call.args[1], accumulator),
                    self.step(&call.args[2], accumulator),
                ];
                Expr::Call(CallExpr { args, ..call.clone() })
            }
            _ => return self.part(at),
        };
        IdedExpr { id: at.id, expr }
    }
}

/// Whether a part is a name, with or without fields.
fn is_name(at: &IdedExpr) -> bool {
    match &at.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_name(&select.operand),
        _ => false,
    }
}

/// How many parts an expression has, less those of the loops in it, which are counted where they are gone over.
fn nodes(at: &IdedExpr) -> usize {
    let entry = |entry: &IdedEntryExpr| match &entry.expr {
        EntryExpr::MapEntry(entry) => nodes(&entry.key) + nodes(&entry.value),
        EntryExpr::StructField(field) => nodes(&field.value),
    };
    let inner: usize = match &at.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => 0,
        Expr::Select(select) => nodes(&select.operand),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).map(nodes).sum(),
        Expr::List(list) => list.elements.iter().map(nodes).sum(),
        Expr::Map(map) => map.entries.iter().map(entry).sum(),
        Expr::Struct(structure) => structure.entries.iter().map(entry).sum(),
        Expr::Comprehension(comprehension) => nodes(&comprehension.iter_range),
    };
    inner + 1
}

fn number(id: u64, number: usize) -> IdedExpr {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    IdedExpr { id, expr: Expr::Literal(LiteralValue::UInt(number.into())) }
}

fn weighed(at: IdedExpr) -> IdedExpr {
    called(at.id, WEIGHED, vec![at])
}

fn called(id: u64, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use cel::{Context, Program, Value};
    use proptest::prelude::*;

    use crate::plan::budget::{Budget, MOST_TIME, Over};
    use crate::plan::evaluate::evaluate;
    use crate::plan::expression::ExpressionFault;
    use crate::plan::patterns::Patterns;
    use crate::plan::scope::{Names, Scope};
    use crate::plan::syntax::Parser;
    use crate::plan::typing;

    /// What an evaluation came to: the value, or which error.
    type Came = Result<Value, String>;
    type Ours = (Arc<Program>, Result<Came, Over>, Duration);

    fn kind(result: Result<Value, cel::ExecutionError>) -> Came {
        let named = |error: &cel::ExecutionError| {
            let shown = format!("{error:?}");
            shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        };
        result.map_err(|error| named(&error))
    }

    /// What an expression comes to as cel would have it, and as it is here, unless it is too much. `None`: it is none.
    fn both(text: &str) -> Option<(Came, Result<Came, Over>)> {
        let (program, ours, _) = ours(text).ok()?;
        Some((kind(program.execute(&Context::default())), ours))
    }

    /// An expression as cel has it, what it comes to here, and the time that this took.
    fn ours(text: &str) -> Result<Ours, ExpressionFault> {
        let checks = BTreeMap::new();
        let names = Names::new(&checks);
        let program = Parser::default().parse(text)?;
        let scope = Scope { names: &names, own: None, source: text };
        let typed = typing::check(&program, &scope, &mut Patterns::default())?;
        let expression = metered(program.expression(), &typed.patterns);
        let patterns = Arc::from(typed.patterns);
        let variables = crate::plan::evaluate::Variables::default();
        let budget = Budget::default();
        let ours = budget.spend(|meter| evaluate(&expression, variables, &patterns, meter)).map(kind);
        Ok((program, ours, budget.spent()))
    }

    /// Makes expressions up.
    struct Author {
        random: fastrand::Rng,
        /// Names that a loop around has bound.
        bound: Vec<&'static str>,
        longest_list: usize,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Bool,
        Int,
        Text,
        List,
    }

    impl Author {
        fn pick(&mut self, of: &[&str]) -> String {
            of[self.random.usize(..of.len())].to_owned()
        }

        fn kind(&mut self) -> Kind {
            [Kind::Bool, Kind::Int, Kind::Text, Kind::List][self.random.usize(..4)]
        }

        fn any(&mut self, deep: usize) -> String {
            let kind = self.kind();
            self.write(kind, deep)
        }

        /// Two that can mostly be compared.
        fn pair(&mut self, deep: usize) -> (String, String) {
            let kind = self.kind();
            let other = if self.random.u8(..10) == 0 { self.kind() } else { kind };
            (self.write(kind, deep), self.write(other, deep))
        }

        fn atom(&mut self, kind: Kind) -> String {
            // Most lists hold numbers, so most names that a loop binds stand for one.
            if !self.bound.is_empty() && self.random.u8(..4) < if kind == Kind::Int { 3 } else { 1 } {
                return self.bound[self.random.usize(..self.bound.len())].to_owned();
            }
            if self.random.u8(..20) == 0 {
                return self.pick(&[
                    "1 / 0 == 1",
                    "{'a': true}.b",
                    "b'ab'",
                    "null",
                    "2u",
                    "1.5",
                    "9223372036854775807",
                ]);
            }
            match kind {
                Kind::Bool => self.pick(&["true", "false"]),
                Kind::Int => self.pick(&["0", "1", "-7", "42"]),
                Kind::Text => self.pick(&["''", "'a'", "'ab\u{e9}'", "'12'"]),
                Kind::List => {
                    let length = self.random.usize(..=self.longest_list);
                    let kind = [Kind::Int, Kind::Int, Kind::Int, Kind::Text, Kind::Bool][self.random.usize(..5)];
                    let items: Vec<String> = (0..length).map(|_| self.write(kind, 0)).collect();
                    format!("[{}]", items.join(", "))
                }
            }
        }

        fn looped(&mut self, of: &str, kind: Kind, deep: usize) -> String {
            let list = self.write(Kind::List, deep - 1);
            if self.bound.len() == 2 {
                return list;
            }
            let name = if self.bound.is_empty() { "x" } else { "y" };
            self.bound.push(name);
            let body = self.write(kind, deep - 1);
            self.bound.pop();
            format!("{list}.{of}({name}, {body})")
        }

        fn write(&mut self, kind: Kind, deep: usize) -> String {
            if deep == 0 {
                return self.atom(kind);
            }
            let next = deep - 1;
            match (kind, self.random.u8(..8)) {
                (Kind::Bool, 0) => format!(
                    "({} {} {})",
                    self.write(Kind::Bool, next),
                    self.pick(&["&&", "||"]),
                    self.write(Kind::Bool, next)
                ),
                (Kind::Bool, 1) => {
                    let (left, right) = self.pair(next);
                    format!("({left} {} {right})", self.pick(&["==", "!=", "<", ">="]))
                }
                (Kind::Bool, 2) => format!("({} in {})", self.write(Kind::Int, next), self.write(Kind::List, next)),
                (Kind::Bool, 3) => {
                    let function = self.pick(&["contains", "startsWith", "endsWith"]);
                    format!("{}.{function}({})", self.write(Kind::Text, next), self.write(Kind::Text, next))
                }
                (Kind::Bool, 4) => {
                    let pattern = self.pick(&["'a'", "'^a.*b$'", "'[0-9]+|x'", "'\\\\bab'", "''"]);
                    format!("{}.matches({pattern})", self.write(Kind::Text, next))
                }
                (Kind::Bool, 5 | 6) => {
                    let of = self.pick(&["all", "exists", "exists_one"]);
                    let looped = self.looped(&of, Kind::Bool, deep);
                    if looped.ends_with(')') { looped } else { format!("({looped} == [])") }
                }
                (Kind::Bool, _) => format!("!{}", self.write(Kind::Bool, next)),
                (Kind::Int, 0..=2) => format!(
                    "({} {} {})",
                    self.write(Kind::Int, next),
                    self.pick(&["+", "-", "*", "/", "%"]),
                    self.write(Kind::Int, next)
                ),
                (Kind::Int, 3 | 4) => {
                    let kind = if self.random.bool() { Kind::Text } else { Kind::List };
                    format!("size({})", self.write(kind, next))
                }
                (Kind::Int, 5) => {
                    format!("{}({})", self.pick(&["int", "uint", "double"]), self.write(Kind::Text, next))
                }
                (Kind::Text, 0..=3) => format!("({} + {})", self.write(Kind::Text, next), self.write(Kind::Text, next)),
                (Kind::Text, 4) => format!("string({})", self.write(Kind::Int, next)),
                (Kind::List, 0 | 1) => format!("({} + {})", self.write(Kind::List, next), self.write(Kind::List, next)),
                (Kind::List, 2..=4) => {
                    let (of, kind) = if self.random.bool() { ("filter", Kind::Bool) } else { ("map", Kind::Int) };
                    self.looped(of, kind, deep)
                }
                (Kind::List, 5) => format!("[{}, {}]", self.any(next), self.any(next)),
                (kind, 6) => format!(
                    "({} ? {} : {})",
                    self.write(Kind::Bool, next),
                    self.write(kind, next),
                    self.write(kind, next)
                ),
                (kind, 7) => format!(
                    "{}[{}]",
                    self.write(Kind::List, next),
                    self.write(if kind == Kind::Text { Kind::Text } else { Kind::Int }, next)
                ),
                (kind, _) => self.atom(kind),
            }
        }
    }

    fn made_up(seed: u64, longest_list: usize, deep: usize) -> String {
        Author { random: fastrand::Rng::with_seed(seed), bound: Vec::new(), longest_list }.write(Kind::Bool, deep)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn metered_expressions_come_to_what_cel_says(seed: u64) {
            let text = made_up(seed, 3, 4);
            if let Some((cel, Ok(ours))) = both(&text) {
                prop_assert_eq!(ours, cel, "{}", text);
            }
        }
    }

    #[test]
    fn few_of_the_made_up_expressions_are_none() {
        let all = (0..400).map(|seed| both(&made_up(seed, 3, 4)));
        let values = all.flatten().filter(|(cel, ours)| cel.is_ok() && matches!(ours, Ok(Ok(_)))).count();
        assert!(values > 60, "{values} of 400 come to a value");
    }

    /// What is made to take for ever, or all of the memory.
    fn hostile() -> Vec<(&'static str, String)> {
        let many = |length: usize| format!("[{}]", vec!["1"; length].join(","));
        let (list, longer) = (many(80), many(150));
        let errors = vec!["1 / 0 == 1"; 40].join(" || ");
        let doubled = |start: &str| {
            let level = |inner: String, _| format!("[{inner}].map(x, (x + x) + (x + x))[0]");
            (0..9).fold(start.to_owned(), level)
        };
        let (long, shorter) = ("a".repeat(2500), "a".repeat(1000));
        let costly = "(?:[ab]*a[ab]{9}|[ab]*b[ab]{9}){40}[cd]";
        vec![
            ("loops in loops", format!("{longer}.all(x, {longer}.all(y, 'hostile'.matches('[a-z]{{5,50}}')))")),
            ("loops that find nothing", format!("{longer}.exists(x, {longer}.exists(y, x + y == 0))")),
            ("loops of errors", format!("{list}.all(x, {list}.all(y, {errors}))")),
            ("loops that go on after errors", format!("{longer}.exists(x, {longer}.all(y, 1 / 0 == 1) || 1 / 0 == 1)")),
            ("errors that do not matter", format!("{list}.filter(x, {list}.filter(y, {errors} || true) == []) == []")),
            ("lists of lists", format!("size({list}.map(x, {list}.map(y, {list}))) == 0")),
            ("lists of texts", format!("{list}.map(x, {list}.map(y, '{long}')) == []")),
            ("lists of bytes", format!("{list}.map(x, {list}.map(y, b'{long}')) == []")),
            ("a list that grows", format!("[{list}.map(x, {list})].map(x, x + x + x + x)[0].map(x, x + x + x) == []")),
            ("filters of lists", format!("{list}.filter(x, {list}.filter(y, y in {list}) != []) == []")),
            ("a text that doubles", format!("size({}) == 0", doubled(&format!("'{}'", "a".repeat(100))))),
            ("a list that doubles", format!("size({}) == 0", doubled(&list))),
            ("maps in loops", format!("{list}.all(x, !{list}.exists_one(y, {{x: y, 'a': {list}}} == {{}}))")),
            ("long texts searched", format!("{list}.all(x, {list}.all(y, !'{long}'.contains('{shorter}b')))")),
            ("long texts compared", format!("{list}.all(x, {list}.all(y, '{long}' != '{shorter}'))")),
            ("a costly pattern", format!("{list}.all(x, !'{}'.matches('{costly}'))", "ab".repeat(900))),
        ]
    }

    #[test]
    fn nothing_takes_more_than_it_may() {
        for (name, text) in hostile() {
            let (_, ours, took) = ours(&text).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
            assert!(ours.is_err(), "{name}: {ours:.200?}");
            assert!(took < MOST_TIME * 2, "{name} took {took:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_made_up_expression_takes_more_than_it_may(seed: u64) {
            let text = made_up(seed, 60, 6);
            if let Ok((_, _, took)) = ours(&text) {
                prop_assert!(took < MOST_TIME * 2, "{took:?}: {text}");
            }
        }
    }
}
