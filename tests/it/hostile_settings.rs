//! Settings that somebody else wrote: what they may neither deceive, nor hang, nor take for themselves.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{BINARY, Run, TestRepo, unit};

#[test]
fn attempts_are_bounded_in_every_layer() {
    let expected = "expected a whole number from 0 to 999 (1000 attempts at the most)\n";
    let repo = TestRepo::new();
    for (name, content) in [
        ("../home/.config/git-wtcheck/config.toml", "retries = 1000\n"),
        (".wtcheck.toml", "[check.log]\nretries = 4294967295\n"),
        (".wtcheck.toml", "[profile.p]\nretries = 1000\n"),
    ] {
        repo.write(name, content);
        repo.wtcheck(&[]).exits(2).says(expected);
        std::fs::remove_file(repo.at(name)).expect("a file");
    }
    Run::of(repo.command(BINARY).env("GIT_WTCHECK_RETRIES", "1k")).exits(2).says(expected);
    repo.config("wtcheck.log.retries", "1000");
    repo.wtcheck(&[]).exits(2).says("wtcheck.log.retries = 1000: ").says(expected);
    repo.config("wtcheck.log.retries", "999");
    repo.wtcheck(&["plan"]).exits(0);
    repo.wtcheck(&["--retries=999", "plan"]).exits(0);
    repo.wtcheck(&["--retries=1000"]).exits(129).says("1000 is not in 0..=999");
}

#[test]
fn a_delay_of_nothing_does_not_spin() {
    let repo = TestRepo::new();
    repo.write(
        ".wtcheck.toml",
        "checks = [\"log\"]\nretries = 30\nretry-delay = 0\nretry-max-delay = 0\n[check.log]\nretry-on = [\"failure\"]\nfail-if = \"true\"\n",
    );
    let start = Instant::now();
    let json = repo.wtcheck(&["--format=json"]).exits(1).json();
    assert!(start.elapsed() >= Duration::from_millis(300), "{:?}", start.elapsed());
    assert_eq!(unit(&json, "repo", "log")["attempts"].as_array().expect("attempts").len(), 31);
}

#[test]
fn a_file_of_the_repository_that_is_no_regular_file_is_not_read() {
    let repo = TestRepo::new();
    let file = repo.at(".wtcheck.toml");
    repo.write("../secret", "password = hunter2\n");
    let refused = |why: &str| {
        let mut command = repo.command("timeout");
        let run = Run::of(command.args(["20", BINARY]).env("TOKEN", "hunter2"));
        run.exits(2)
            .says(&format!("/repo/.wtcheck.toml: cannot be read: {why}\nhint: only a regular file of the worktree"));
        run.says("'--config FILE'");
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        // Nothing but the message and its remedy: no excerpt of what lies behind.
        assert_eq!((run.stderr.lines().count(), run.stdout.as_str()), (2, ""), "{}", run.stderr);
        std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)).expect("gone");
    };
    for target in ["/proc/self/environ", "../secret", "/proc/self/pagemap", "/dev/zero", "file.txt", "nowhere"] {
        symlink(target, &file).expect("a link");
        refused("it is a link");
    }
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    refused("it is not a regular file");
    let _socket = std::os::unix::net::UnixListener::bind(&file).expect("a socket");
    refused("it is not a regular file");
    std::fs::create_dir(&file).expect("a folder");
    refused("it is not a regular file");
    // A file that the user names may well be a link.
    repo.write("../elsewhere.toml", "retries = 1\n");
    symlink("../elsewhere.toml", repo.at("link.toml")).expect("a link");
    repo.wtcheck(&["--config=link.toml", "plan"]).exits(0);
}

