//! `when`, `fail-if` and `needs`: what is wrong with one is said before anything starts, at its place.

use serde_json::Value;

use crate::support::{Run, TestRepo, unit};

/// A repository whose check `x` leaves a trace when it runs.
fn traced() -> TestRepo {
    let repo = TestRepo::new();
    repo.config("wtcheck.x.command", "touch ran");
    repo.config("wtcheck.my-test.command", "true");
    repo.config("wtcheck.package.command", "true");
    repo
}

/// Checks `c00`, `c01`, ..., each with its expression, all for one run. Gives their names.
fn defined<'a>(repo: &TestRepo, expressions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut config = String::new();
    let mut names = Vec::new();
    for (index, expression) in expressions.enumerate() {
        let name = format!("c{index:02}");
        config.push_str(&format!("[wtcheck \"{name}\"]\n\tcommand = touch ran\n\twhen = \"{expression}\"\n"));
        names.push(name);
    }
    repo.write("../home/.gitconfig", config);
    names
}

fn outcome(run: &Run, worktree: &str, check: &str) -> (String, String) {
    let json = run.json();
    let unit = unit(&json, worktree, check);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&unit["outcome"]), text(&unit["reason"]))
}

#[test]
fn every_fault_of_an_expression_is_found_before_anything_starts() {
    let repo = traced();
    // The expression, the place in it, what is said, how to mend it.
    let rows = [
        // syntax
        ("status.dirty &&", "               ^", "the expression ends where more is expected", ""),
        ("(status.dirty", "             ^", "the expression ends where more is expected", ""),
        ("status.dirty)", "            ^", "')' is not expected here", ""),
        ("status.dirty and true", "             ^^^", "'and' is not expected here", "in CEL, 'and' is written '&&'"),
        ("status.dirty = true", "             ^", "'=' is not expected here", "in CEL, '=' is written '=='"),
        ("not status.dirty", "    ^^^^^^", "'status' is not expected here", "in CEL, 'not' is written '!'"),
        ("worktree.branch == 'main", "                   ^", "this quote is not closed", ""),
        ("'é世' == '' and true", "           ^^^", "'and' is not expected here", ""),
        ("has(status)", "    ^^^^^^", "this is not how it is written", "write has(CHECK.FACT)"),
        ("[1].all(1, true)", "        ^", "this is not how it is written", "write LIST.all(NAME, CONDITION)"),
        // unknown checks
        ("statsu.dirty", "^^^^^^^^^^^^", "no check is named 'statsu'", "did you mean 'status'?"),
        ("true || statsu.dirty", "        ^^^^^^^^^^^^", "no check is named 'statsu'", "did you mean 'status'?"),
        ("zebra.passed", "^^^^^^^^^^^^", "no check is named 'zebra'", "there are: "),
        ("my-test.passed", "^^", "no check is named 'my'", "in expressions, 'my-test' is written 'my_test'"),
        ("{'a': zebra.passed}['a']", "      ^^^^^^^^^^^^", "no check is named 'zebra'", ""),
        ("[1].all(y, z > 0)", "           ^", "no check is named 'z'", ""),
        ("package.passed && true", "^^^^^^^", "'package' is a word of CEL's own", "rename it"),
        // unknown facts
        ("status.drity", "^^^^^^^^^^^^", "'status' has no 'drity'", "did you mean 'status.dirty'?"),
        ("!status.drity", " ^^^^^^^^^^^^", "'status' has no 'drity'", "did you mean 'status.dirty'?"),
        ("has(status.drity)", "    ^^^^^^^^^^^^", "'status' has no 'drity'", "did you mean 'status.dirty'?"),
        ("worktree.brnch == ''", "^^^^^^^^^^^^^^", "'worktree' has no 'brnch'", "did you mean 'worktree.branch'?"),
        ("log.dirty && true", "^^^^^^^^^", "'log' has no 'dirty'", "log has: commit, subject, author"),
        ("status", "^^^^^^", "'status' is no value by itself", "name one of its facts, like status.clean"),
        ("status.dirty.now", "^^^^^^^^^^^^^^^^", "a boolean has no fields", ""),
        // wrong types
        ("status.dirty == 1", "^^^^^^^^^^^^^^^^^", "cannot compare a boolean with a whole number", ""),
        ("true && status.staged > 'a'", "        ^^^^^^^^^^^^^^^^^^^", "cannot compare a whole number with a text", ""),
        (
            "'é世' == '' || status.staged + true > 1",
            "              ^^^^^^^^^^^^^^^^^^^^",
            "'+' does not take a whole number and a boolean",
            "",
        ),
        ("size(log.subject) > 'a'", "^^^^^^^^^^^^^^^^^^^^^^^", "cannot compare a whole number with a text", ""),
        ("'a' in 'abc'", "^^^^^^^^^^^^", "'in' wants a list, and this is a text", ""),
        (
            "log.subject.startsWith(1)",
            "                       ^",
            "'startsWith' takes a text, and this is a whole number",
            "",
        ),
        (
            "log.subject.mathces('a')",
            "^^^^^^^^^^^^^^^^^^^^^^^^",
            "there is no function 'mathces'",
            "did you mean 'matches'?",
        ),
        ("log.subject.matches('(')", "                    ^^^", "this is no regular expression: unclosed group", ""),
        (
            "log.subject.matches(worktree.name)",
            "                    ^^^^^^^^^^^^^",
            "a pattern is not put together from other texts",
            "write the pattern itself, in quotes",
        ),
        ("'a'.matches('a' + 'b')", "            ^^^^^^^^^", "a pattern is not put together from other texts", ""),
        ("'a'.matches('.{9999}')", "            ^^^^^^^^^", "this pattern is too large", "repeat fewer times"),
        ("size() > 0", "^^^^^^", "'size' takes 1 argument, not 0", ""),
        ("contains('a', 'b')", "^^^^^^^^^^^^^^^^^^", "'contains' stands after a value", "write VALUE.contains(...)"),
        // not boolean
        ("1 + 2", "^^^^^", "must be true or false, but is a whole number", ""),
        ("status.staged", "^^^^^^^^^^^^^", "must be true or false, but is a whole number", ""),
        ("!status.staged", " ^^^^^^^^^^^^^", "must be true or false, but is a whole number", ""),
        ("log.subject || true", "^^^^^^^^^^^", "must be true or false, but is a text", ""),
        ("status.dirty ? 1 : 2", "^^^^^^^^^^^^^^^^^^^^", "must be true or false, but is a whole number", ""),
        ("status.dirty ? true : 2", "^^^^^^^^^^^^^^^^^^^^^^^", "both answers must be of one type", ""),
    ];
    // As many as are told of one run.
    for rows in rows.chunks(20) {
        let names = defined(&repo, rows.iter().map(|(expression, ..)| *expression));
        let run = repo.wtcheck(&["--skip=package"]);
        run.exits(2);
        assert_eq!(run.stdout, "");
        assert_eq!(run.stderr.matches("error: ").count(), rows.len());
        for (name, (expression, place, problem, remedy)) in names.iter().zip(rows) {
            // Marks stand by columns, of which some letters take two.
            let (lead, marks) = place.split_at(place.find('^').expect("a mark"));
            let wide = expression.chars().filter(|c| *c == '世').count();
            let gap = " ".repeat(lead.len() + wide);
            run.says(&format!("/home/.gitconfig (git global): wtcheck.{name}.when: {problem}"));
            let quoted = format!("\n    {expression}\n    {gap}{marks}\n");
            run.says(&quoted);
            let at = run.stderr.find(&format!(".{name}.when: ")).expect("a message");
            let message = run.stderr[at..].split("\nerror: ").next().unwrap_or_default();
            assert!(message.contains(remedy), "{remedy:?} in {message}");
        }
    }
    assert!(!repo.at("ran").exists());
}

