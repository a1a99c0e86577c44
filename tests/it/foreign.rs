//! Every format, read by a program or a library that is not ours, of a repository that means harm: names and output full of
//! what some reader would take for more than text.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use git_wtcheck::text::sanitize;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::schemas::rich;
use crate::support::terminal::parser;
use crate::support::{BINARY, Run, TestRepo, has};

/// Names of worktrees' folders, each with something that some format might take for its own.
const NAMES: [&[u8]; 9] = [
    b"esc\x1b[31m\x1b]0;title\x07\x1b[2J\x9b31m",
    b"new\nline\r\n::error::x%0A",
    b"|pipe| \\| `code` *b* <img src=x onerror=y> [l](x) ~~s~~ $m$ www.example.com",
    b"quote\"'&amp;&#10;]]>-->",
    b"bidi\xe2\x80\xae\xe2\x81\xa6\xd9\x81",
    // No emoji that are joined to one: terminals do not agree on how wide those are.
    b"\xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x98\x80 e\xcc\x81\xcc\x82",
    b"not utf-8 \xff\xfe",
    b" leading, trailing:  ",
    b"tab\tand $(touch pwned) ; %s %n",
];

/// Those worktrees, with a check that passes and one that fails, both printing what a terminal would obey; the subject of the
/// last commit is of 10,000 characters.
fn hostile() -> TestRepo {
    let repo = TestRepo::new();
    for name in NAMES {
        let mut add = repo.command("git");
        add.args(["worktree", "add", "--quiet", "--detach"]).arg(repo.root().join(OsStr::from_bytes(name)));
        assert!(add.status().expect("git").success());
    }
    let subject = format!("\x1b]0;title\x07\x1b[?1049h |{}| \u{202e}end", "long ".repeat(2_000));
    repo.write("../message", &subject);
    repo.git(&["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file", "../message"]);
    let script = "printf '\\033[2J\\033]0;title\\007\\033[?1049h\\033[31m ]]> ``` | <b> \\r\\n::error::x\\n\\377\\000\\b\\342\\200\\256end\\n'";
    repo.config("wtcheck.sly.command", &format!("{script}; {script} >&2; exit 3"));
    repo.config("wtcheck.fine.command", script);
    repo
}

/// What each worktree is called in reports: the end of its path, made one safe line.
fn shown(name: &[u8]) -> String {
    sanitize::line(&String::from_utf8_lossy(name)).into_owned()
}

/// Gives a program text to read; it must accept it. Gives what the program prints.
#[track_caller]
fn read_by(command: &mut Command, text: &[u8]) -> Vec<u8> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the reader");
    let mut input = child.stdin.take().expect("its input");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || drop(input.write_all(&text)));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("the text");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn junit_is_what_its_schema_says() {
    if !has("xmllint") {
        return;
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/schemas/junit-10.xsd");
    let accepted = |repo: &TestRepo, args: &[&str], elements: &[&str]| {
        let run = repo.wtcheck(&[&["--format=junit"], args].concat());
        read_by(
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(&schema).arg("-"),
            run.stdout.as_bytes(),
        );
        for element in elements {
            assert!(run.stdout.contains(element), "{element} in {}", run.stdout);
        }
    };
    let rich = rich();
    let all = ["<failure", "<error", "<skipped", "<rerunFailure", "<flakyFailure", "<system-out", "type=\"timed_out\""];
    accepted(&rich, &[], &all);
    accepted(&rich, &["--verbose"], &all);
    accepted(&rich, &["-j1", "--fail-fast"], &["type=\"cancelled\""]);
    accepted(&hostile(), &["--verbose"], &["<failure", "::error::x"]);
    let bare = TestRepo::empty();
    bare.git(&["init", "--quiet", "--bare", "../bare.git"]);
    let run = bare.wtcheck_in("../bare.git", &["--format=junit"]);
    read_by(
        Command::new("xmllint").args(["--noout", "--schema"]).arg(&schema).arg("-"),
        run.exits(0).stdout.as_bytes(),
    );
}

#[test]
fn jq_reads_json_and_its_lines() {
    if !has("jq") {
        return;
    }
    for repo in [rich(), hostile()] {
        let names = repo.wtcheck(&["--format=json", "--verbose"]);
        let names = read_by(Command::new("jq").args(["-e", "[.worktrees[].name]"]), names.exits(1).stdout.as_bytes());
        let names: Vec<String> = serde_json::from_slice(&names).expect("names");
        let lines = repo.wtcheck(&["--format=jsonl", "--verbose"]);
        let count = read_by(
            Command::new("jq").args(["-n", "-e", "[inputs | select(.event == \"unit_finished\")] | length"]),
            lines.exits(1).stdout.as_bytes(),
        );
        let json = repo.wtcheck(&["--format=json"]).json();
        let units: usize = json["worktrees"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["checks"].as_array().map_or(0, Vec::len))
            .sum();
        assert_eq!(String::from_utf8_lossy(&count).trim(), units.to_string());
        assert_eq!(names.len(), json["worktrees"].as_array().expect("rows").len());
        // One event a line, whatever stands in it.
        assert!(
            lines.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object()))
        );
    }
}

