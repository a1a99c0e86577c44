//! Where a worktree's state may be told without git: one test for each thing that rules it out, made with git itself.

use std::collections::HashSet;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::BString;
use git_wtcheck::environment::Environment;
use git_wtcheck::git::attributes::{Sources, System};
use git_wtcheck::git::command::Git;
use git_wtcheck::git::config;
use git_wtcheck::git::terms::{Allowed, of_repository, of_worktree};
use git_wtcheck::git::why::Why;
use git_wtcheck::model::worktree::Worktree;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::support::drive::DeadDrive;
use crate::support::errands::{discovered, environment, run, worktree};
use crate::support::{TestRepo, there_is};

/// Of the listing alone: much of what git refuses, it refuses before.
#[track_caller]
fn in_environment(repo: &TestRepo, environment: &Environment) -> Result<Allowed, Why> {
    let git = Git::new(environment);
    let listed = run(&config::listing(&git)).expect("the listing").stdout;
    of_repository(&config::parse(&listed).expect("entries"), &repo.at(".git"), environment, git.mounts())
}

#[track_caller]
fn repository(repo: &TestRepo) -> Result<Allowed, Why> {
    in_environment(repo, &environment(repo, "."))
}

/// Of the worktree of this name, seen from a folder.
#[track_caller]
fn seen_from(repo: &TestRepo, folder: &str, name: &str) -> Result<(), Why> {
    let environment = environment(repo, folder);
    let (git, repository) = discovered(&environment);
    let allowed = of_repository(&repository.config, &repository.common_dir, &environment, git.mounts());
    allowed.expect("the repository may be proven");
    of_worktree(worktree(&repository, name), git.mounts())
}

#[track_caller]
fn of(repo: &TestRepo, name: &str) -> Result<(), Why> {
    seen_from(repo, ".", name)
}

/// What git status says with this configuration on the command line: its exit status, and what it prints.
fn status_with(repo: &TestRepo, pair: &str) -> (Option<i32>, String) {
    let output = repo.git_try(".", &["-c", pair, "status", "--porcelain=v2", "--branch", "-z"]);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_plain_repository_may_be_proven() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    let allowed = Allowed {
        file_mode: true,
        symlinks: true,
        precompose_unicode: false,
        info_exclude: repo.at(".git/info/exclude"),
        excludes_file: Some(repo.root().join("home/.config/git/ignore")),
        attributes: Some(Sources {
            files: vec![repo.at(".git/info/attributes"), repo.root().join("home/.config/git/attributes")],
            system: Arc::new(System::none()),
            line_ends: false,
        }),
        plain_lines: true,
    };
    assert_eq!(repository(&repo), Ok(allowed));
    assert_eq!(
        (of(&repo, "repo"), of(&repo, "linked"), seen_from(&repo, "../linked", "repo")),
        (Ok(()), Ok(()), Ok(()))
    );
}

#[test]
fn a_clone_lists_two_entries_for_each_branch_with_an_upstream() {
    let repo = TestRepo::new();
    repo.git(&["clone", "--quiet", "../repo", "../clone"]);
    let (_, clone) = discovered(&environment(&repo, "../clone"));
    let of_branches = clone.config.iter().filter(|entry| entry.key.starts_with("branch."));
    assert_eq!(of_branches.count(), 2, "{:?}", clone.config);
}

#[test]
fn a_repository_of_sha256_may_be_proven_and_one_with_reftables_not() {
    for (format, may_be) in [("--object-format=sha256", true), ("--ref-format=reftable", false)] {
        let repo = TestRepo::empty();
        if !there_is(format, repo.git_try(".", &["init", "--quiet", format, "."]).status.success()) {
            continue;
        }
        repo.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
        assert_eq!(repository(&repo).is_ok(), may_be, "{format}");
    }
}

