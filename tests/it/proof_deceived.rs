//! What could make a proof say otherwise than git: each of these has once, and is git's to answer now.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use git_wtcheck::git::conditional::has_no_say;
use serde_json::Value;

use crate::support::{BINARY, Run, TestRepo, unit};

/// Two worktrees with two commits, all of it old.
fn repository() -> TestRepo {
    let repo = TestRepo::new();
    repo.worktree("linked");
    for folder in [".", "../linked"] {
        repo.aged(folder);
    }
    repo
}

fn program(repo: &TestRepo, git: &[&str]) -> Command {
    let mut command = repo.command("git");
    command.args(git).args(["wtcheck", "status", "--format=json", "--retries=0"]).env("GIT_WTCHECK_PROVE", "true");
    command
}

/// Runs the program and holds each worktree's answer against git's: the counts, the upstream and the stash; or git errs too.
#[track_caller]
fn is_as_git_says(repo: &TestRepo, git: &[&str]) -> Value {
    let json = Run::of(&mut program(repo, git)).json();
    let mut without = program(repo, git);
    let expected = Run::of(without.env("GIT_WTCHECK_PROVE", "false")).json();
    for name in ["repo", "linked"] {
        let (told, expected) = (unit(&json, name, "status"), unit(&expected, name, "status"));
        assert_eq!((&told["outcome"], &told["facts"]), (&expected["outcome"], &expected["facts"]), "{name}: {told}");
    }
    json
}

fn asked<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    unit(json, name, "status")["asked"].as_str()
}

#[test]
fn a_worktree_s_own_configuration_counts_whatever_else_says_that_it_does_not() {
    let repo = repository();
    repo.config("extensions.worktreeConfig", "true");
    repo.write("../linked/junk", "");
    repo.write("../excluded", "junk\n");
    let excludes = repo.at("../excluded");
    repo.git_in("../linked", &["config", "--worktree", "core.excludesFile", excludes.to_str().expect("text")]);
    let json = is_as_git_says(&repo, &["-c", "extensions.worktreeConfig=false"]);
    assert_eq!(asked(&json, "linked"), Some("configuration by worktree"));
    assert_eq!(asked(&json, "repo"), None);
}

#[test]
fn an_upstream_that_is_a_symbolic_ref_may_be_another_in_each_worktree() {
    let repo = repository();
    repo.git_in("../linked", &["commit", "--quiet", "--allow-empty", "--message=more"]);
    repo.git(&["symbolic-ref", "refs/remotes/r/y", "HEAD"]);
    repo.config("remote.r.url", ".");
    repo.config("remote.r.fetch", "+refs/heads/*:refs/remotes/r/*");
    repo.config("branch.linked.remote", "r");
    repo.config("branch.linked.merge", "refs/heads/y");
    assert_eq!(asked(&is_as_git_says(&repo, &[]), "linked"), Some("upstream"));
}

#[test]
fn a_detached_head_that_came_from_another_worktree_s_may_have_an_upstream() {
    let repo = repository();
    repo.git(&["remote", "add", "origin", "."]);
    repo.git(&["fetch", "--quiet", "origin"]);
    repo.git(&["checkout", "--quiet", "--detach"]);
    repo.config("branch.main-worktree/HEAD.remote", "origin");
    repo.config("branch.main-worktree/HEAD.merge", "refs/heads/main");
    repo.git_in("../linked", &["checkout", "--quiet", "main-worktree/HEAD"]);
    is_as_git_says(&repo, &[]);
}

#[test]
fn a_tree_that_is_not_there_is_missed() {
    let repo = repository();
    repo.write("folder/file", "new\n");
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=second"]);
    repo.aged(".");
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    std::fs::remove_file(repo.at(format!(".git/objects/{}/{}", &tree[..2], &tree[2..]))).expect("an object");
    let json = is_as_git_says(&repo, &[]);
    assert_eq!(unit(&json, "repo", "status")["outcome"], "errored");
}

#[test]
fn what_git_status_alone_refuses_to_work_over_is_git_s_to_say() {
    let repo = repository();
    for said in [
        "column.ui=bogus",
        "column.status=bogus",
        "color.status=bogus",
        "color.status.added=bogus",
        "status.color.added=bogus",
        "index.threads=bogus",
        "remote.origin.fetch=a:b:c",
        "remote.origin.url",
        "remote.origin.fetch",
        "remote.pushDefault",
        "url.x.insteadOf",
        "branch.x.pushRemote",
    ] {
        let json = is_as_git_says(&repo, &["-c", said]);
        assert_eq!(asked(&json, "repo"), Some("configuration by worktree"), "{said}");
    }
    for said in [
        "column.ui=auto dense",
        "color.status=auto",
        "color.status.added=bold green",
        "index.threads=4",
        "remote.origin.fetch=+refs/heads/*:refs/remotes/origin/*",
        "remote.origin.prune=true",
        "url.x.insteadOf=y",
    ] {
        assert_eq!(asked(&is_as_git_says(&repo, &["-c", said]), "repo"), None, "{said}");
    }
}