#[test]
fn when_cannot_ask_for_its_own_check() {
    let repo = traced();
    for (expression, place) in [("x.passed", "^^^^^^^^"), ("true || x.exit_code == 0", "        ^^^^^^^^^^^")] {
        repo.config("wtcheck.x.when", expression);
        repo.wtcheck(&["x"])
            .exits(2)
            .says("error: .git/config (git local): wtcheck.x.when: check 'x' waits for itself\n")
            .says(&format!("\n    {expression}\n    {place}\nhint: 'when' is asked before the check runs;"));
    }
    assert!(!repo.at("ran").exists());
}

#[test]
fn long_and_many_lined_expressions_are_quoted_around_the_place() {
    let repo = traced();
    repo.write("../home/.gitconfig", "");
    repo.write("named.toml", "[check.x]\nwhen = '''\nstatus.dirty\n\t&& status.drity\n&& true'''\n");
    repo.wtcheck(&["x", "--config=named.toml"])
        .plain()
        .exits(2)
        .says("/named.toml: check.x.when: 'status' has no 'drity'\n     && status.drity\n        ^^^^^^^^^^^^\nhint: ");
    let long = format!("{} || statsu.dirty || {}", ["true"; 60].join(" || "), ["true"; 40].join(" || "));
    repo.config("wtcheck.x.when", &long);
    let run = repo.wtcheck(&["x"]);
    run.exits(2).says(" || statsu.dirty || true").says("    ...");
    let lines: Vec<_> = run.stderr.lines().collect();
    assert!(lines.iter().all(|line| line.len() < 110), "{}", run.stderr);
    assert_eq!(lines[1].find("statsu.dirty"), lines[2].find('^'), "{}", run.stderr);
}