#[test]
fn another_extension_of_the_repository_rules_it_out() {
    for (key, value, expected) in [
        ("extensions.noop", "true", Ok(())),
        ("extensions.preciousObjects", "true", Ok(())),
        ("extensions.partialClone", "origin", Ok(())),
        ("extensions.worktreeConfig", "true", Ok(())),
        // A repository of version 0 may say this without effect.
        ("extensions.unheardOf", "true", Err(Why::Extension)),
        ("extensions.compatObjectFormat", "sha256", Err(Why::Extension)),
    ] {
        let repo = TestRepo::new();
        if key == "extensions.compatObjectFormat" {
            repo.config("core.repositoryFormatVersion", "1");
        }
        repo.config(key, value);
        assert_eq!(repository(&repo).map(|_| ()), expected, "{key}");
    }
}

#[test]
fn a_monitor_of_the_file_system_rules_it_out() {
    for (value, expected) in [
        ("true", Err(Why::Fsmonitor)),
        ("/usr/bin/monitor", Err(Why::Fsmonitor)),
        ("false", Ok(())),
        ("0", Ok(())),
        ("", Ok(())),
    ] {
        let repo = TestRepo::new();
        repo.config("core.fsmonitor", value);
        assert_eq!(repository(&repo).map(|_| ()), expected, "{value:?}");
    }
}

#[test]
fn names_without_regard_to_case_rule_it_out() {
    let repo = TestRepo::new();
    repo.config("core.ignoreCase", "true");
    assert_eq!(repository(&repo), Err(Why::Names));
    repo.config("core.ignoreCase", "false");
    assert!(repository(&repo).is_ok());
    // As on a file system that has one file by both names.
    let linked = repo.worktree("linked");
    assert_eq!(of(&repo, "linked"), Ok(()));
    std::fs::hard_link(linked.join(".git"), linked.join(".GIT")).expect("a link");
    assert_eq!((of(&repo, "linked"), of(&repo, "repo")), (Err(Why::Names), Ok(())));
}

#[test]
fn what_concerns_some_names_only_is_passed_on() {
    let repo = TestRepo::new();
    for (key, value) in [("core.precomposeUnicode", "true"), ("core.symlinks", "false"), ("core.fileMode", "false")] {
        repo.config(key, value);
    }
    let allowed = repository(&repo).expect("it may be proven");
    assert_eq!((allowed.precompose_unicode, allowed.symlinks, allowed.file_mode), (true, false, false));
}

#[test]
fn a_value_that_git_refuses_rules_it_out() {
    for pair in [
        "core.fileMode=perhaps",
        "core.symlinks=perhaps",
        "status.showStash=perhaps",
        "status.aheadBehind=perhaps",
        "status.renameLimit=many",
        "status.showUntrackedFiles=perhaps",
        "core.excludesFile",
        "branch.x.merge",
    ] {
        let repo = TestRepo::new();
        assert_ne!(status_with(&repo, pair).0, Some(0), "git status refuses {pair}");
        let environment = environment(&repo, ".").with("GIT_CONFIG_PARAMETERS", format!("'{pair}'"));
        assert_eq!(in_environment(&repo, &environment), Err(Why::Configuration), "{pair}");
    }
    // One that outweighs it doesn't mend it.
    let repo = TestRepo::new();
    repo.config("core.fileMode", "perhaps");
    let environment = environment(&repo, ".").with("GIT_CONFIG_PARAMETERS", "'core.filemode=true'");
    assert_ne!(status_with(&repo, "core.filemode=true").0, Some(0));
    assert_eq!(in_environment(&repo, &environment), Err(Why::Configuration));
}

