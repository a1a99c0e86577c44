//! The manual page, `man/git-wtcheck.1`.
//!
//! Its prose is in `manual.txt`; options, commands, facts and keys are put in from the definitions that the program
//! itself works by, so that the page cannot tell of others.
//!
//! The markup of `manual.txt`: `# HEADING`, `## Subheading`, `: term` with its definition below, `- item`, four spaces
//! before what stands as it is, `| ` before lines that are not filled, `@name` for what is put in; in a line,
//! backquotes for what is typed and `_NAME_` for what stands for something else.

use clap::builder::ValueRange;
use clap::{Arg, Command, CommandFactory};
use roff::{Inline, Roff, bold, italic, roman};

use crate::checks::KINDS;
use crate::cli::Cli;
use crate::model::facts::{FactDef, FactType};
use crate::plan::scope::{COMMON_FIELDS, WORKTREE_FIELDS};
use crate::settings::{CheckKeys, Key, TopKeys};

/// The day of the last change to the page that a reader should know of.
const DATE: &str = "2026-11-22";

/// The page, as troff reads it.
pub fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let source = format!("git-wtcheck {}", env!("CARGO_PKG_VERSION"));
    let mut page = Page { roff: Roff::new(), fresh: true, apart: false };
    page.roff.control("TH", ["GIT-WTCHECK", "1", DATE, &source, "Git Manual"]);
    page.write(include_str!("manual.txt"), &command);
    // Characters that troff would draw as accents or quotation marks.
    page.roff.render().replace('~', r"\(ti").replace('^', r"\(ha").replace('`', r"\(ga")
}

/// The page as far as it is written.
struct Page {
    roff: Roff,
    /// Nothing stands below the last heading yet.
    fresh: bool,
    /// The next text begins a paragraph.
    apart: bool,
}

impl Page {
    fn write(&mut self, text: &str, command: &Command) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.is_empty() {
                self.apart = true;
            } else if let Some(heading) = line.strip_prefix("## ") {
                self.heading("SS", heading);
            } else if let Some(heading) = line.strip_prefix("# ") {
                self.heading("SH", heading);
            } else if let Some(term) = line.strip_prefix(": ") {
                self.term(term);
            } else if let Some(item) = line.strip_prefix("- ") {
                self.roff.control("IP", [r"\(bu", "2"]).text(inlines(item));
            } else if let Some(first) = line.strip_prefix("| ") {
                let more = std::iter::from_fn(|| lines.next_if(|line| line.starts_with("| ")));
                let unfilled: Vec<_> = std::iter::once(first).chain(more.map(|line| &line[2..])).map(inlines).collect();
                self.unfilled(unfilled);
            } else if let Some(first) = line.strip_prefix("    ") {
                let mut block = vec![first.to_owned()];
                while let Some(line) = lines.next_if(|line| line.is_empty() || line.starts_with("    ")) {
                    block.push(line.strip_prefix("    ").unwrap_or_default().to_owned());
                }
                while block.last().is_some_and(String::is_empty) {
                    block.pop();
                    self.apart = true;
                }
                self.block(&block);
            } else if let Some(name) = line.strip_prefix('@') {
                self.put_in(name, command);
            } else {
                self.text(line);
            }
        }
    }

    fn heading(&mut self, name: &str, heading: &str) {
        self.roff.control(name, [heading]);
        (self.fresh, self.apart) = (true, false);
    }

    fn term(&mut self, term: &str) {
        self.roff.control("TP", []).text(inlines(term));
        (self.fresh, self.apart) = (false, false);
    }

    fn text(&mut self, line: &str) {
        if self.apart && !self.fresh {
            self.roff.control("PP", []);
        }
        (self.fresh, self.apart) = (false, false);
        self.roff.text(inlines(line));
    }

    fn unfilled(&mut self, lines: Vec<Vec<Inline>>) {
        self.roff.control("nf", []);
        for line in lines {
            self.roff.text(line);
        }
        self.roff.control("fi", []);
        self.fresh = false;
    }

    fn block(&mut self, lines: &[String]) {
        let apart = std::mem::take(&mut self.apart);
        if !self.fresh {
            self.roff.control("sp", []);
        }
        self.roff.control("RS", ["4"]);
        self.unfilled(lines.iter().map(|line| vec![roman(line.replace('\t', "    "))]).collect());
        self.roff.control("RE", []);
        self.apart = apart;
    }

    /// What the definitions say.
    fn put_in(&mut self, name: &str, command: &Command) {
        match name {
            "options" => command.get_arguments().filter(|arg| is_option(arg)).for_each(|arg| self.option(arg)),
            "commands" => self.commands(command, ""),
            "checks" => {
                for kind in KINDS {
                    self.term(&format!("`{}`", kind.name()));
                    self.text(kind.question());
                    self.facts(kind.facts());
                }
            }
            "common" => self.facts(&COMMON_FIELDS),
            "worktree" => self.facts(&WORKTREE_FIELDS),
            "top-keys" => TopKeys::KEYS.iter().for_each(|key| {
                self.key(key, &format!("`{}`, `wtcheck.{}`, `{}`", key.name, key.camel(), key.variable()));
            }),
            "check-keys" => CheckKeys::KEYS.iter().for_each(|key| {
                self.key(key, &format!("`{}`, `wtcheck.`_NAME_`.{}`", key.name, key.camel()));
            }),
            unknown => unreachable!("nothing is put in for @{unknown}"),
        }
        self.apart = true;
    }

    fn option(&mut self, arg: &Arg) {
        let short = arg.get_short().map(|short| format!("`-{short}`"));
        let aliases = arg.get_all_aliases().unwrap_or_default();
        let long = arg.get_long().into_iter().chain(aliases).map(|long| format!("`--{long}`"));
        let names: Vec<_> = short.into_iter().chain(long).collect();
        let value = match (value_of(arg), arg.is_require_equals_set()) {
            (None, _) => String::new(),
            (Some(value), false) => format!(" {value}"),
            (Some(value), true) => format!("[`=`{value}]"),
        };
        self.term(&format!("{}{value}", names.join(", ")));
        self.help(arg);
    }

    fn help(&mut self, arg: &Arg) {
        for paragraph in arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default().lines() {
            if !paragraph.is_empty() {
                self.text(&sentence(paragraph));
            }
        }
        let Some(value) = value_of(arg) else { return };
        let words: Vec<_> = arg
            .get_possible_values()
            .iter()
            .filter(|word| !word.is_hide_set())
            .map(|word| match word.get_help() {
                Some(help) if lower(&help.to_string()) != word.get_name() => {
                    format!("`{}` ({})", word.get_name(), lower(&help.to_string()))
                }
                _ => format!("`{}`", word.get_name()),
            })
            .collect();
        if let Some((last, first)) = words.split_last() {
            self.text(&format!("{value} is {} or {last}.", first.join(", ")));
        }
        if let [default] = arg.get_default_values() {
            self.text(&format!("Default: `{}`.", default.to_string_lossy()));
        }
    }

    fn commands(&mut self, command: &Command, above: &str) {
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = format!("{above}{}", command.get_name());
            let own = || command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help");
            let positionals = own().filter(|arg| arg.is_positional()).map(|arg| {
                let value = value_of(arg).unwrap_or_default();
                let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
                let dots = if many { "..." } else { "" };
                if arg.is_required_set() { format!(" {value}{dots}") } else { format!(" [{value}]{dots}") }
            });
            self.term(&format!("`{name}`{}", positionals.collect::<String>()));
            let about = command.get_long_about().or(command.get_about());
            for line in about.map(ToString::to_string).unwrap_or_default().lines().filter(|line| !line.is_empty()) {
                self.text(&sentence(line));
            }
            let options: Vec<_> = own().filter(|arg| is_option(arg)).collect();
            if !options.is_empty() {
                self.roff.control("RS", []);
                for arg in options {
                    self.option(arg);
                }
                self.roff.control("RE", []);
            }
            self.commands(command, &format!("{name} "));
        }
    }

    fn facts(&mut self, facts: &[FactDef]) {
        self.roff.control("RS", []);
        for fact in facts {
            let kind = match fact.kind {
                FactType::Bool => "true or false",
                FactType::Int | FactType::Count => "whole number",
                FactType::Text | FactType::Id => "text",
                FactType::Texts => "list of texts",
            };
            self.term(&format!("`{}` ({kind})", fact.name));
            self.text(fact.doc);
        }
        self.roff.control("RE", []);
    }

    fn key(&mut self, key: &Key, names: &str) {
        self.term(names);
        self.text(key.doc.trim());
        // How durations and sizes are written is said once, under "Values".
        let accepted = key.accepted();
        let accepted = accepted.split_once(" like ").map_or(&*accepted, |(accepted, _)| accepted);
        if accepted != "a text that is not empty" {
            self.text(&sentence(&format!("Takes {accepted}")));
        }
        let default = key.default();
        let default = match default.split_once(": ") {
            Some((value, words)) => format!("{value} ({words})"),
            None => default,
        };
        self.text(&sentence(&format!("Default: {default}")));
    }
}

