//! The reading of expressions: within bounds, and with words for what cannot be read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::{ParseErrors, Program};

use crate::plan::expression::ExpressionFault;

/// What `cel` expands itself, with how each is written.
pub(super) const MACROS: [(&str, &str); 6] = [
    ("has", "has(CHECK.FACT)"),
    ("all", "LIST.all(NAME, CONDITION)"),
    ("exists", "LIST.exists(NAME, CONDITION)"),
    ("exists_one", "LIST.exists_one(NAME, CONDITION)"),
    ("map", "LIST.map(NAME, VALUE)"),
    ("filter", "LIST.filter(NAME, CONDITION)"),
];

/// Longer texts are no conditions.
const LONGEST: usize = 4096;
/// More brackets, or more signs, than these would need a deeper stack than there may be.
const MOST_BRACKETS: usize = 100;
const MOST_SIGNS: usize = 500;
/// The parser goes down a level for each bracket and sign, and each level is large.
const STACK: usize = 64 << 20;
/// What follows the parser goes down its tree on the stack that there is.
const DEEPEST: usize = 50;
const TOO_DEEP: &str = "this expression is nested too deeply";

/// What reading all expressions of a plan may take, in parts: what they are made of, and what each takes besides. (A
/// part took ten microseconds of a machine of 2024.)
const MOST_PARTS: usize = 200_000;
const PARTS_EACH: usize = 5;
const PARTS_A_BRACKET: usize = 4;
const BYTES_A_PART: usize = 64;

/// Reads the expressions of one plan, in a bounded time and on a stack of its own: they come from files that may be
/// anybody's.
#[derive(Default)]
pub(super) struct Parser {
    thread: Option<Thread>,
    /// Many checks say the same.
    known: HashMap<String, Result<Arc<Program>, ExpressionFault>>,
    parts: usize,
}

/// Where expressions are read: one goes in, and comes out as a program or with what is wrong.
struct Thread {
    texts: Sender<String>,
    read: Receiver<Result<Program, ExpressionFault>>,
}

impl Thread {
    fn start() -> std::io::Result<Self> {
        let (texts, asked) = channel::<String>();
        let (answer, read) = channel();
        let work = move || {
            for text in asked {
                if answer.send(parse(&text)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("expressions".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self { texts, read })
    }
}

impl Parser {
    /// Reads an expression.
    pub(super) fn parse(&mut self, text: &str) -> Result<Arc<Program>, ExpressionFault> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let brackets = text.bytes().filter(|byte| b"([{".contains(byte)).count();
        let signs = text.bytes().filter(|byte| b"=<>+-*/%&|?!.,:".contains(byte)).count()
            + text.split_whitespace().filter(|word| *word == "in").count();
        if text.len() > LONGEST {
            return Err(whole(text, "this expression is too long"));
        }
        if brackets > MOST_BRACKETS || signs > MOST_SIGNS {
            return Err(whole(text, "this expression has too many parts"));
        }
        self.parts += PARTS_EACH + PARTS_A_BRACKET * brackets + signs + text.len() / BYTES_A_PART;
        if self.parts > MOST_PARTS {
            return Err(whole(text, "all expressions together have too many parts"));
        }
        let read = self.ask(text).map(Arc::new);
        self.known.insert(text.to_owned(), read.clone());
        read
    }

    fn ask(&mut self, text: &str) -> Result<Program, ExpressionFault> {
        let unread = || ExpressionFault { remedy: None, ..whole(text, "this expression cannot be read") };
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Thread::start().map_err(|_| unread())?,
        };
        thread.texts.send(text.to_owned()).map_err(|_| unread())?;
        // A thread that has died of an expression is followed by another.
        let read = thread.read.recv().map_err(|_| unread())?;
        self.thread = Some(thread);
        read
    }
}

fn whole(text: &str, problem: &str) -> ExpressionFault {
    ExpressionFault {
        problem: problem.to_owned(),
        span: (0, text.chars().count()),
        remedy: Some("a command can ask what is too long for an expression".to_owned()),
    }
}

fn parse(text: &str) -> Result<Program, ExpressionFault> {
    match Program::compile(text) {
        Ok(program) if depth(program.expression()) > DEEPEST => Err(whole(text, TOO_DEEP)),
        Ok(program) => Ok(program),
        Err(errors) => Err(syntax_fault(text, &errors)),
    }
}

/// How many levels a parsed expression has.
fn depth(at: &IdedExpr) -> usize {
    let deepest = match &at.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => 0,
        Expr::Select(select) => depth(&select.operand),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).map(depth).max().unwrap_or(0),
        Expr::List(list) => list.elements.iter().map(depth).max().unwrap_or(0),
        Expr::Map(map) => map.entries.iter().map(entry_depth).max().unwrap_or(0),
        Expr::Struct(structure) => structure.entries.iter().map(entry_depth).max().unwrap_or(0),
        Expr::Comprehension(parts) => {
            [&parts.iter_range, &parts.accu_init, &parts.loop_cond, &parts.loop_step, &parts.result]
                .into_iter()
                .map(depth)
                .max()
                .unwrap_or(0)
        }
    };
    deepest + 1
}