#[test]
fn what_only_people_are_told_by_rules_nothing_out() {
    let repo = TestRepo::new();
    repo.write("new", "x");
    let plain = status_with(&repo, "core.bare=false");
    for pair in [
        "core.attributesFile=/no/such/file",
        "core.autocrlf=true",
        "core.checkStat=minimal",
        "core.ignoreStat=true",
        "core.quotePath=false",
        "core.sparseCheckout=true",
        "core.sparseCheckoutCone=true",
        "core.splitIndex=true",
        "core.trustctime=false",
        "core.untrackedCache=true",
        "diff.ignoreSubmodules=all",
        "feature.manyFiles=true",
        "index.skipHash=true",
        "index.sparse=true",
        "status.aheadBehind=false",
        "status.branch=true",
        "status.color.branch=red",
        "status.displayCommentPrefix=true",
        "status.relativePaths=false",
        "status.renames=copies",
        "status.renameLimit=3",
        "status.short=true",
        "status.showStash=true",
        "status.submoduleSummary=3",
        "submodule.recurse=true",
    ] {
        assert_eq!(status_with(&repo, pair), plain, "git status does nothing else by {pair}");
        let environment = environment(&repo, ".").with("GIT_CONFIG_PARAMETERS", format!("'{pair}'"));
        assert!(in_environment(&repo, &environment).is_ok(), "{pair}");
    }
    // Which untracked files are listed, an option says over this.
    repo.config("status.showUntrackedFiles", "no");
    assert!(repository(&repo).is_ok());
}

/// Keys that git knows, with something for each part of their names that is not given.
fn known_keys(repo: &TestRepo) -> Vec<String> {
    let listed = repo.git(&["help", "--config"]);
    // One is no key that git can be given; another is followed by every git.
    let is_key = |line: &&str| line.contains('.') && !line.contains([' ', '_']) && *line != "include.path";
    let named = |key: &str| {
        let parts = key.split('.').map(|part| if part.contains(['<', '*']) { "main" } else { part });
        parts.collect::<Vec<_>>().join(".")
    };
    listed.lines().filter(is_key).map(named).collect()
}

#[test]
fn what_git_cannot_read_of_its_configuration_rules_it_out() {
    const VALUES: [Option<&str>; 6] =
        [None, Some(""), Some("x!"), Some("-5"), Some("~nobody/x"), Some("9223372036854775808")];
    let repo = TestRepo::new();
    repo.write("file.txt", "other");
    repo.write("new", "x");
    let plain = status_with(&repo, "core.bare=false");
    let environment = environment(&repo, ".");
    let git = Git::new(&environment);
    let listed = config::parse(&run(&config::listing(&git)).expect("the listing").stdout).expect("entries");
    let keys = known_keys(&repo);
    let given: Vec<_> = keys.iter().map(|key| format!("{key}=1")).collect();
    let all_at_once: Vec<_> = given.iter().flat_map(|pair| ["-c", pair]).chain(config::LISTING).collect();
    let printed = repo.git_try("..", &all_at_once);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed = printed.stdout;
    let of_interest: HashSet<_> =
        config::parse(&printed).expect("entries").into_iter().map(|entry| entry.key).collect();
    let (mut allowed, mut ruled_out) = (0, 0);
    for key in keys {
        let (section, rest) = key.split_once('.').expect("a section");
        let (subsection, last) = rest.rsplit_once('.').map_or(("", rest), |(subsection, last)| (subsection, last));
        let dot = if subsection.is_empty() { "" } else { "." };
        let lowered = format!("{}.{subsection}{dot}{}", section.to_lowercase(), last.to_lowercase());
        for value in VALUES {
            let value = value.map(BString::from);
            let pair = value.as_ref().map_or_else(|| key.clone(), |value| format!("{key}={value}"));
            let entry = config::Entry {
                scope: config::Scope::Command,
                origin: "command line:".into(),
                key: lowered.clone(),
                value,
            };
            let entries: Vec<_> = listed.iter().cloned().chain([entry]).collect();
            if !of_interest.contains(&lowered)
                || of_repository(&entries, &repo.at(".git"), &environment, git.mounts()).is_ok()
            {
                allowed += 1;
                assert_eq!(status_with(&repo, &pair), plain, "{pair}");
            } else {
                ruled_out += 1;
            }
        }
    }
    assert!(allowed > 3000 && ruled_out > 600, "{allowed} {ruled_out}");
}

