//! What a repository's own file may make run: nothing, until exactly that has been approved.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::support::{BINARY, Run, TestRepo, unit};

const FILE: &str = "[check.test]\ncommand = \"touch ran\"\n";

fn approvals(repo: &TestRepo) -> Vec<std::path::PathBuf> {
    let folder = repo.at("../home/.local/state/git-wtcheck/trust");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn nothing_runs_before_it_is_approved_and_a_change_asks_again() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&[]).exits(2).says("check 'test'").says("hint: 'git wtcheck trust'");
    assert!(!repo.at("ran").exists());
    repo.wtcheck(&["config", "show"]).exits(0).shows("NOT APPROVED");
    repo.wtcheck(&["config", "explain", "check.test.command"]).exits(0).shows("NOT APPROVED");

    let run = repo.wtcheck(&["trust", "--yes"]);
    run.exits(0).shows("line 2: check.test.command = \"touch ran\"").shows("Approved.");
    repo.wtcheck(&[]).exits(0);
    assert!(repo.at("ran").exists());
    assert!(!repo.wtcheck(&["config", "show"]).exits(0).stdout.contains("NOT APPROVED"));

    // Data may change; what runs may not.
    repo.write(".wtcheck.toml", format!("timeout = \"9s\"\n# a word\n{FILE}when = \"worktree.main\"\n"));
    repo.wtcheck(&[]).exits(0);
    for changed in [
        "[check.test]\ncommand = \"touch run\"\n",
        "[check.other]\ncommand = \"touch ran\"\n",
        "[check.test]\ncommand = \"touch ran\"\ndir = \".\"\n",
        "[check.test]\ncommand = \"touch ran\"\nenv = { A = \"b\" }\n",
        "[check.test]\ncommand = [\"touch ran\"]\n",
        "[check.test]\ncommand = \"touch ran\"\n[check.log]\nargs = [\"--all\"]\n",
        "[check.test]\ncommand = \"touch ran\"\n[profile.p.check.test]\ncommand = \"touch run\"\n",
    ] {
        repo.write(".wtcheck.toml", changed);
        repo.wtcheck(&[]).exits(2).says("nobody has approved");
    }
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&[]).exits(0);
    repo.wtcheck(&["untrust"]).exits(0).shows("Took 1 approval back.");
    repo.wtcheck(&[]).exits(2);
    repo.wtcheck(&["untrust"]).exits(0).shows("no approval");
    assert!(approvals(&repo).is_empty());
}

#[test]
fn the_same_file_in_another_worktree_is_approved_too_and_another_repository_s_is_not() {
    let repo = TestRepo::new();
    let side = repo.worktree("side");
    repo.write(".wtcheck.toml", FILE);
    repo.write("../side/.wtcheck.toml", FILE);
    repo.wtcheck(&["trust", "-y"]).exits(0);
    repo.wtcheck_in(&side, &[]).exits(0);
    let other = TestRepo::new();
    other.write(".wtcheck.toml", FILE);
    let run = Run::of(repo.command(BINARY).current_dir(other.path()));
    run.exits(2).says("nobody has approved");
}

#[test]
fn approvals_are_kept_outside_readable_by_their_owner_alone() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    let files = approvals(&repo);
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::metadata(&files[0]).expect("a file").permissions().mode() & 0o777, 0o600);
    repo.wtcheck(&["trust", "--list"]).exits(0).shows("/repo/.git (").shows("check.test.command = \"touch ran\"");
    repo.wtcheck(&["trust", "--yes"]).exits(0).shows("approved already");
    // A folder of its own for state is honoured, and what a repository controls decides nothing.
    let mut command = repo.command(BINARY);
    Run::of(command.env("XDG_STATE_HOME", repo.at("../state"))).exits(2);
    repo.config("wtcheck.trust", "all");
    repo.write(".wtcheck.toml", format!("trust = true\n{FILE}dir = \".\"\n"));
    repo.wtcheck(&[]).exits(2).says("nobody has approved");
}

#[test]
fn a_broken_or_forged_approval_approves_nothing() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    let file = approvals(&repo).remove(0);
    let content = std::fs::read_to_string(&file).expect("a file");
    for broken in ["", "{", "{}", &content.replace("\"digest\": \"", "\"digest\": \"0")] {
        std::fs::write(&file, broken).expect("a file");
        repo.wtcheck(&[]).exits(2);
    }
    std::fs::write(&file, content).expect("a file");
    repo.wtcheck(&[]).exits(0);
}