/// A table in Markdown as its reader has it, and the other text; nothing else may be in it.
fn markdown(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut rows, mut texts, mut cell) = (Vec::new(), Vec::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell | Tag::Paragraph | Tag::CodeBlock(_) | Tag::Heading { .. }) => {
                cell = Some(String::new());
            }
            Event::Text(part) => cell.as_mut().expect("a place for text").push_str(&part),
            Event::End(TagEnd::TableCell) => rows.last_mut().expect("a row").push(cell.take().expect("a cell")),
            Event::End(TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::Heading(_)) => texts.extend(cell.take()),
            Event::Start(Tag::Table(_) | Tag::Strong)
            | Event::End(TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::Strong) => {}
            other => panic!("{other:?} in\n{text}"),
        }
    }
    (rows, texts)
}

#[test]
fn markdown_means_nothing_but_its_text() {
    let repo = hostile();
    let page = repo.wtcheck(&["--format=markdown", "log", "sly"]);
    let summary = repo.root().join("summary.md");
    let mut github = repo.command(BINARY);
    Run::of(github.env("GITHUB_STEP_SUMMARY", &summary).args(["--format=github", "log", "sly"])).exits(1);
    let summary = std::fs::read_to_string(&summary).expect("a summary");
    for (text, heading) in [(&page.exits(1).stdout, None), (&summary, Some("git wtcheck"))] {
        let (rows, texts) = markdown(text);
        assert_eq!(rows.len(), 1 + 1 + NAMES.len(), "{text}");
        assert!(rows.iter().all(|row| row.len() == 6), "{rows:#?}");
        let mut names: Vec<String> = rows[1..].iter().map(|row| row[1].clone()).collect();
        // A reader of Markdown takes the spaces around a cell's text away.
        let mut expected: Vec<String> = NAMES.iter().map(|name| shown(name).trim().to_owned()).collect();
        expected.push("repo".to_owned());
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(texts.first().map(String::as_str).filter(|_| heading.is_some()), heading);
        // A paragraph and a block for each failure, and the sum.
        assert_eq!(texts.len(), usize::from(heading.is_some()) + 1 + 2 * (1 + NAMES.len()), "{texts:#?}");
        assert_eq!(texts.iter().filter(|text| text.contains("]]> ``` | <b>")).count(), 1 + NAMES.len());
    }
}

/// The command of a workflow that a line is, read as the runner documents it: properties, and the message. (Of libraries there
/// are only ones that write such lines.)
fn workflow_command(line: &str) -> Option<(&str, BTreeMap<String, String>, String)> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (command, properties) = head.split_once(' ').unwrap_or((head, ""));
    let plain = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    let property = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("name=value");
        (name.to_owned(), plain(&value.replace("%3A", ":").replace("%2C", ",")))
    };
    let properties = properties.split(',').filter(|pair| !pair.is_empty()).map(property).collect();
    Some((command, properties, plain(message)))
}

#[test]
fn a_workflow_gets_an_annotation_for_each_failure_and_none_that_a_check_made_up() {
    let repo = hostile();
    let run = repo.wtcheck(&["--format=github", "sly"]);
    let lines: Vec<_> = run.exits(1).stdout.lines().collect();
    let (sum, annotations) = lines.split_last().expect("lines");
    assert_eq!(workflow_command(sum), None);
    let mut titles = Vec::new();
    for line in annotations {
        let (command, properties, message) = workflow_command(line).expect(line);
        assert_eq!((command, properties.len()), ("error", 1), "{line}");
        assert!(message.starts_with("failed: exit status 3\n"), "{message}");
        assert!(message.contains("\n::error::x\n"), "what was printed is text: {message}");
        assert!(!message.contains(|letter: char| letter != '\n' && sanitize::is_unsafe(letter)), "{message:?}");
        titles.push(properties["title"].clone());
    }
    let mut expected: Vec<_> = NAMES.iter().map(|name| shown(name) + ": sly").collect();
    expected.push("repo: sly".to_owned());
    titles.sort();
    expected.sort();
    assert_eq!(titles, expected);
}