fn is_option(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.is_hide_set()
}

/// What stands for an argument's value, where it takes one.
fn value_of(arg: &Arg) -> Option<String> {
    arg.get_num_args().filter(ValueRange::takes_values)?;
    let names = arg.get_value_names().unwrap_or_default();
    Some(names.iter().map(|name| format!("_{name}_")).collect::<Vec<_>>().join(" "))
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let ended = text.ends_with(['.', ':', '?']) || text.ends_with(".)");
    if ended { text.to_owned() } else { format!("{text}.") }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    // "JSON" and "One": only a word's first letter is a capital by its place.
    if letters.clone().next().is_some_and(char::is_uppercase) { text.to_owned() } else { first + letters.as_str() }
}

/// A line's pieces: `typed`, _NAME_, and the rest.
fn inlines(line: &str) -> Vec<Inline> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '_']) {
        let mark = &rest[at..=at];
        let inside = rest[at + 1..].split_once(mark).map(|(inside, _)| inside);
        let is_name = |inside: &str| inside.chars().all(|c| c.is_ascii_uppercase() || c == '-') && !inside.is_empty();
        let inside = inside.filter(|inside| mark == "`" || is_name(inside));
        let end = at + inside.map_or(1, |inside| inside.len() + 2);
        let before = if inside.is_some() { &rest[..at] } else { &rest[..end] };
        if !before.is_empty() {
            pieces.push(roman(before));
        }
        if let Some(inside) = inside {
            pieces.push(if mark == "`" { bold(inside) } else { italic(inside) });
        }
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        pieces.push(roman(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_only_looks_like_it() {
        assert_eq!(inlines("a `b` _N_"), [roman("a "), bold("b"), roman(" "), italic("N")]);
        assert_eq!(inlines("`exit_code` max_output"), [bold("exit_code"), roman(" max_"), roman("output")]);
        assert_eq!(inlines("one ` alone"), [roman("one `"), roman(" alone")]);
    }
}