#[test]
fn two_approvals_at_once_do_not_lose_one_another() {
    let repo = TestRepo::new();
    let sides: Vec<_> = (0..6).map(|index| repo.worktree(&format!("side{index}"))).collect();
    let mut running = Vec::new();
    for (index, side) in sides.iter().enumerate() {
        std::fs::write(side.join(".wtcheck.toml"), format!("[check.test]\ncommand = \"echo {index}\"\n"))
            .expect("a file");
        let mut command = repo.command(BINARY);
        command.current_dir(side).args(["trust", "--yes"]).stdout(Stdio::null());
        running.push(command.spawn().expect("the program"));
    }
    for mut child in running {
        assert!(child.wait().expect("an end").success());
    }
    assert_eq!(approvals(&repo).len(), sides.len());
    for side in &sides {
        repo.wtcheck_in(side, &["-w", ".", "test"]).exits(0);
    }
}

#[test]
fn nobody_to_ask_is_a_refusal_and_an_answer_is_read() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&["trust"]).exits(2).shows("touch ran").says("hint: 'git wtcheck trust --yes'");
    assert!(approvals(&repo).is_empty());
    repo.write(".wtcheck.toml", "timeout = 3\n");
    repo.wtcheck(&["trust"]).exits(0).says("nothing to approve");
    repo.write(".wtcheck.toml", "timeout = \"soon\"\n[check.a]\ncommand = \"x\"\n");
    repo.wtcheck(&["trust", "--yes"]).exits(2).says("expected a duration");
    assert!(approvals(&repo).is_empty());
}

#[test]
fn git_s_configuration_over_the_file_needs_no_approval() {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "[check.test]\ncommand = \"touch evil\"\ntimeout = \"5s\"\n");
    repo.config("wtcheck.test.command", "true");
    let json = repo.wtcheck(&["--format=json"]).exits(0).json();
    assert_eq!(unit(&json, "repo", "test")["outcome"], "passed");
    assert!(!repo.at("evil").exists());
    // One variable of the file's among one's own is still the file's.
    repo.config("wtcheck.test.env", "A=b");
    repo.write(".wtcheck.toml", "[check.test.env]\nLD_PRELOAD = \"evil\"\n");
    repo.wtcheck(&[]).exits(2).says("(env)");
}

#[test]
fn somebody_at_a_terminal_is_asked() {
    use std::io::Write;
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", FILE);
    let answer = |typed: &str| {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        let mut terminal = std::fs::File::from(pty.master);
        terminal.write_all(typed.as_bytes()).expect("an answer");
        Run::of(repo.command(BINARY).arg("trust").stdin(pty.slave))
    };
    for no in ["n\n", "\n", "maybe\n", "\u{4}"] {
        answer(no).exits(1).shows("touch ran").shows("[y/N] ").shows("Nothing was approved.");
        assert!(approvals(&repo).is_empty(), "{no:?}");
    }
    answer("Yes\n").exits(0).shows("Approved.");
    assert_eq!(approvals(&repo).len(), 1);
    repo.wtcheck(&[]).exits(0);
}

/// A repository whose user has a command `deploy` that is turned off, and one, `lint`, that runs only on the main worktree.
fn with_commands_of_the_user() -> TestRepo {
    let repo = TestRepo::new();
    repo.write(
        "../home/.gitconfig",
        "[user]\n\tname = T\n\temail = t@example.com\n[wtcheck \"deploy\"]\n\tcommand = touch deployed\n\tenabled = false\n[wtcheck \"lint\"]\n\tcommand = touch linted\n\twhen = false\n[wtcheck \"danger\"]\n\tcommand = touch deployed\n\tenabled = false\n[wtcheck \"profile.loose.danger\"]\n\tenabled = true\n",
    );
    repo
}