#[test]
fn an_expression_that_would_keep_the_run_busy_is_refused() {
    let repo = traced();
    let loops =
        |depth: usize| (0..depth).fold("true".to_owned(), |inner, depth| format!("[1, 2].all(v{depth}, {inner})"));
    let refused = [
        ("(".repeat(3000), "this expression has too many parts"),
        ("[".repeat(200), "this expression has too many parts"),
        ("1 == ".repeat(500), "this expression has too many parts"),
        ("1 in ".repeat(600), "this expression has too many parts"),
        (format!("'{}' == ''", "a".repeat(5000)), "this expression is too long"),
        (format!("{}true{}", "(".repeat(99), ")".repeat(99)), "this expression is nested too deeply"),
        (format!("1{} > 1", " + 1".repeat(400)), "this expression is nested too deeply"),
        (format!("{{}}{} > 1", ".a".repeat(400)), "this expression is nested too deeply"),
        (loops(3), "more than 2 loops in each other"),
    ];
    let names = defined(&repo, refused.iter().map(|(expression, _)| expression.as_str()));
    let run = repo.wtcheck(&[]);
    run.exits(2);
    for (name, (_, problem)) in names.iter().zip(refused) {
        run.says(&format!("wtcheck.{name}.when: {problem}"));
    }
    let taken = [
        loops(2),
        format!("{}true{}", "(".repeat(40), ")".repeat(40)),
        format!("{}true", "!".repeat(400)),
        format!("true{}", " && true".repeat(240)),
        format!("1{} > 1", " + 1".repeat(45)),
    ];
    defined(&repo, taken.iter().map(String::as_str));
    repo.wtcheck(&["-j1"]).exits(0);
}

#[test]
fn cycles_name_their_path_and_the_place_that_closes_them() {
    let repo = TestRepo::new();
    for name in ["a", "b", "c"] {
        repo.config(&format!("wtcheck.{name}.command"), "touch ran");
    }
    repo.config("wtcheck.a.needs", "b");
    repo.config("wtcheck.b.when", "status.dirty || c.passed");
    repo.config("wtcheck.c.fail-if", "status.clean && a.passed");
    let run = repo.wtcheck(&[]);
    run.exits(2).says("error: .git/config (git local): wtcheck.c.failIf: checks wait for each other: a -> b -> c -> a\n    status.clean && a.passed\n                    ^^^^^^^^\n");
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
    assert!(!repo.at("ran").exists());
    repo.wtcheck(&["b"]).exits(2).says("wtcheck.a.needs: checks wait for each other: b -> c -> a -> b\n");
    repo.config("wtcheck.c.fail-if", "false");
    repo.config("wtcheck.c.needs", "c");
    repo.wtcheck(&["c"]).exits(2).says("wtcheck.c.needs: check 'c' waits for itself\n");
    repo.wtcheck(&["log"]).exits(0);
}