/// Reads records that end with NUL as a shell does, and prints the path of each failure between brackets.
const SHELL: &str = r#"
while read -r -d '' kind outcome check kind_of attempts exit ms path; do
    [ "$kind" = u ] && [ "$outcome" = failed ] && printf '[%s %s %s %s]\0' "$check" "$attempts" "$exit" "$path"
done
true
"#;

#[test]
fn a_shell_reads_porcelain_field_by_field() {
    let repo = hostile();
    let records = repo.command(BINARY).args(["-z", "sly"]).output().expect("the program").stdout;
    let read = read_by(Command::new("bash").args(["-c", SHELL]), &records);
    let mut read: Vec<_> = read.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect();
    let record = |path: &[u8]| [b"[sly 1 3 ", path, b"]"].concat();
    let mut expected: Vec<_> = NAMES
        .iter()
        // `read` takes the spaces at the end of its last field away; `IFS` decides, and the loop is a plain one.
        .map(|name| record(&[repo.root().as_os_str().as_encoded_bytes(), b"/", name.trim_ascii_end()].concat()))
        .collect();
    expected.push(record(repo.path().as_os_str().as_encoded_bytes()));
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
    // Lines stay lines, whatever the paths are.
    let lines = repo.wtcheck(&["--porcelain", "sly"]);
    let script = "$1 == \"u\" { units++ } $1 == \"w\" { worktrees++ } $1 == \"s\" { sum = $4 } END { print units, worktrees, sum, NR }";
    let counted = read_by(Command::new("awk").arg(script), lines.exits(1).stdout.as_bytes());
    let all = NAMES.len() + 1;
    assert_eq!(String::from_utf8_lossy(&counted).trim(), format!("{all} {all} {all} {}", 2 * all + 1));
}

/// What a terminal was asked for besides showing text.
#[derive(Default)]
struct Asked(Vec<String>);

impl vt100::Callbacks for Asked {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("a bell".to_owned());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("the title {title:?}"));
    }

    fn unhandled_escape(&mut self, _: &mut vt100::Screen, i1: Option<u8>, i2: Option<u8>, b: u8) {
        self.0.push(format!("an escape {i1:?} {i2:?} {b}"));
    }

    fn unhandled_control(&mut self, _: &mut vt100::Screen, b: u8) {
        self.0.push(format!("a control {b}"));
    }
}

#[test]
fn a_terminal_shows_the_table_and_does_nothing_else() {
    let repo = hostile();
    for columns in [60_u16, 80, 200] {
        let mut command = repo.command(BINARY);
        let run = Run::of(command.env("COLUMNS", columns.to_string()).args([
            "--color",
            "--verbose",
            "status",
            "log",
            "sly",
            "fine",
        ]));
        let size = parser(columns, 400).screen().size();
        let mut terminal = vt100::Parser::new_with_callbacks(size.0, size.1, 0, Asked::default());
        // The emulator leaves U+FFFD out, which terminals show in one column: a question mark stands in for it.
        terminal.process(run.exits(1).stdout.replace('\n', "\r\n").replace('\u{fffd}', "?").as_bytes());
        assert_eq!(terminal.callbacks().0, Vec::<String>::new(), "{columns}");
        let screen = terminal.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.application_cursor());
        assert_eq!(
            screen.attributes_formatted(),
            vt100::Parser::default().screen().attributes_formatted(),
            "no colour is left on"
        );
        let rows: Vec<_> = screen.rows(0, columns).collect();
        assert!(rows[0].starts_with("  WORKTREE"), "{}", rows[0]);
        // As many rows as worktrees, none of which wraps, and the columns stand where the header says, by the terminal's own widths.
        let sly = |row: u16| {
            (0..columns).find(|at| screen.cell(row, *at).is_some_and(|cell| cell.contents() == "\u{2717}" && *at > 0))
        };
        let first = sly(1);
        assert!(first.is_some(), "{rows:#?}");
        for row in 1..=u16::try_from(NAMES.len() + 1).expect("few") {
            assert!(!screen.row_wrapped(row), "{columns}: {}", rows[usize::from(row)]);
            assert_eq!(screen.cell(row, 0).map(vt100::Cell::contents), Some("\u{2717}"), "{rows:#?}");
            assert_eq!(sly(row), first, "{columns}:\n{}", rows.join("\n"));
        }
        assert_eq!(rows[NAMES.len() + 2], "", "{rows:#?}");
        assert!(!rows.iter().any(|row| row.contains(sanitize::is_unsafe)), "{rows:#?}");
    }
}