#[test]
fn lines_may_be_configured_to_be_compared_in_another_way() {
    for (pair, expected) in [
        ("diff.algorithm=myers", true),
        ("diff.algorithm=patience", false),
        ("core.bigFileThreshold=1m", false),
        ("diff.context=7", true),
    ] {
        let repo = TestRepo::new();
        let (key, value) = pair.split_once('=').expect("a pair");
        repo.config(key, value);
        let plain = repository(&repo).map(|allowed| allowed.plain_lines);
        assert_eq!(plain.unwrap_or(false), expected, "{pair}");
    }
}

#[test]
fn an_order_of_files_rules_it_out() {
    let repo = TestRepo::new();
    let pair = "diff.orderFile=/no/such/file";
    assert_eq!(status_with(&repo, pair).0, Some(0), "where nothing has changed");
    repo.write("file.txt", "other");
    assert_ne!(status_with(&repo, pair).0, Some(0), "where something has, git refuses to tell");
    repo.config("diff.orderFile", "/no/such/file");
    assert_eq!(repository(&repo), Err(Why::Configuration));
}

#[test]
fn files_that_another_program_makes_up_rule_it_out() {
    let repo = TestRepo::new();
    repo.config("core.virtualFilesystem", "hook");
    assert_eq!(repository(&repo), Err(Why::Configuration));
}

#[test]
fn configuration_under_a_condition_rules_it_out() {
    for condition in ["gitdir:/no/such/folder/", "onbranch:main", "hasconfig:remote.*.url:https://x/**"] {
        let repo = TestRepo::new();
        repo.config("include.path", "/no/such/file");
        assert!(repository(&repo).is_ok(), "without a condition it holds in every worktree");
        let included = repo.root().join("included");
        repo.config(&format!("includeIf.{condition}.path"), included.to_str().expect("text"));
        assert!(repository(&repo).is_ok(), "{condition}: a file that is not there");
        repo.write("../included", "[user]\n\tname = A U Thor\n");
        assert!(repository(&repo).is_ok(), "{condition}: a file that says who one is");
        repo.write("../included", "[core]\n\tfileMode = false\n");
        assert_eq!(repository(&repo), Err(Why::Configuration), "{condition}");
        repo.write("../included", "");
        let include = |path: &str| {
            repo.write("../home/.gitconfig", format!("[includeIf \"{condition}\"]\n\tpath = {path}\n"));
        };
        for (path, may_be) in [("more", true), ("~/more", true), ("fewer", false), ("~nobody/more", false)] {
            repo.write("../home/more", "[user]\n\tname = A U Thor\n");
            repo.write("../home/fewer", "[core]\n\tfileMode = false\n");
            include(path);
            assert_eq!(repository(&repo).is_ok(), may_be, "{condition}: {path} beside another");
        }
        include("more");
        repo.config(&format!("includeIf.{condition}.path"), "~nobody/included");
        assert_eq!(repository(&repo), Err(Why::Configuration), "{condition}: in the home of somebody else");
    }
}

#[test]
fn a_worktree_with_configuration_of_its_own_is_ruled_out_and_no_other() {
    let repo = TestRepo::new();
    for name in ["own", "other"] {
        repo.worktree(name);
    }
    repo.config("extensions.worktreeConfig", "true");
    repo.git_in("../own", &["config", "--worktree", "core.fileMode", "false"]);
    repo.git_in("../own", &["config", "--worktree", "core.fsmonitor", "true"]);
    for folder in [".", "../own", "../other"] {
        assert_eq!(seen_from(&repo, folder, "own"), Err(Why::Configuration), "{folder}");
        assert_eq!(seen_from(&repo, folder, "other"), Ok(()), "{folder}");
        assert_eq!(seen_from(&repo, folder, "repo"), Ok(()), "{folder}");
        let allowed = in_environment(&repo, &environment(&repo, folder)).expect("it may be proven");
        assert!(allowed.file_mode, "what holds in one worktree is not taken for another: {folder}");
    }
    repo.git(&["config", "--worktree", "core.abbrev", "9"]);
    assert_eq!(of(&repo, "repo"), Err(Why::Configuration));
}