#[test]
fn needs_names_only_checks_that_there_are() {
    let repo = traced();
    repo.config("wtcheck.x.needs", "my-tset");
    repo.wtcheck(&["x"]).exits(2).says(
        "error: .git/config (git local): wtcheck.x.needs: no check is named 'my-tset'\nhint: did you mean 'my-test'?\n",
    );
    // Both keys are wrong: both are told.
    repo.config("wtcheck.x.when", "status.drity");
    repo.wtcheck(&["x"]).exits(2).says("wtcheck.x.needs: ").says("wtcheck.x.when: ");
}

#[test]
fn a_default_condition_that_cannot_hold_is_named_as_one() {
    let repo = TestRepo::new();
    repo.config("wtcheck.status.kind", "command");
    repo.config("wtcheck.status.command", "true");
    repo.wtcheck(&[]).exits(2).says("error: check.diff.when (default): 'status' has no 'dirty'\n    status.dirty\n");
    repo.config("wtcheck.diff.when", "true");
    repo.wtcheck(&[]).exits(0);
}

#[test]
fn what_when_asks_for_decides_and_the_report_says_why() {
    let repo = traced();
    repo.worktree("feature");
    repo.write("new.txt", "");
    let rows = [
        ("status.dirty", "passed", "when 'status.dirty' is false"),
        ("!status.dirty", "when '!status.dirty' is false", "passed"),
        (" status.dirty ", "passed", "when 'status.dirty' is false"),
        ("status.untracked == 1 && worktree.main", "passed", "is false"),
        ("worktree.branch.startsWith('feat')", "is false", "passed"),
        ("worktree.name in ['feature']", "is false", "passed"),
        ("log.age >= 0 && log.subject.matches('^first')", "passed", "passed"),
        ("my_test.passed && my_test.exit_code == 0", "passed", "passed"),
        ("my_test.outcome == 'passed' && my_test.duration_ms < 60000", "passed", "passed"),
        ("has(status.upstream)", "is false", "is false"),
        ("!has(status.upstream) || status.ahead == 0", "passed", "passed"),
        ("[1, 2].exists(n, n == status.untracked)", "passed", "is false"),
        ("status.dirty ? worktree.main : false", "passed", "is false"),
        ("status.untracked > 0.5", "passed", "is false"),
        ("false", "is false", "is false"),
        ("true", "passed", "passed"),
    ];
    let names = defined(&repo, rows.iter().map(|(expression, ..)| *expression));
    let run = repo.wtcheck(&["--skip=x", "--skip=package", "-j1", "--format=json"]);
    run.exits(0);
    for (name, (expression, on_repo, on_feature)) in names.iter().zip(rows) {
        for (worktree, expected) in [("repo", on_repo), ("feature", on_feature)] {
            let (outcome, reason) = outcome(&run, worktree, name);
            if expected == "passed" {
                assert_eq!(outcome, "passed", "{expression} on {worktree}: {reason}");
            } else {
                assert_eq!(outcome, "skipped", "{expression} on {worktree}");
                assert!(reason.contains(expected), "{expression} on {worktree}: {reason}");
            }
        }
    }
}