fn entry_depth(entry: &IdedEntryExpr) -> usize {
    match &entry.expr {
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
        EntryExpr::StructField(field) => depth(&field.value),
    }
}

/// What the parser could not read.
fn syntax_fault(text: &str, errors: &ParseErrors) -> ExpressionFault {
    let length = text.chars().count();
    let Some(first) = errors.errors.first() else {
        return ExpressionFault {
            problem: "this expression cannot be read".to_owned(),
            span: (0, length),
            remedy: None,
        };
    };
    let (line, column) =
        (usize::try_from(first.pos.0).unwrap_or(1).max(1), usize::try_from(first.pos.1).unwrap_or(1).max(1));
    let before: usize = text.split_inclusive('\n').take(line - 1).map(|line| line.chars().count()).sum();
    // The parser counts characters, what follows it bytes.
    let column = if first.msg.starts_with("Syntax error") {
        column - 1
    } else {
        text.split_inclusive('\n').nth(line - 1).map_or(0, |line| characters(line, column - 1))
    };
    let start = (before + column).min(length);
    let rest: String = text.chars().skip(start).collect();
    let word_end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let word = match rest.chars().next() {
        Some(letter) if word_end == 0 => letter.to_string(),
        _ => rest[..word_end].to_owned(),
    };
    let previous = text.chars().take(start).collect::<String>();
    let previous = previous
        .trim_end_matches([' ', '('])
        .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (problem, remedy) = if let Some(name) = first.msg.strip_prefix("reserved identifier: ") {
        (
            format!("'{name}' is a word of CEL's own"),
            Some("a check of this name cannot be named in expressions: rename it".to_owned()),
        )
    } else if first.msg.contains("Recursion limit") {
        (TOO_DEEP.to_owned(), None)
    } else if let Some(usage) = MACROS.iter().find(|(name, _)| *name == previous).map(|(_, usage)| *usage) {
        ("this is not how it is written".to_owned(), Some(format!("write {usage}")))
    } else if first.msg.starts_with("Syntax error") || first.msg.is_empty() {
        let unclosed = matches!(word.as_str(), "'" | "\"") && first.msg.contains("token recognition");
        let problem = if rest.trim().is_empty() {
            "the expression ends where more is expected".to_owned()
        } else if unclosed {
            "this quote is not closed".to_owned()
        } else {
            format!("'{word}' is not expected here")
        };
        let words = [("and", "&&"), ("&", "&&"), ("or", "||"), ("|", "||"), ("=", "=="), ("not", "!")];
        let wrong = words.into_iter().find(|(wrong, _)| *wrong == word || (*wrong == "not" && previous == "not"));
        (problem, wrong.map(|(wrong, right)| format!("in CEL, '{wrong}' is written '{right}'")))
    } else {
        ("this expression cannot be read".to_owned(), Some(first.msg.clone()))
    };
    ExpressionFault { problem, span: (start, start + word.chars().count().max(1)), remedy }
}

/// How many characters the first bytes of a text are.
pub(super) fn characters(text: &str, bytes: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < bytes).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_expressions_together_are_bounded_and_the_same_one_is_read_once() {
        let mut parser = Parser { parts: MOST_PARTS - 20, ..Parser::default() };
        assert!(parser.parse("1 == 1").is_ok());
        let parts = parser.parts;
        assert!(parser.parse("1 == 1").is_ok());
        assert_eq!(parser.parts, parts);
        let fault = (2..9).find_map(|number| parser.parse(&format!("{number} == 1")).err()).expect("a fault");
        assert_eq!(fault.problem, "all expressions together have too many parts");
    }
}
