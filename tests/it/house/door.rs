//! Text for people leaves by one door: nothing in `src/` writes past it but what is listed here.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::sources::{all, without_tests};

/// Who may write otherwise than through `text::door::put`, by which word, and why that reaches no terminal raw.
const AROUND_THE_DOOR: &[(&str, &str, &str)] = &[
    ("text/door.rs", "write_all", "the door itself"),
    ("text/message.rs", "write!", "to a formatter"),
    ("main.rs", "stdout", "handed to the commands, which write through the door"),
    ("main.rs", "stderr", "handed to the commands, which write through the door"),
    ("session/run.rs", "stderr", "handed to the screen, whose lines come through the door"),
    ("terminal.rs", "stdout", "asked what it is"),
    ("terminal.rs", "stderr", "asked what it is"),
    ("report/screen.rs", "raw", "lines that came through the door, and its own moves of the cursor"),
    ("report/json.rs", "raw", "a machine format, with escapes of its own"),
    ("report/json.rs", "write_all", "into memory"),
    ("report/junit.rs", "raw", "a machine format, with escapes of its own"),
    ("report/porcelain.rs", "raw", "a machine format, quoted as git quotes"),
    ("report/timings.rs", "raw", "a page for browsers"),
    ("commands/io.rs", "raw", "JSON, with escapes of its own"),
    ("completion.rs", "raw", "for a shell, and nothing that is not safe to show"),
    ("commands/init.rs", "write_all", "into a file"),
    ("git/config_file.rs", "write_all", "into a file"),
    ("git/config_memory/store.rs", "write_all", "into a file"),
    ("git/integration/kept.rs", "write_all", "into a file"),
    ("git/listing_file.rs", "write_all", "into a file"),
    ("setup/file.rs", "write_all", "into a file"),
    ("settings/trust.rs", "write_all", "into a file"),
    ("settings/origin.rs", "write!", "to a formatter"),
    ("manual.rs", "write", "into the page"),
    ("exec/process.rs", "write_all", "to a child"),
    ("plan/budget.rs", "write!", "to a formatter"),
    ("model/facts.rs", "write!", "to a formatter"),
    ("report/draft.rs", "write", "a report into a file"),
    ("report/named_file.rs", "write", "behind the door: what reports have made of their text"),
    ("report/outlet.rs", "write", "behind the door: what reports have made of their text"),
    ("report/outlet.rs", "write_all", "behind the door: what reports have made of their text"),
    ("session/outputs.rs", "stdout", "handed to the reports, which write through the door"),
    ("exec/helper.rs", "writeln!", "to the process that started this one"),
    ("exec/helper.rs", "stderr", "to the process that started this one"),
    ("exec/helper.rs", "stdout", "to the process that started this one"),
    ("exec/helper.rs", "write_all", "to the process that started this one"),
    ("text/door.rs", "raw", "the door itself"),
];

/// Each way to write past the door in a source, less what only tests compile: its word and its line.
fn ways_out(source: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    look(without_tests(source), &mut found);
    found
}

fn look(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let punct =
        |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let arguments = |at: usize| match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            Some(group.stream().to_string())
        }
        _ => None,
    };
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => look(group.stream(), found),
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                let is_path = punct(at.wrapping_sub(1), ':') && punct(at.wrapping_sub(2), ':');
                let is_method = punct(at.wrapping_sub(1), '.');
                let is_found = match word.as_str() {
                    "write" | "writeln" | "print" | "println" | "eprint" | "eprintln" | "dbg" if punct(at + 1, '!') => {
                        true
                    }
                    "write_all" | "write_fmt" | "write_vectored" => true,
                    "stdout" | "stderr" => {
                        is_path || (!is_method && arguments(at + 1).is_some_and(|all| all.is_empty()))
                    }
                    "raw" => is_path || arguments(at + 1).is_some(),
                    // What opens files has a switch of this name.
                    "write" => {
                        is_method && arguments(at + 1).is_some_and(|all| !matches!(&*all, "" | "true" | "false"))
                    }
                    _ => false,
                };
                if is_found {
                    let sign = if punct(at + 1, '!') { "!" } else { "" };
                    found.push((word + sign, ident.span().start().line));
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_way_around_the_door_is_found() {
    let words = |source: &str| ways_out(source).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    for (source, word) in [
        ("fn f() { println!(\"{name}\"); }", "println!"),
        ("fn f() { vec![writeln!(out, \"x\")]; }", "writeln!"),
        ("fn f() { out.write_all(b\"x\")?; }", "write_all"),
        ("fn f() { Write::write_all(out, b\"x\"); }", "write_all"),
        ("fn f() { let out = std::io::stdout(); }", "stdout"),
        ("use std::io::{self, Write}; fn f() { stderr().lock(); }", "stderr"),
        ("use std::io::stdout as out;", "stdout"),
        ("fn f() { out.write(text)?; }", "write"),
        ("use crate::text::door::raw;", "raw"),
        ("#[cfg(test)] use a::b; fn f() { eprint!(\"x\") }", "eprint!"),
    ] {
        assert_eq!(words(source), [word], "{source}");
    }
    for source in [
        "// println!(\"x\")\nfn f() { let text = \"println!()\"; }",
        "fn f() { command.stdout(Stdio::piped()); attempt.stdout; File::options().write(true); file.write(); }",
        "#[cfg(test)] mod tests { fn f() { println!(\"x\") } }",
    ] {
        assert_eq!(words(source), [""; 0], "{source}");
    }
}

#[test]
fn text_for_people_leaves_by_one_door() {
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (inside, source) in all() {
        for (word, line) in ways_out(&source) {
            match AROUND_THE_DOOR.iter().position(|(file, known, _)| *file == inside && *known == word) {
                Some(known) => _ = used.insert(known),
                None => wrong.push(format!("src/{inside}:{line}: {word}: people's text goes through text::door::put")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (index, entry) in AROUND_THE_DOOR.iter().enumerate() {
        assert!(used.contains(&index), "nothing needs it any more: {entry:?}");
    }
}