#[test]
fn a_working_tree_apart_from_its_git_folder_is_ruled_out() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    repo.config("core.worktree", "..");
    assert_eq!(repository(&repo), Err(Why::Apart));
    let apart = TestRepo::new();
    apart.git(&["init", "--quiet", "--separate-git-dir=../apart.git", "../other"]);
    apart.git_in("../other", &["commit", "--quiet", "--allow-empty", "--message=first"]);
    apart.git_in("../other", &["worktree", "add", "--quiet", "../linked"]);
    let (_, found) = discovered(&environment(&apart, "../linked"));
    assert!(found.worktrees[0].obstacle.is_some(), "nobody knows where it is: {:?}", found.worktrees[0]);
    assert_eq!(seen_from(&apart, "../linked", "linked"), Ok(()));
    // Its `.git` is a file that leads there.
    assert_eq!(seen_from(&apart, "../other", "other"), Ok(()));
    let (git, found) = discovered(&environment(&repo, "../linked"));
    let apart = Worktree { apart: true, ..worktree(&found, "linked").clone() };
    assert_eq!(of_worktree(&apart, git.mounts()), Err(Why::Apart));
}

#[test]
fn variables_that_change_what_git_does_rule_it_out() {
    let repo = TestRepo::new();
    for (name, value, expected) in [
        ("GIT_TRACE", "/dev/null", Err(Why::GitVariable)),
        ("GIT_TRACE2_EVENT", "/dev/null", Err(Why::GitVariable)),
        ("GIT_TEST_SPLIT_INDEX", "1", Err(Why::GitVariable)),
        ("GIT_NAMESPACE", "x", Err(Why::GitVariable)),
        ("GIT_LITERAL_PATHSPECS", "1", Err(Why::GitVariable)),
        ("GIT_UNHEARD_OF", "", Err(Why::GitVariable)),
        // git status takes no notice, but discovery's listing of the configuration does.
        ("GIT_CONFIG", "/dev/null", Err(Why::GitVariable)),
        // No child inherits these.
        ("GIT_INDEX_FILE", "/no/such/file", Ok(())),
        ("GIT_PREFIX", "x/", Ok(())),
        ("GIT_EDITOR", "vi", Ok(())),
        ("GIT_AUTHOR_NAME", "A", Ok(())),
        ("GIT_SSH_COMMAND", "ssh", Ok(())),
        ("GIT_PAGER_IN_USE", "true", Ok(())),
        ("GIT_OPTIONAL_LOCKS", "0", Ok(())),
        ("GITHUB_TOKEN", "x", Ok(())),
    ] {
        let environment = environment(&repo, ".").with(name, value);
        assert_eq!(in_environment(&repo, &environment).map(|_| ()), expected, "{name}");
    }
}

#[test]
fn the_file_of_patterns_is_where_git_has_it() {
    let repo = TestRepo::new();
    let home = repo.root().join("home");
    for (value, expected) in [
        ("/x/y", Ok(Some(PathBuf::from("/x/y")))),
        ("~/a b/~c", Ok(Some(home.join("a b/~c")))),
        ("", Ok(None)),
        ("~nobody-here/x", Err(Why::Configuration)),
        ("%(prefix)/x", Err(Why::Configuration)),
        ("relative", Err(Why::Configuration)),
        (":(optional)/x", Err(Why::Configuration)),
    ] {
        repo.config("core.excludesFile", value);
        if let Ok(Some(expected)) = &expected {
            let expanded = repo.git(&["config", "--type=path", "--get", "core.excludesFile"]);
            assert_eq!(Path::new(&expanded), expected, "as git expands it");
        }
        assert_eq!(repository(&repo).map(|allowed| allowed.excludes_file), expected, "{value}");
    }
}