#[test]
fn a_file_may_not_bring_about_that_a_command_of_another_layer_runs() {
    let repo = with_commands_of_the_user();
    repo.wtcheck(&[]).exits(0);
    let cases: [(&str, &[&str], &str); 14] = [
        (
            "[check.deploy]\nenabled = true\n",
            &[],
            ".wtcheck.toml:2: check.deploy.enabled: check 'deploy' would run only",
        ),
        ("checks = [\"deploy\"]\n[check.deploy]\nenabled = true\n", &[], "check.deploy.enabled: check 'deploy'"),
        ("[check.log]\nneeds = [\"deploy\"]\n", &[], ".wtcheck.toml:2: check.log.needs: check 'deploy' would run only"),
        ("[check.log]\nwhen = \"deploy.passed\"\n", &[], "check.log.when: check 'deploy'"),
        ("[check.log]\nfail-if = \"1 == 2 || deploy.passed\"\n", &["log"], "check.log.fail-if: check 'deploy'"),
        ("[check.deploy]\nkind = \"command\"\n", &["deploy"], "check 'deploy' takes what it runs (kind)"),
        (
            "[check.lint]\nwhen = \"true\"\n",
            &[],
            "check.lint.when: a file that the repository brings along would change",
        ),
        ("[check.lint]\nwhen = \"true\"\n", &["lint"], "check.lint.when: a file that the repository brings along"),
        (
            "[check.a]\nkind = \"log\"\nneeds = \"b\"\n[check.b]\nkind = \"log\"\nneeds = \"deploy\"\n",
            &["status", "a"],
            "check 'a' takes what",
        ),
        ("[profile.p.check.deploy]\nenabled = true\n", &["--profile=p"], "check.deploy.enabled: check 'deploy'"),
        ("[profile.p.check.diff]\nneeds = \"deploy\"\n", &["--profile=p"], "check.diff.needs: check 'deploy'"),
        ("[profile.p]\ninherits = \"loose\"\n", &["--profile=p"], "check 'danger' would run only"),
        ("[check.lint]\nneeds = \"deploy\"\n", &[], "check.lint.needs: check 'deploy'"),
        ("[check.lint]\nenv = { A = \"b\" }\n", &[], "check 'lint' takes what it runs (env)"),
    ];
    for (content, args, message) in cases {
        repo.write(".wtcheck.toml", content);
        let run = repo.wtcheck(args);
        run.exits(2).says(message).says("hint: 'git wtcheck trust' shows");
        repo.wtcheck(&[&["plan"], args].concat()).exits(0).shows("NOT APPROVED");
        assert!(!repo.at("deployed").exists() && !repo.at("linted").exists(), "{content}");
        // What is refused can be approved, and is then what it says; any change of it asks again.
        repo.wtcheck(&["trust", "--yes"]).exits(0).shows("line ");
        repo.wtcheck(&[&["plan"], args].concat()).exits(0);
        assert!(!repo.wtcheck(&[&["plan"], args].concat()).stdout.contains("NOT APPROVED"), "{content}");
        repo.write(".wtcheck.toml", format!("{content}[check.more]\nneeds = \"danger\"\ncommand = \"true\"\n"));
        repo.wtcheck(args).exits(2);
        repo.wtcheck(&["untrust"]).exits(0);
    }
}

#[test]
fn what_runs_without_the_file_runs_with_it_unapproved() {
    let repo = with_commands_of_the_user();
    repo.write(
        "../home/more",
        "[wtcheck]\n\tchecks = status lint test\n[wtcheck \"test\"]\n\tcommand = touch tested\n\tneeds = deploy\n",
    );
    repo.config("include.path", "../../home/more");
    for (content, args) in [
        // Data, orders, and fewer checks.
        ("timeout = \"9s\"\n[check.test]\ntimeout = \"8s\"\nenabled = true\n", &[][..]),
        ("checks = [\"test\", \"status\"]\n", &[]),
        ("[check.status]\nneeds = \"test\"\n", &[]),
        ("[check.test]\nwhen = \"worktree.main\"\n", &[]),
        ("[check.log]\nneeds = \"deploy\"\n", &[]),
        // Who names a check wants it to run.
        ("[check.deploy]\nenabled = true\n", &["deploy"]),
        ("[check.log]\nneeds = \"deploy\"\n", &["log", "deploy"]),
    ] {
        repo.write(".wtcheck.toml", content);
        let _ = std::fs::remove_file(repo.at("deployed"));
        repo.wtcheck(args).exits(0);
        assert!(repo.at("deployed").exists(), "{content}");
    }
}

#[test]
fn an_approval_covers_what_leads_to_commands_of_others() {
    let repo = with_commands_of_the_user();
    repo.write(".wtcheck.toml", FILE);
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    repo.wtcheck(&["-q"]).exits(0);
    for more in [
        "enabled = true\n",
        "needs = \"deploy\"\n",
        "when = \"!deploy.passed\"\n",
        "fail-if = \"deploy.exit_code == 7\"\n",
        "kind = \"command\"\n",
        "[profile.p.check.test]\nneeds = \"deploy\"\n",
        "[profile.p]\nchecks = [\"test\", \"deploy\"]\n",
        "[profile.p]\ninherits = \"loose\"\n",
        "[check.lint]\nwhen = \"true\"\n",
    ] {
        repo.write(".wtcheck.toml", format!("{FILE}{more}"));
        repo.wtcheck(&["-q"]).exits(2).says("nobody has approved");
    }
    for more in [
        "needs = \"status\"\n",
        "when = \"status.clean || true\"\n",
        "timeout = 9\n",
        "[profile.p]\nchecks = \"test log\"\n",
    ] {
        repo.write(".wtcheck.toml", format!("{FILE}{more}"));
        repo.wtcheck(&["-q"]).exits(0);
    }
    // A command of its own by the same name in another layer makes the file's check no longer the file's alone.
    repo.write(".wtcheck.toml", format!("{FILE}[check.deploy]\ncommand = \"true\"\n"));
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    repo.write(".wtcheck.toml", format!("{FILE}needs = \"deploy\"\n[check.deploy]\ncommand = \"true\"\n"));
    repo.wtcheck(&["-q"]).exits(2).says("nobody has approved");
    assert!(!repo.at("deployed").exists());
}
