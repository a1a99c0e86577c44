//! The rules of the house: a room imports only from lower floors, or from within its own folder; and text for people leaves
//! by one door.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The rooms by floor, as the map at the top of src/lib.rs has them.
const FLOORS: [&[&str]; 12] = [
    &["text"],
    &["model"],
    &["git"],
    &["checks"],
    &["settings"],
    &["plan"],
    &["event"],
    &["record"],
    &["exec", "report"],
    &["cli"],
    &["commands", "completion", "manual"],
    &["error", "lib", "main"],
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn rooms_import_downward() {
    let src = src();
    let floor: BTreeMap<&str, usize> =
        FLOORS.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor))).collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 30, "the sources are found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("a path in src").to_owned();
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        let own = *floor.get(room.as_str()).unwrap_or_else(|| panic!("no floor for src/{}", inside.display()));
        let text = std::fs::read_to_string(&file).expect("a file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for part in code.split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let Some(other) = floor.get(name.as_str()) else { continue };
                // Commands and the door itself give errors to the user, whose type stands with the door.
                let given_up = name == "error" && own + 2 >= FLOORS.len();
                if name != room && *other >= own && !given_up {
                    wrong.push(format!("src/{}:{}: {room} imports {name}", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who may write otherwise than through `text::door::put`, by which word, and why that reaches no terminal raw.
const AROUND_THE_DOOR: &[(&str, &str, &str)] = &[
    ("text/door.rs", "write_all", "the door itself"),
    ("text/message.rs", "write!", "to a formatter"),
    ("main.rs", "stdout", "handed to the commands, which write through the door"),
    ("main.rs", "stderr", "handed to the commands, which write through the door"),
    ("commands/run.rs", "stderr", "handed to the screen, whose lines come through the door"),
    ("model/environment.rs", "stdout", "asked what it is"),
    ("model/environment.rs", "stderr", "asked what it is"),
    ("report/screen.rs", "stderr", "asked how large it is"),
    ("report/screen.rs", "raw", "lines that came through the door, and its own moves of the cursor"),
    ("report/json.rs", "raw", "a machine format, with escapes of its own"),
    ("report/json.rs", "write_all", "into memory"),
    ("report/junit.rs", "raw", "a machine format, with escapes of its own"),
    ("report/porcelain.rs", "raw", "a machine format, quoted as git quotes"),
    ("report/timings.rs", "raw", "a page for browsers"),
    ("commands/mod.rs", "raw", "JSON, with escapes of its own"),
    ("completion.rs", "raw", "for a shell, and nothing that is not safe to show"),
    ("commands/init.rs", "write_all", "into a file"),
    ("commands/setup.rs", "write_all", "into a file"),
    ("settings/trust.rs", "write_all", "into a file"),
    ("settings/origin.rs", "write!", "to a formatter"),
    ("manual.rs", "write", "into the page"),
    ("exec/process.rs", "write_all", "to a child"),
    ("plan/budget.rs", "write!", "to a formatter"),
    ("report/draft.rs", "write", "a report into a file"),
    ("report/outlet.rs", "write", "behind the door: what reports have made of their text"),
    ("report/outlet.rs", "write_all", "behind the door: what reports have made of their text"),
    ("commands/outputs.rs", "stdout", "handed to the reports, which write through the door"),
    ("exec/helper.rs", "writeln!", "to the process that started this one"),
    ("exec/helper.rs", "stderr", "to the process that started this one"),
    ("exec/helper.rs", "stdout", "to the process that started this one"),
    ("exec/helper.rs", "write_all", "to the process that started this one"),
    ("text/door.rs", "raw", "the door itself"),
];

/// Each way to write past the door in a source, less what only tests compile: its word and its line.
fn ways_out(source: &str) -> Vec<(String, usize)> {
    let tokens: TokenStream = source.parse().expect("Rust");
    let mut found = Vec::new();
    look(&tokens.into_iter().collect::<Vec<_>>(), &mut found);
    found
}

fn look(tokens: &[TokenTree], found: &mut Vec<(String, usize)>) {
    let punct =
        |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let arguments = |at: usize| match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            Some(group.stream().to_string())
        }
        _ => None,
    };
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) if punct(at.wrapping_sub(1), '#') && group.stream().to_string() == "cfg (test)" => {
                // What only tests compile: the item that follows.
                let ends = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    _ => false,
                };
                at += tokens[at..].iter().position(ends).unwrap_or(tokens.len());
            }
            TokenTree::Group(group) => look(&group.stream().into_iter().collect::<Vec<_>>(), found),
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
        at += 1;
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
    let (src, mut files) = (src(), Vec::new());
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("a path in src").to_string_lossy().into_owned();
        for (word, line) in ways_out(&std::fs::read_to_string(&file).expect("a file")) {
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