#[test]
fn without_a_file_of_patterns_in_the_configuration_it_is_where_git_looks() {
    let repo = TestRepo::new();
    repo.write("new", "x");
    let at_home = repo.root().join("home/.config/git/ignore");
    let of = |environment: Environment| in_environment(&repo, &environment).map(|allowed| allowed.excludes_file);
    let xdg = repo.root().join("xdg");
    for (file, variable) in [(at_home, None), (xdg.join("git/ignore"), Some(&xdg))] {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        let ignored = |patterns: &str| {
            std::fs::write(&file, patterns).expect("a file");
            let mut status = repo.command("git");
            status.args(["status", "--porcelain"]).envs(variable.map(|folder| ("XDG_CONFIG_HOME", folder)));
            status.output().expect("git").stdout.is_empty()
        };
        assert!(!ignored("") && ignored("new\n"), "git reads {}", file.display());
        let environment = environment(&repo, ".");
        let environment = match variable {
            Some(folder) => environment.with("XDG_CONFIG_HOME", folder),
            None => environment,
        };
        assert_eq!(of(environment), Ok(Some(file)));
    }
    assert_eq!(of(environment(&repo, ".").with("XDG_CONFIG_HOME", "relative")), Err(Why::Configuration));
}

#[test]
fn replaced_objects_and_grafts_rule_it_out() {
    let repo = TestRepo::new();
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=second"]);
    repo.git(&["replace", "HEAD", "HEAD~"]);
    assert_eq!(repository(&repo), Err(Why::Replaced), "loose");
    repo.git(&["pack-refs", "--all"]);
    assert!(
        repo.at(".git/refs/replace").read_dir().is_ok_and(|mut refs| refs.next().is_none())
            || !repo.at(".git/refs/replace").exists()
    );
    assert_eq!(repository(&repo), Err(Why::Replaced), "packed");
    let replaced = repo.git(&["replace", "--list"]);
    repo.git(&["replace", "--delete", &replaced]);
    assert!(repository(&repo).is_ok());
    repo.write(".git/info/grafts", repo.git(&["rev-parse", "HEAD"]) + "\n");
    assert_eq!(repository(&repo), Err(Why::Replaced), "grafts");
}

#[test]
fn a_worktree_without_a_commit_at_head_is_ruled_out() {
    let repo = TestRepo::new();
    for name in ["unborn", "broken"] {
        repo.worktree(name);
    }
    repo.git_in("../unborn", &["symbolic-ref", "HEAD", "refs/heads/nothing"]);
    repo.write(".git/worktrees/broken/HEAD", "garbage\n");
    assert_eq!((of(&repo, "unborn"), of(&repo, "repo")), (Err(Why::Head), Ok(())));
    // git does not list the other.
    let (_, found) = discovered(&environment(&repo, "."));
    assert!(
        found.worktrees.iter().find(|worktree| worktree.name == "broken").is_none_or(|broken| broken.head.is_none())
    );
}

#[test]
fn a_bare_repository_and_a_folder_that_is_gone_are_not_proven() {
    let repo = TestRepo::new();
    let gone = repo.worktree("gone");
    std::fs::remove_dir_all(gone).expect("removed");
    assert_eq!(of(&repo, "gone"), Err(Why::Unreadable));
    repo.git(&["clone", "--quiet", "--bare", ".", "../bare.git"]);
    assert_eq!(seen_from(&repo, "../bare.git", "bare.git"), Err(Why::Unreadable));
}

#[test]
fn another_user_s_worktree_is_ruled_out() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    if there_is("a folder of another user (as root)", nix::unistd::geteuid().is_root()) {
        chown(&linked, Some(1), None).expect("another owner");
        assert_eq!((of(&repo, "linked"), of(&repo, "repo")), (Err(Why::Owner), Ok(())));
    }
}

#[test]
fn a_drive_that_may_be_away_is_ruled_out() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    // Otherwise git itself would look there, and wait.
    repo.git(&["worktree", "lock", "../linked"]);
    let place = repo.root().join("linked");
    let Some(_drive) = DeadDrive::mounted_at(&place) else { return };
    assert_eq!((of(&repo, "linked"), of(&repo, "repo")), (Err(Why::FileSystem), Ok(())));
}