#[test]
fn a_fact_that_was_never_found_skips_with_that_reason() {
    let repo = traced();
    for (expression, reason) in [
        ("status.ahead > 0", "status.ahead is not known"),
        ("status.upstream == 'origin/main'", "status.upstream is not known"),
        ("has(status.ahead) || status.ahead > 0", "status.ahead is not known"),
        ("diff.files > 0", "diff.files is not known: diff was skipped"),
        ("my_test.exit_code == 0", "my_test.exit_code is not known: my-test was skipped"),
    ] {
        repo.config("wtcheck.my-test.when", "false");
        repo.config("wtcheck.x.when", expression);
        let run = repo.wtcheck(&["x", "--format=json"]);
        assert_eq!(outcome(run.exits(0), "repo", "x"), ("skipped".to_owned(), reason.to_owned()), "{expression}");
    }
    assert!(!repo.at("ran").exists());
    // How it ended is known of a check that was skipped, and a fact that is not needed is not missed.
    for expression in
        ["!my_test.passed", "my_test.outcome == 'skipped'", "true || status.ahead > 0", "status.ahead > 0 || true"]
    {
        repo.config("wtcheck.x.when", expression);
        let run = repo.wtcheck(&["x", "--format=json"]);
        assert_eq!(outcome(run.exits(0), "repo", "x").0, "passed", "{expression}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_an_error_of_the_unit() {
    let repo = traced();
    repo.config("wtcheck.x.when", "1 / status.staged == 1");
    let run = repo.wtcheck(&["x", "--format=json"]);
    let (outcome, reason) = outcome(run.exits(1), "repo", "x");
    assert_eq!(outcome, "errored");
    assert!(reason.starts_with("when '1 / status.staged == 1' cannot be evaluated: "), "{reason}");
    assert!(!repo.at("ran").exists());
}

#[test]
fn needs_wants_a_check_that_passed() {
    let repo = traced();
    repo.config("wtcheck.x.needs", "my-test");
    let run_with = |command: &str, when: &str| {
        repo.config("wtcheck.my-test.command", command);
        repo.config("wtcheck.my-test.when", when);
        repo.wtcheck(&["x", "--format=json"])
    };
    let skipped = |reason: &str| ("skipped".to_owned(), reason.to_owned());
    assert_eq!(outcome(run_with("false", "true").exits(1), "repo", "x"), skipped("needs my-test, which failed"));
    assert_eq!(outcome(run_with("true", "false").exits(0), "repo", "x"), skipped("needs my-test, which was skipped"));
    assert!(!repo.at("ran").exists());
    assert_eq!(outcome(run_with("true", "true").exits(0), "repo", "x").0, "passed");
    // A reason passes on: what needs a skipped one is skipped in turn.
    repo.config("wtcheck.y.command", "true");
    repo.config("wtcheck.y.needs", "x");
    repo.config("wtcheck.my-test.command", "false");
    let run = repo.wtcheck(&["y", "--format=json"]);
    assert_eq!(outcome(run.exits(1), "repo", "y"), skipped("needs x, which was skipped"));
}

#[test]
fn fail_if_fails_what_would_have_passed() {
    let repo = traced();
    repo.write("new.txt", "");
    repo.config("wtcheck.x.retries", "0");
    for (check, expression, expected, reason) in [
        ("status", "status.untracked > 0", "failed", "fail-if 'status.untracked > 0' is true"),
        ("status", "status.dirty", "failed", "fail-if 'status.dirty' is true"),
        ("status", "status.staged > 0", "passed", ""),
        ("status", "log.passed", "failed", "fail-if 'log.passed' is true"),
        ("status", "worktree.branch == 'main' && status.dirty", "failed", "is true"),
        ("status", "status.behind > 0", "skipped", "status.behind is not known"),
        ("x", "x.exit_code == 0", "failed", "is true"),
        ("x", "x.duration_ms < 0", "passed", ""),
        ("x", "status.clean", "passed", ""),
    ] {
        let key = format!("wtcheck.{check}.fail-if");
        repo.config(&key, expression);
        let run = repo.wtcheck(&[check, "--retries=0", "--format=json"]);
        let (outcome, said) = outcome(run.exits(i32::from(expected == "failed")), "repo", check);
        assert_eq!(outcome, expected, "{check}: {expression}: {said}");
        assert!(said.contains(reason), "{check}: {expression}: {said}");
        repo.git(&["config", "--unset", &key]);
    }
}

#[test]
fn fail_if_cannot_ask_for_what_it_decides() {
    let repo = traced();
    for (expression, place) in [("x.passed", "^^^^^^^^"), ("true && x.outcome == 'failed'", "        ^^^^^^^^^")] {
        repo.config("wtcheck.x.fail-if", expression);
        repo.wtcheck(&["x"])
            .exits(2)
            .says("wtcheck.x.failIf: 'x.")
            .says("is known only after this expression\n")
            .says(&format!("\n    {expression}\n    {place}\nhint: x has: exit_code, duration_ms\n"));
    }
    assert!(!repo.at("ran").exists());
}

#[test]
fn an_allowed_failure_is_a_failure_to_those_who_ask() {
    let repo = traced();
    repo.config("wtcheck.my-test.command", "false");
    repo.config("wtcheck.my-test.allowFailure", "true");
    repo.config("wtcheck.x.when", "!my_test.passed && my_test.exit_code == 1");
    let run = repo.wtcheck(&["x", "--format=json"]);
    assert_eq!(outcome(run.exits(0), "repo", "x").0, "passed");
}