#[test]
fn patterns_that_git_could_not_read_are_git_s_to_miss() {
    let repo = repository();
    let json = is_as_git_says(&repo, &["-c", "core.excludesFile=/etc"]);
    assert_eq!(asked(&json, "repo"), Some("ignore file"));
    std::fs::remove_file(repo.at(".git/info/exclude")).expect("a file");
    std::fs::create_dir(repo.at(".git/info/exclude")).expect("a folder");
    assert_eq!(asked(&is_as_git_says(&repo, &[]), "linked"), Some("ignore file"));
}

#[test]
fn a_pipe_in_a_git_folder_holds_nobody_up() {
    for (at, arrange) in [
        ("logs/refs/stash", None),
        ("sequencer/todo", None),
        ("rebase-merge/onto", Some("detached")),
        ("packed-refs", None),
    ] {
        let repo = repository();
        if arrange.is_some() {
            repo.git(&["checkout", "--quiet", "--detach"]);
            repo.config("branch.linked.remote", ".");
            repo.config("branch.linked.merge", "refs/heads/main");
        }
        let pipe = repo.at(format!(".git/{at}"));
        std::fs::create_dir_all(pipe.parent().expect("a folder")).expect("folders");
        let _ = std::fs::remove_file(&pipe);
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let start = Instant::now();
        let mut run = program(&repo, &[]);
        let run = run.args(["--timeout=1s"]);
        assert!(Run::of(run).code <= 128, "it ends by itself");
        assert!(start.elapsed() < Duration::from_secs(40), "{at}: {:?}", start.elapsed());
    }
    assert!(Path::new(BINARY).is_file());
}

#[test]
fn configuration_of_one_worktree_is_passed_over_only_where_it_has_no_say() {
    let repo = repository();
    let included = repo.root().join("included");
    repo.config("includeIf.onbranch:linked.path", included.to_str().expect("text"));
    // Values that git could not use, of all keys that are passed over: git status looks at none of them.
    let ids = "[user]\n\tname =\n\temail = \"\"\n\tsigningKey =\n[author]\n\tname =\n\temail =\n[committer]\n\tname =\n\temail =\n";
    let rest = "[core]\n\tsshCommand = exit 3\n[commit]\n\tgpgSign = maybe\n[tag]\n\tgpgSign = maybe\n[gpg]\n\tformat = none\n\
        \tprogram =\n[gpg \"ssh\"]\n\tallowedSignersFile = /no/such\n\tprogram = false\n[credential]\n\thelper = !exit 3\n\
        [credential \"https://example.com\"]\n\tusername =\n";
    repo.write("../included", format!("{ids}{rest}"));
    let json = is_as_git_says(&repo, &[]);
    assert_eq!((asked(&json, "linked"), asked(&json, "repo")), (None, None), "{json:#}");
    assert_eq!(unit(&json, "linked", "status")["outcome"], "passed");
    for more in ["[core]\n\texcludesFile = /no/such\n", "[user]\n\tname\n", "[include]\n\tpath = more\n"] {
        repo.write("../included", format!("{ids}{more}"));
        let json = is_as_git_says(&repo, &[]);
        for name in ["linked", "repo"] {
            assert_eq!(asked(&json, name), Some("configuration by worktree"), "{more}");
        }
    }
}

/// Pieces of files of configuration: what is harmless, what is not, and what makes one look like the other.
const PIECES: [&str; 32] = [
    "[user]",
    "[USER]",
    "[core]",
    "[gpg \"ssh\"]",
    "[credential \"https://x\"]",
    "[commit]",
    "[status]",
    "[include]",
    "[user \"x\"]",
    "[user.x]",
    "name = x",
    "email=y",
    "sshCommand = ssh",
    "fileMode = false",
    "gpgSign",
    "gpgSign = true",
    "program = a",
    "helper = b",
    "path = more",
    "\n",
    "\n",
    "\n",
    "\n",
    "\t",
    " ",
    "\\",
    "\"",
    "#",
    ";",
    "=",
    "\r\n",
    "\u{feff}",
];

#[test]
fn what_is_passed_over_is_what_git_reads_in_it() {
    let repo = TestRepo::new();
    let file = repo.at("included");
    let mut rng = fastrand::Rng::with_seed(7);
    let mut passed_over = 0;
    for _ in 0..2_000 {
        let content: String = (0..rng.usize(1..9)).map(|_| *rng.choice(&PIECES).expect("some")).collect();
        repo.write("included", &content);
        if !has_no_say(&file) {
            continue;
        }
        passed_over += 1;
        let read = repo.git_try(".", &["config", "--file", "included", "--list", "--name-only", "-z"]);
        assert!(read.status.success(), "{content:?}");
        for key in String::from_utf8(read.stdout).expect("text").split_terminator('\0') {
            let (section, rest) = key.split_once('.').expect("a section");
            let is_harmless = match section {
                "user" | "commit" => !rest.contains('.'),
                "core" => rest == "sshcommand",
                "gpg" | "credential" => true,
                _ => false,
            };
            assert!(is_harmless, "{key} in {content:?}");
        }
    }
    assert!((100..1_000).contains(&passed_over), "{passed_over}");
}