#[test]
fn a_drive_inside_a_worktree_rules_it_out() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    let place = linked.join("inside");
    std::fs::create_dir(&place).expect("a folder");
    let mounted = mount(Some("x"), &place, Some("proc"), MsFlags::empty(), None::<&str>).is_ok();
    if there_is("a file system that can be mounted (as root)", mounted) {
        let found = (of(&repo, "linked"), of(&repo, "repo"));
        umount2(&place, MntFlags::MNT_DETACH).expect("unmounted");
        assert_eq!(found, (Err(Why::FileSystem), Ok(())));
    }
}

#[test]
fn a_worktree_in_memory_may_be_proven() {
    let memory = Path::new("/dev/shm");
    if there_is("a file system in memory (/dev/shm)", memory.is_dir()) {
        assert_eq!(of(&TestRepo::within(memory), "repo"), Ok(()));
    }
}

#[test]
fn a_worktree_behind_a_link_is_ruled_out() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    std::fs::rename(&linked, repo.root().join("there")).expect("moved");
    symlink("there", &linked).expect("a link");
    assert_eq!((of(&repo, "linked"), of(&repo, "repo")), (Err(Why::FileSystem), Ok(())));
}

#[test]
fn who_converts_files_is_known_as_git_knows_it() {
    let repo = TestRepo::new();
    let sources = |environment: &Environment| in_environment(&repo, environment).expect("allowed").attributes;
    let environment = environment(&repo, ".");
    let line_ends = |value: &str| {
        repo.config("core.autocrlf", value);
        sources(&environment).map(|sources| sources.line_ends)
    };
    assert_eq!(["false", "input", "true", "0"].map(line_ends), [false, true, true, false].map(Some));
    for (value, expected) in [("/x/y", Some("/x/y")), ("", None)] {
        repo.config("core.attributesFile", value);
        let files = sources(&environment).expect("known").files;
        let expected: Vec<_> =
            [Some(repo.at(".git/info/attributes")), expected.map(PathBuf::from)].into_iter().flatten().collect();
        assert_eq!(files, expected);
    }
    repo.config("core.attributesFile", "/x/y");
    repo.config("attr.tree", "HEAD");
    assert_eq!(sources(&environment), None);
}

#[test]
fn the_machine_s_attributes_are_where_git_says() {
    let repo = TestRepo::new();
    let mut command = repo.command("git");
    let told = command.env_remove("GIT_ATTR_NOSYSTEM").args(["var", "GIT_ATTR_SYSTEM"]).output().expect("git");
    if !there_is("GIT_ATTR_SYSTEM", told.status.success()) {
        return;
    }
    let told = PathBuf::from(String::from_utf8(told.stdout).expect("text").trim_end());
    let sources = in_environment(&repo, &environment(&repo, ".").with("GIT_ATTR_NOSYSTEM", "0")).expect("allowed");
    let system = sources.attributes.expect("known").system;
    // A git that does not say so itself is left alone.
    let files = system.files().unwrap_or_default();
    assert!(files.iter().all(|file| *file == told), "{files:?}, and git says {}", told.display());
    assert!(there_is("a git that says where they are", !files.is_empty()) || files.is_empty());
}

#[test]
fn a_bare_repository_rules_its_worktrees_out_where_they_may_have_configuration_of_their_own() {
    let repo = TestRepo::new();
    repo.worktree("linked");
    for (worktree_config, bare, is_refused) in
        [("false", "true", false), ("true", "false", false), ("true", "true", true)]
    {
        repo.config("core.bare", bare);
        repo.config("extensions.worktreeConfig", worktree_config);
        let refused = !repo.git_try("../linked", &["status"]).status.success();
        let expected = if is_refused { Err(Why::Configuration) } else { Ok(()) };
        assert_eq!((refused, repository(&repo).map(|_| ())), (is_refused, expected), "{worktree_config} {bare}");
    }
}
