//! The manual page, `man/git-wtcheck.1`.
//!
//! Its prose is in `manual.txt`; options, commands, facts and keys are put in from the definitions that the program
//! itself works by, so that the page cannot tell of others.
//!
//! The markup of `manual.txt`: `# HEADING`, `## Subheading`, `: term` with its definition below, `- item`, four spaces
//! before what stands as it is, `| ` before lines that are not filled, `@name` for what is put in; in a line, backquotes
//! for what is typed and `_NAME_` for what stands for something else.

use clap::builder::ValueRange;
use clap::{Arg, Command, CommandFactory};
use roff::{Inline, Roff, bold, italic, roman};

use crate::cli::Cli;
use crate::model::check::{CheckKind, FactType};
use crate::plan::scope::{COMMON_FIELDS, WORKTREE_FIELDS};
use crate::settings::schema::{CheckKeys, Key, TopKeys};

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
                for kind in CheckKind::BUILT_IN.into_iter().chain([CheckKind::Command]) {
                    self.term(&format!("`{}`", kind.name()));
                    self.text(question(kind));
                    self.facts(kind.facts(), |fact| meaning(kind, fact));
                }
            }
            "common" => self.facts(&COMMON_FIELDS, common_meaning),
            "worktree" => self.facts(&WORKTREE_FIELDS, worktree_meaning),
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

    fn facts(&mut self, facts: &[(&'static str, FactType)], meaning: impl Fn(&str) -> &'static str) {
        self.roff.control("RS", []);
        for (fact, kind) in facts {
            let kind = match kind {
                FactType::Bool => "true or false",
                FactType::Int => "whole number",
                FactType::Text => "text",
            };
            self.term(&format!("`{fact}` ({kind})"));
            self.text(meaning(fact));
        }
        self.roff.control("RE", []);
    }

    fn key(&mut self, key: &Key, names: &str) {
        self.term(names);
        self.text(key.doc.trim());
        // How durations and sizes are written is said once, under "Values".
        let accepted = key.accepted.split_once(" like ").map_or(key.accepted, |(accepted, _)| accepted);
        if accepted != "a text that is not empty" {
            self.text(&sentence(&format!("Takes {accepted}")));
        }
        let default = match key.default.split_once(": ") {
            Some((value, words)) => format!("{value} ({words})"),
            None => key.default.to_owned(),
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

fn question(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Status => "What has changed here? (`git status`)",
        CheckKind::Diff => "How much has changed, against HEAD? It counts tracked files (`git diff HEAD`).",
        CheckKind::Log => "What is the last commit? (`git log`)",
        CheckKind::Command => "Does this command exit with 0?",
    }
}

/// What a fact means; empty where nobody has said it.
fn meaning(kind: CheckKind, fact: &str) -> &'static str {
    match (kind, fact) {
        (CheckKind::Status, "clean") => "Nothing is staged, unstaged, untracked or conflicted.",
        (CheckKind::Status, "dirty") => "The contrary of `clean`.",
        (CheckKind::Status, "staged") => "Paths with changes in the index.",
        (CheckKind::Status, "unstaged") => "Tracked paths with changes that are not in the index.",
        (CheckKind::Status, "untracked") => "Untracked files and folders, ignored ones left out.",
        (CheckKind::Status, "conflicted") => "Paths with conflicts.",
        (CheckKind::Status, "upstream") => "The branch's upstream, such as `origin/main`.",
        (CheckKind::Status, "ahead") => "Commits that the upstream lacks.",
        (CheckKind::Status, "behind") => "Commits that only the upstream has.",
        (CheckKind::Status, "stash") => "Entries in the repository's stash.",
        (CheckKind::Status, "operation") => {
            "What has begun and not ended: `merge`, `rebase`, `cherry-pick`, `revert`, `bisect` or `am`; empty where nothing has."
        }
        (CheckKind::Diff, "files") => "Files that differ.",
        (CheckKind::Diff, "insertions") => "Lines added.",
        (CheckKind::Diff, "deletions") => "Lines removed.",
        (CheckKind::Log, "commit") => "The commit's object id.",
        (CheckKind::Log, "subject") => "The first line of its message.",
        (CheckKind::Log, "author") => "Its author's name.",
        (CheckKind::Log, "committed_at") => "When it was committed, in seconds since 1970.",
        (CheckKind::Log, "age") => "Seconds since then.",
        (CheckKind::Command, "exit_code") => "The exit status of the last attempt.",
        _ => "",
    }
}

fn common_meaning(field: &str) -> &'static str {
    match field {
        "outcome" => "`passed`, `failed`, `timed_out`, `errored`, `skipped` or `cancelled`.",
        "passed" => "Whether the outcome is `passed`.",
        "exit_code" => "The exit status of the last attempt.",
        "duration_ms" => "How long it took, in milliseconds.",
        _ => "",
    }
}

fn worktree_meaning(field: &str) -> &'static str {
    match field {
        "path" => "Its folder, absolute.",
        "name" => "The folder's own name.",
        "branch" => "The short name of its branch; empty on a detached HEAD.",
        "main" => "Whether it is the main worktree.",
        "detached" => "Whether HEAD names a commit and no branch.",
        "locked" => "Whether `git worktree lock` keeps it.",
        "bare" => "Whether it is a bare repository.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_has_its_meaning() {
        for kind in CheckKind::BUILT_IN.into_iter().chain([CheckKind::Command]) {
            for (fact, _) in kind.facts() {
                assert_ne!(meaning(kind, fact), "", "{}.{fact}", kind.name());
            }
        }
        for (field, _) in COMMON_FIELDS {
            assert_ne!(common_meaning(field), "", "{field}");
        }
        for (field, _) in WORKTREE_FIELDS {
            assert_ne!(worktree_meaning(field), "", "worktree.{field}");
        }
    }

    #[test]
    fn markup_and_what_only_looks_like_it() {
        assert_eq!(inlines("a `b` _N_"), [roman("a "), bold("b"), roman(" "), italic("N")]);
        assert_eq!(inlines("`exit_code` max_output"), [bold("exit_code"), roman(" max_"), roman("output")]);
        assert_eq!(inlines("one ` alone"), [roman("one `"), roman(" alone")]);
    }
}