#[test]
fn no_more_of_a_file_is_read_than_settings_may_hold() {
    let repo = TestRepo::new();
    // Files that are said to hold nothing and hold more than fits, as one that grows while it is read does.
    let endless = ["/proc/self/pagemap", "/proc/kallsyms"];
    for endless in endless.into_iter().filter(|path| std::path::Path::new(path).exists()) {
        let limited = format!("ulimit -v 2000000; exec timeout 20 '{BINARY}' --config={endless}");
        let run = Run::of(repo.command("sh").args(["-c", &limited]));
        run.exits(2).says(&format!("error: {endless}: cannot be read: "));
        // The first can be read only in whole words, which a megabyte and a byte are not.
        let why = ["it is larger than 1 MiB", "Invalid argument", "denied"];
        assert!(why.iter().any(|why| run.stderr.contains(why)), "{}", run.stderr);
    }
    nix::unistd::mkfifo(&repo.at("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    let run = Run::of(repo.command("timeout").args(["20", BINARY, "--config=fifo"]));
    run.exits(2).says("/repo/fifo: cannot be read: it is not a regular file\n");
}

#[test]
fn init_never_lets_more_people_read_the_configuration() {
    let repo = TestRepo::new();
    let config = repo.at(".git/config");
    repo.config("http.extraHeader", "secret");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    // So large that its copy is looked at many times while it is written.
    let mut content = std::fs::read(&config).expect("a file");
    content.extend("# a line that says nothing\n".repeat(1 << 20).bytes());
    std::fs::write(&config, content).expect("a file");
    let lock = repo.at(".git/config.lock");
    let mut running = repo.command(BINARY).args(["config", "init"]).stdout(Stdio::null()).spawn().expect("the program");
    let mut seen = 0;
    while running.try_wait().expect("a child").is_none() {
        if let Ok(there) = std::fs::metadata(&lock) {
            assert_eq!(there.permissions().mode() & 0o077, 0, "{there:?}");
            seen += 1;
        }
    }
    assert!(running.wait().expect("an end").success() && seen > 0);
    repo.git(&["config", "--remove-section", "wtcheck"]);
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, text.split("# a line that says nothing").next().expect("a part")).expect("a file");
    // What could only be read stays so, a link stays one, and what it leads to is written.
    std::fs::rename(&config, repo.at("../elsewhere")).expect("a file elsewhere");
    symlink("../../elsewhere", &config).expect("a link");
    repo.wtcheck(&["config", "init"]).exits(0);
    assert!(config.symlink_metadata().expect("a link").is_symlink());
    let written = std::fs::metadata(repo.at("../elsewhere")).expect("a file");
    assert_eq!(written.permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&config).expect("a file").contains("[wtcheck]"));
}

/// A repository with an approval, and where that lies.
fn approved() -> (TestRepo, PathBuf) {
    let repo = TestRepo::new();
    repo.write(".wtcheck.toml", "[check.test]\ncommand = \"true\"\n");
    repo.wtcheck(&["trust", "--yes"]).exits(0);
    let store = repo.root().join("home/.local/state/git-wtcheck/trust");
    let approval = std::fs::read_dir(&store).expect("the store").next().expect("an approval").expect("an entry").path();
    (repo, approval)
}

