//! Machine output against its published schemas.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git_wtcheck::checks::{CheckKind, KINDS};
use git_wtcheck::model::facts::{FactType, Presence};
use serde_json::{Value, json};

use crate::support::{TestRepo, unit};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn committed(name: &str) -> Value {
    let text = std::fs::read_to_string(docs(name)).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// A published schema lets fields be added. Here none may be that it does not name: what is printed is what is documented.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type") == Some(&json!("object")) && fields.contains_key("properties") {
                // What is left to one of several shapes is closed there.
                let left_open = fields["properties"] == json!({ "event": fields["properties"]["event"] });
                if !left_open {
                    fields.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn validator(name: &str, closed: bool) -> jsonschema::Validator {
    let mut schema = committed(name);
    if closed {
        close(&mut schema);
    }
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn fits(validator: &jsonschema::Validator, value: &Value) {
    let faults: Vec<_> =
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{}\n{value:#}", faults.join("\n"));
}

/// Runs both formats here, holds each against its schema, and gives the document.
#[track_caller]
fn run(repo: &TestRepo, folder: impl AsRef<Path>, args: &[&str], code: i32) -> Value {
    let with = |format: &'static str| [args, &["--format", format]].concat();
    let document = repo.wtcheck_in(&folder, &with("json")).exits(code).json();
    fits(&validator("report.schema.json", true), &document);
    let lines = repo.wtcheck_in(&folder, &with("jsonl")).exits(code).json_lines();
    let events = validator("events.schema.json", true);
    for line in &lines {
        fits(&events, line);
    }
    document
}

/// One of each outcome but `cancelled`, a retry that passes, hostile names, and worktrees that cannot be checked.
pub fn rich() -> TestRepo {
    let repo = TestRepo::new();
    for name in ["gone", "kept", "broken", "upstream"] {
        repo.worktree(name);
    }
    repo.git(&["branch", "--quiet", "--set-upstream-to=main", "upstream"]);
    repo.git(&["worktree", "lock", "--reason", "on a stick", "../kept"]);
    std::fs::remove_dir_all(repo.at("../gone")).expect("a folder");
    std::fs::remove_dir_all(repo.at("../kept")).expect("a folder");
    std::fs::write(repo.at(".git/worktrees/broken/HEAD"), "garbage\n").expect("a file");
    repo.git(&["worktree", "add", "--quiet", "--detach", "../unborn"]);
    repo.git_in("../unborn", &["checkout", "--quiet", "--orphan", "fresh"]);
    for name in [b"new\nline \x1b[31m]]>".as_slice(), b"caf\xe9 \"'<&>"] {
        let folder = repo.root().join(OsStr::from_bytes(name));
        let mut add = repo.command("git");
        add.args(["worktree", "add", "--quiet", "--detach"]).arg(folder);
        assert!(add.status().expect("git").success());
    }
    repo.write("new.txt", "new\n");
    repo.config("wtcheck.retryDelay", "1ms");
    repo.config("wtcheck.pass.command", "true");
    repo.config("wtcheck.fail.command", "printf 'out \\033[31m \\377 ]]>\\n'; echo err >&2; exit 3");
    repo.config("wtcheck.fail.description", "fails");
    repo.config("wtcheck.late.command", "exec sleep 1000");
    repo.config("wtcheck.late.timeout", "1ms");
    repo.config("wtcheck.late.retries", "1");
    repo.config("wtcheck.flaky.command", "test $WTCHECK_ATTEMPT = 2");
    repo.config("wtcheck.flaky.retries", "2");
    repo.config("wtcheck.absent.command", "no-such-program-anywhere");
    repo.config("wtcheck.absent.allowFailure", "true");
    repo.config("wtcheck.off.command", "true");
    repo.config("wtcheck.off.when", "false");
    repo
}

#[test]
fn every_outcome_fits_the_schemas() {
    let repo = rich();
    for args in [[].as_slice(), &["--verbose"]] {
        let document = run(&repo, ".", args, 1);
        for (worktree, check, outcome) in [
            ("repo", "pass", "passed"),
            ("repo", "fail", "failed"),
            ("repo", "late", "timed_out"),
            ("repo", "flaky", "passed"),
            ("repo", "absent", "errored"),
            ("repo", "off", "skipped"),
            ("gone", "status", "skipped"),
            ("kept", "status", "skipped"),
            ("broken", "log", "errored"),
            ("unborn", "log", "passed"),
        ] {
            assert_eq!(unit(&document, worktree, check)["outcome"], outcome, "{check} on {worktree}");
        }
        assert_eq!(unit(&document, "repo", "flaky")["attempts"].as_array().expect("attempts").len(), 2);
    }
}

#[test]
fn answers_that_are_put_together_fit_the_schemas() {
    let repo = rich();
    let document = run(&repo, ".", &["-w", "repo", "-w", "unborn", "risk", "conflicts"], 0);
    for (check, source) in [("risk", "survey"), ("conflicts", "pairs")] {
        assert_eq!(unit(&document, "repo", check)["source"], source);
    }
}

#[test]
fn a_cancelled_run_fits_the_schemas() {
    let repo = rich();
    let document = run(&repo, ".", &["-j1", "--fail-fast", "-w", "repo", "fail", "pass"], 1);
    assert_eq!(unit(&document, "repo", "pass")["outcome"], "cancelled");
    let document = run(&repo, ".", &["-w", "repo", "--timeout=0", "--global-timeout=1ms", "late"], 1);
    assert_eq!(unit(&document, "repo", "late")["outcome"], "cancelled");
}

#[test]
fn a_bare_repository_and_one_without_a_commit_fit_the_schemas() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    let document = run(&repo, "../bare.git", &[], 0);
    assert_eq!(document["worktrees"][0]["bare"], true);
    repo.git(&["init", "--quiet", "../young"]);
    let document = run(&repo, "../young", &[], 0);
    assert_eq!(document["worktrees"][0]["head"], Value::Null);
}

#[test]
fn the_schemas_are_schemas_that_refuse() {
    let document = run(&TestRepo::new(), ".", &[], 0);
    let open = validator("report.schema.json", false);
    let mut more = document.clone();
    more["worktrees"][0]["checks"][0]["added_later"] = json!(1);
    fits(&open, &more);
    assert!(!validator("report.schema.json", true).is_valid(&more), "the closed one names every field");
    for path in ["/schema_version", "/summary/exit_code", "/worktrees/0/branch", "/worktrees/0/checks/0/facts/clean"] {
        let mut wrong = document.clone();
        *wrong.pointer_mut(path).expect("a field") = json!([]);
        assert!(!open.is_valid(&wrong), "{path}");
    }
    let events = validator("events.schema.json", false);
    assert!(!events.is_valid(&json!({ "schema_version": 1, "event": "unit_ended", "elapsed_ms": 1 })));
    assert!(!events.is_valid(&json!({ "schema_version": 1, "event": "run_finished", "elapsed_ms": 1 })));
}

/// A schema with what it says of kinds of checks and their facts as the kinds themselves say it.
fn with_kinds(mut schema: Value) -> Value {
    let definitions = &mut schema["$defs"];
    definitions["kind"]["enum"] = KINDS.iter().map(|kind| json!(kind.name())).collect();
    for kind in KINDS {
        definitions[format!("{}_facts", kind.name())] = facts_of(*kind);
    }
    for unit in ["unit", "unit_finished"] {
        let Some(cases) = definitions.pointer_mut(&format!("/{unit}/allOf")).and_then(Value::as_array_mut) else {
            continue;
        };
        cases.retain(|case| case["if"]["properties"]["kind"].is_null());
        cases.extend(KINDS.iter().map(|kind| {
            let facts = json!({ "$ref": format!("#/$defs/{}_facts", kind.name()) });
            json!({
                "if": { "properties": { "kind": { "const": kind.name() } } },
                "then": { "properties": { "facts": facts } }
            })
        }));
    }
    schema
}

fn facts_of(kind: CheckKind) -> Value {
    let (mut properties, mut required, mut dependent) = (json!({}), Vec::new(), json!({}));
    for fact in kind.facts() {
        let (name, limit) = match fact.kind {
            FactType::Bool => ("boolean", None),
            FactType::Int => ("integer", None),
            FactType::Count => ("integer", Some(("minimum", json!(0)))),
            FactType::Text => ("string", None),
            FactType::Texts => ("array", Some(("items", json!({ "type": "string" })))),
            FactType::Id => ("string", Some(("pattern", json!("^([0-9a-f]{40}|[0-9a-f]{64})$")))),
        };
        let types = if fact.may_be_unknown { json!([name, "null"]) } else { json!(name) };
        let mut schema = json!({ "description": fact.doc, "type": types });
        if let Some((keyword, value)) = limit {
            schema[keyword] = value;
        }
        properties[fact.name] = schema;
        match fact.presence {
            Presence::Always => required.push(fact.name),
            Presence::With(other) => match dependent[other].as_array_mut() {
                Some(others) => others.push(json!(fact.name)),
                None => dependent[other] = json!([fact.name]),
            },
            Presence::Sometimes => {}
        }
    }
    json!({
        "description": format!("What `{}` finds out: all of it, or nothing.", kind.name()),
        "type": "object",
        "properties": properties,
        "required": required,
        "dependentRequired": dependent,
    })
}

#[test]
fn what_the_schemas_say_of_facts_is_what_the_kinds_say() {
    for name in ["report.schema.json", "events.schema.json"] {
        let made = with_kinds(committed(name));
        if std::env::var_os("UPDATE").is_some() {
            let text = serde_json::to_string_pretty(&made).expect("JSON") + "\n";
            std::fs::write(docs(name), text).expect("a schema");
        }
        assert!(committed(name) == made, "UPDATE=1 writes docs/{name} anew");
    }
}

#[test]
fn both_schemas_have_one_idea_of_what_they_share() {
    let (report, events) = (committed("report.schema.json"), committed("events.schema.json"));
    for name in ["outcome", "kind", "repository", "facts", "status_facts", "attempt", "summary"] {
        assert_eq!(report["$defs"][name], events["$defs"][name], "{name}");
    }
    for (name, field) in report["$defs"]["unit"]["properties"].as_object().expect("fields") {
        assert_eq!(*field, events["$defs"]["unit_finished"]["properties"][name], "{name}");
    }
}