#[test]
fn untrust_works_whatever_lies_in_the_store() {
    let (repo, approval) = approved();
    let beside = |name: &str| approval.with_file_name(name);
    let name = approval.file_name().expect("a name").to_str().expect("text").to_owned();
    let (repository, _) = name.split_once('-').expect("two parts");
    // Others' approvals in every state, and things that nobody knows.
    std::fs::create_dir(beside("aaa.json")).expect("a folder");
    std::fs::write(beside("bbb.json"), "{").expect("a file");
    symlink("nowhere", beside("ccc.json")).expect("a link");
    nix::unistd::mkfifo(&beside("ddd.json"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    std::fs::write(beside("notes"), "").expect("a file");
    // Of this repository: broken, a link, an empty folder, what a killed approval left, and a folder with something in it.
    std::fs::write(beside(&format!("{repository}-1.json")), "{").expect("a file");
    symlink("nowhere", beside(&format!("{repository}-2.json"))).expect("a link");
    std::fs::create_dir(beside(&format!("{repository}-3.json"))).expect("a folder");
    std::fs::write(beside(&format!("{repository}-4.99.tmp")), "{").expect("a file");
    let full = beside(&format!("{repository}-5.json"));
    std::fs::create_dir_all(full.join("inside")).expect("a folder");

    let run = Run::of(repo.command("timeout").args(["20", BINARY, "trust", "--list"]));
    run.exits(0).shows("check.test.command = \"true\"");
    for unread in ["aaa.json", "bbb.json", "ccc.json", "ddd.json", &format!("{repository}-5.json")] {
        run.says(&format!("/{unread} approves nothing: it is"));
    }
    let run = repo.wtcheck(&["untrust"]);
    run.exits(128).shows("Took 4 approvals back.").says(&format!("error: {} could not be removed: ", full.display()));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    repo.wtcheck(&[]).exits(2).says("nobody has approved");
    std::fs::remove_dir_all(&full).expect("gone");
    let mut left: Vec<_> = std::fs::read_dir(approval.parent().expect("the store"))
        .expect("the store")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    left.sort();
    assert_eq!(left, ["aaa.json", "bbb.json", "ccc.json", "ddd.json", "notes"], "what is others' stays");
    repo.wtcheck(&["untrust"]).exits(0).shows("There was no approval");
}

#[test]
fn a_store_that_is_a_file_holds_no_approval() {
    let (repo, approval) = approved();
    let store = approval.parent().expect("the store");
    std::fs::remove_dir_all(store).expect("gone");
    std::fs::write(store, "").expect("a file");
    repo.wtcheck(&[]).exits(2).says("nobody has approved");
    repo.wtcheck(&["untrust"]).exits(0).shows("There was no approval");
    assert_eq!(repo.wtcheck(&["trust", "--list"]).exits(0).stdout, "");
    repo.wtcheck(&["trust", "--yes"]).exits(128).says("cannot keep the approval");
}

/// Names that are none: such as draw over a line, are commands to a shell, or take a screen.
const NO_NAMES: [&str; 9] =
    ["a\u{1b}[1A\u{1b}[2Kb", "a\u{61c}b", "zz$(touch${IFS}x)", "a b", "!a", "-a", ".a", "", "\u{e9}"];

/// A text as TOML writes it, in ASCII alone.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect()
}

#[test]
fn what_is_no_name_is_refused_wherever_it_stands_and_shown_safe() {
    let repo = TestRepo::new();
    for name in NO_NAMES.into_iter().chain(["x".repeat(65).as_str(), "x".repeat(1000).as_str()]) {
        let text = quoted(name);
        for content in [
            format!("[check.\"{text}\"]\ncommand = \"true\"\n"),
            format!("[profile.\"{text}\"]\nretries = 1\n"),
            format!("[profile.\"{text}\".check.z]\ncommand = \"touch evil\"\n[check.z]\ncommand = \"make test\"\n"),
            format!("[profile.p.check.\"{text}\"]\ncommand = \"true\"\n"),
            format!("[profile.p]\ninherits = \"{text}\"\n"),
            format!("checks = [\"{text}\"]\n"),
            format!("[check.log]\nneeds = [\"{text}\"]\n"),
        ] {
            repo.write(".wtcheck.toml", &content);
            let commands = [&["plan"][..], &["trust", "--yes"], &["config", "show"], &["config", "validate"], &["-q"]];
            // One name is tried with all of them.
            for args in commands.into_iter().take(if name == NO_NAMES[0] { 5 } else { 2 }) {
                let run = repo.wtcheck(args);
                run.exits(2).says("/repo/.wtcheck.toml:");
                assert_eq!(run.stdout, "", "{content}");
                let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{61c}');
                assert!(!run.stderr.contains(raw) && run.stderr.lines().all(|line| line.len() < 400), "{}", run.stderr);
                assert_eq!(run.stderr.matches("error: ").count(), 1, "{}", run.stderr);
            }
            let run =
                Run::of(repo.command(BINARY).env("COMPLETE", "bash").args(["--", "git-wtcheck", "--profile", ""]));
            assert!(!run.stdout.contains(name) || name.is_empty(), "{}", run.stdout);
        }
    }
    assert!(!repo.at("evil").exists());
    repo.write(".wtcheck.toml", "");
    for name in NO_NAMES.into_iter().filter(|name| !name.is_empty()) {
        let shown: String = name.chars().flat_map(char::escape_default).collect();
        repo.wtcheck(&[&format!("--profile={name}")]).exits(2).says(&format!("a profile cannot be named '{shown}': "));
        Run::of(repo.command(BINARY).env("GIT_WTCHECK_PROFILE", name)).exits(2).says(&format!("named '{shown}': "));
        if !name.starts_with('-') {
            repo.wtcheck(&["plan", name]).exits(2).says(&format!("no check is named '{shown}'\n"));
        }
        repo.wtcheck(&[&format!("--skip={name}")]).exits(2).says(&format!("no check is named '{shown}'\n"));
        for key in [format!("wtcheck.{name}.command"), format!("wtcheck.profile.{name}.retries")] {
            let before = std::fs::read(repo.at(".git/config")).expect("a file");
            repo.config(&key, "1");
            // In git's configuration, a profile's name ends at its first dot.
            let is_profile = key.contains("profile");
            let (table, part) =
                if is_profile { ("profile", shown.split('.').next().unwrap_or_default()) } else { ("check", &*shown) };
            let run = repo.wtcheck(&["plan"]);
            run.exits(2).says(&format!(".git/config (git local): wtcheck.{table}: a {table} cannot be named '{part}"));
            std::fs::write(repo.at(".git/config"), before).expect("a file");
        }
    }
}

/// Lines of settings, by their number, as many as a settings file can hold.
fn filled(line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0.. {
        let line = line(index);
        if text.len() + line.len() > 1 << 20 {
            break;
        }
        text.push_str(&line);
    }
    text
}

/// Runs the program with these settings under limits of memory and time that are a few times what an optimized build takes.
#[track_caller]
fn told(repo: &TestRepo, toml: &str, gitconfig: &str, args: &[&str], code: i32) -> Run {
    repo.write(".wtcheck.toml", toml);
    repo.write("../home/more", gitconfig);
    repo.write("../home/.gitconfig", "[include]\n\tpath = more\n");
    let limited = format!("ulimit -v 600000; exec timeout 60 '{BINARY}' \"$@\"");
    let run = Run::of(repo.command("sh").args(["-c", &limited, "sh"]).args(args));
    run.exits(code);
    assert!(run.stderr.lines().count() <= 20 * 5 + 5, "{}", run.stderr);
    run
}

fn checks(count: usize, more: impl Fn(usize) -> String) -> String {
    (0..count).map(|index| format!("[check.c{index}]\ncommand = \"x\"\n{}", more(index))).collect()
}

#[test]
fn of_a_megabyte_of_faults_the_first_are_told_and_the_others_counted() {
    let repo = TestRepo::new();
    let unknown = filled(|index| format!("k{index}=1\n"));
    let rest = unknown.lines().count() - 20;
    let counted = |run: &Run, level: &str| {
        run.says(&format!("{level}: and {rest} more\n"));
        assert_eq!(run.stderr.matches(&format!("{level}: ")).count(), 21, "{}", run.stderr);
    };
    counted(&told(&repo, &unknown, "", &["plan"], 0), "warning");
    counted(&told(&repo, &unknown, "", &["config", "validate"], 2), "error");
    counted(&told(&repo, "", &format!("[wtcheck]\n{unknown}"), &["plan"], 0), "warning");
    counted(&told(&repo, "", &format!("[wtcheck \"log\"]\n{unknown}"), &["config", "validate"], 2), "error");
    told(&repo, &filled(|index| format!("[check.\"a {index}\"]\n")), "", &["plan"], 2).says("more\n");
    told(&repo, &filled(|index| format!("[k{index}.a.b]\n")), "", &["plan"], 0).says("more\n");
}

#[test]
fn long_lists_over_many_checks_are_read_in_their_length() {
    let repo = TestRepo::new();
    let list = |name: &str| {
        let names: Vec<String> = (0..20_000).map(|index| format!("\"{name}{}\"", index % 9_000)).collect();
        format!("checks = [{}]\n", names.join(","))
    };
    let known =
        told(&repo, &format!("{}{}", list("c"), checks(9_000, |_| String::new())), "", &["plan", "--format=json"], 0);
    assert_eq!(known.json()["checks"].as_array().expect("checks").len(), 9_000);
    let unknown = told(&repo, &format!("{}{}", list("z"), checks(9_000, |_| String::new())), "", &["plan"], 2);
    unknown.says("no check is named 'z19'").says("error: and 19980 more\n");
}

#[test]
fn chains_of_any_length_are_planned_or_told_of() {
    let repo = TestRepo::new();
    let next =
        |last: usize, index: usize| if index < last { format!("needs = \"c{}\"\n", index + 1) } else { String::new() };
    let chain = checks(9_997, |index| next(9_996, index));
    let run = told(&repo, &chain, "", &["plan", "--format=json", "c0"], 0);
    assert_eq!(run.json()["checks"].as_array().expect("checks").len(), 9_997);
    assert_eq!(run.json()["checks"][0]["check"], "c9996", "what is waited for comes first");
    let circle = checks(9_000, |index| format!("needs = \"c{}\"\n", (index + 1) % 9_000));
    told(&repo, &circle, "", &["plan"], 2).says("checks wait for each other: c0 -> c1").says(" more) -> c0\n");
    let asks = checks(
        2_000,
        |index| if index < 1_999 { format!("when = \"c{}.passed\"\n", index + 1) } else { String::new() },
    );
    told(&repo, &asks, "", &["plan"], 0);
    let wrong = checks(2_000, |index| format!("when = \"d{index}.passed\"\n"));
    told(&repo, &wrong, "", &["plan"], 2).says("error: and 1980 more\n");
    let endless: String = (0..100_000)
        .map(|index| format!("[wtcheck \"c{index}\"]\n\tcommand = x\n\tneeds = c{}\n", index + 1))
        .collect();
    let run = told(&repo, "", &endless, &["plan"], 2);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.says("/home/more (git global): wtcheck.check: more than 10000 checks are defined\n");
    let run = told(&repo, &checks(10_001, |_| String::new()), "", &["plan"], 2);
    run.says("/repo/.wtcheck.toml:20001: check: more than 10000 checks are defined\n");
}

#[test]
fn many_profiles_and_chains_of_them_are_read_in_their_length() {
    let repo = TestRepo::new();
    let many: String = (0..100_000).map(|index| format!("[wtcheck \"profile.p{index}\"]\n\tretries = 1\n")).collect();
    told(&repo, "", &many, &["plan"], 2).says("wtcheck.profile: more than 10000 profiles are defined\n");
    let chain = |last: usize| -> String {
        (0..9_000)
            .map(|index| {
                format!("[profile.p{index}]\ninherits = \"p{}\"\n", if index < 8_999 { index + 1 } else { last })
            })
            .collect()
    };
    told(&repo, &chain(0), "", &["plan", "--profile=p0"], 2).says("profiles inherit from each other: p0 -> p1 ->");
    told(
        &repo,
        &format!("{}[profile.last]\nretries = 7\n", chain(0).replace("inherits = \"p0\"", "inherits = \"last\"")),
        "",
        &["plan", "--profile=p0"],
        0,
    )
    .shows("7 retries");
}

#[test]
fn nothing_is_too_deep_to_be_told_of() {
    let repo = TestRepo::new();
    for deep in [
        format!("a = {}", "[".repeat(500_000)),
        format!("a = {}", "{a=".repeat(300_000)),
        format!("{}a = 1", "a.".repeat(500_000)),
        format!("[{}a]", "a.".repeat(500_000)),
        format!("checks = [{}]", "0,".repeat(500_000)),
    ] {
        let run = told(&repo, &deep, "", &["plan"], 2);
        assert!(run.stderr.lines().all(|line| line.len() < 300), "{}", run.stderr);
    }
}
