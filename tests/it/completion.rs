//! Completion: what the program offers, and that shells come to offer it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::support::{BINARY, Run, TestRepo, has, there};

/// What the program offers for these words, the last of which is being typed; names only.
fn offered(command: &mut Command, words: &[&str]) -> Vec<String> {
    let run = Run::of(command.env("COMPLETE", "fish").args(["--", "git-wtcheck"]).args(words));
    run.exits(0);
    assert_eq!(run.stderr, "", "nothing lands in the middle of somebody's typing");
    run.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// A repository with a check `testing` and, on the branch `feat/one`, a worktree `one`.
fn repo() -> TestRepo {
    let repo = TestRepo::new();
    repo.config("wtcheck.testing.command", "true");
    repo.git(&["worktree", "add", "--quiet", "-b", "feat/one", "../one"]);
    repo
}

#[test]
fn names_come_from_the_repository() {
    let repo = repo();
    let offer = |words: &[&str]| offered(&mut repo.command(BINARY), words);
    let all = offer(&[""]);
    for name in ["run", "plan", "status", "diff", "log", "testing", "--worktree"] {
        assert!(all.iter().any(|offered| offered == name), "{name} among {all:?}");
    }
    assert_eq!(offer(&["te"]), ["testing"]);
    assert_eq!(offer(&["run", "te"]), ["testing"]);
    assert_eq!(offer(&["plan", "--skip", "s"]), ["status"]);
    assert_eq!(offer(&["--skip=te"]), ["--skip=testing"]);
    assert_eq!(offer(&["-w", ""]), ["repo", "main", "one", "feat/one"]);
    assert_eq!(offer(&["-w", "feat/"]), ["feat/one"], "a name goes on behind a slash");
    assert_eq!(offer(&["-w", "!f"]), ["!feat/one"]);
    assert_eq!(offer(&["--format", "json"]), ["json", "jsonl"]);
}

#[test]
fn keys_and_profiles_and_commands() {
    let repo = repo();
    repo.write("../home/.config/git-wtcheck/config.toml", "[profile.swift]\ntimeout = '1s'\n[profile.slow]\n");
    repo.write(".wtcheck.toml", "[profile.swiftest]\ninherits = 'swift'\n");
    let offer = |words: &[&str]| offered(&mut repo.command(BINARY), words);
    assert_eq!(offer(&["config", "explain", "time"]), ["timeout"]);
    assert_eq!(offer(&["config", "explain", "check.testing.ret"]).len(), 5, "keys of a check");
    let all = offer(&["config", "explain", ""]);
    for key in ["max-concurrency", "check.status.fail-if", "check.testing.command"] {
        assert!(all.iter().any(|offered| offered == key), "{key} among {all:?}");
    }
    for key in all.iter().filter(|offered| !offered.starts_with('-')) {
        repo.wtcheck(&["config", "explain", key]).exits(0);
    }
    assert_eq!(offer(&["--profile", "sw"]), ["swift", "swiftest"]);
    assert_eq!(offer(&["plan", "--profile=sl"]), ["--profile=slow"]);
    assert_eq!(offer(&["config", "ex"]), ["explain"]);
    assert_eq!(offer(&["set"]), ["setup"]);
    assert_eq!(offer(&["setup", "--shell", ""]), ["bash", "zsh", "fish"]);
    assert_eq!(offer(&["--color=n"]), ["--color=never"]);
    assert_eq!(
        offered(TestRepo::empty().command(BINARY).current_dir("/"), &["config", "explain", "back"]),
        ["backoff"]
    );
}

#[test]
fn no_more_is_asked_than_the_word_needs() {
    let repo = repo();
    let asked = |words: &[&str]| {
        let mut command = repo.command(BINARY);
        let (run, started) = repo.counting_git(command.env("COMPLETE", "fish").args(["--", "git-wtcheck"]).args(words));
        run.exits(0);
        assert!(!run.stdout.is_empty(), "{words:?}: nothing is offered");
        started.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    for words in [&["--wor"][..], &["--format", "js"], &["--color="], &["setup", "--shell", ""], &["config", "ex"]] {
        assert_eq!(asked(words), [""; 0], "{words:?}: words of the command line alone");
    }
    // Names of worktrees come from the files; that these say it plainly, the configuration has to bear out.
    for words in [&["te"][..], &["--skip", "te"], &["config", "explain", "time"], &["-w", "on"]] {
        assert_eq!(asked(words), ["config"], "{words:?}");
    }
    repo.git(&["init", "--quiet", "--separate-git-dir=../apart.git", "."]);
    let mut asked = asked(&["te"]);
    asked.sort();
    assert_eq!(asked, ["config", "rev-parse"], "nothing is asked about worktrees");
}

#[test]
fn names_come_from_where_the_words_say() {
    let repo = repo();
    let elsewhere = TestRepo::new();
    elsewhere.config("wtcheck.other.command", "true");
    let folder = elsewhere.path().display().to_string();
    assert_eq!(offered(&mut repo.command(BINARY), &["-C", &folder, "oth"]), ["other"]);
    repo.write("sub/folder/file", "");
    assert_eq!(offered(&mut repo.command(BINARY), &["-C", "su"]), ["sub/"], "what is being typed is not stood in yet");
    repo.write("more.toml", "[check.another]\ncommand = 'true'\n");
    assert_eq!(offered(&mut repo.command(BINARY), &["--config", "more.toml", "an"]), ["another"]);
}

#[test]
fn outside_a_repository_there_are_only_words() {
    let repo = TestRepo::empty();
    assert_eq!(offered(&mut repo.command(BINARY), &["-w", ""]), [] as [&str; 0]);
    assert_eq!(offered(&mut repo.command(BINARY), &["st"]), ["status"]);
    assert_eq!(offered(repo.command(BINARY).current_dir("/"), &["--sk"]), ["--skip"]);
}

#[test]
fn wrong_settings_do_not_keep_names_away() {
    let repo = repo();
    repo.config("wtcheck.timeout", "soon");
    repo.write(".wtcheck.toml", "this is no TOML");
    assert_eq!(offered(&mut repo.command(BINARY), &["te"]), ["testing"]);
}

#[test]
fn a_variable_of_the_same_name_is_not_a_shell() {
    let run = Run::of(repo().command(BINARY).env("COMPLETE", "1").args(["--format", "json"]));
    assert_eq!(run.exits(0).json()["summary"]["exit_code"], 0);
}

/// A shell on a terminal of its own, standing in the main worktree.
pub struct Shell {
    child: Child,
    terminal: File,
    /// What the shell writes when it is ready, and the line that is typed when it is asked.
    ready: PathBuf,
    line: PathBuf,
}

/// Ctrl-B: the shell is told to write its line down and to empty it.
const ASK: &[u8] = b"\x02";
/// No shell takes longer than this, however busy the machine is.
const LONGEST: Duration = Duration::from_mins(1);

impl Shell {
    fn start(repo: &TestRepo, program: &str, args: &[&str]) -> Self {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        let stream = || pty.slave.try_clone().expect("a stream");
        let mut command = repo.command("setsid");
        // The terminal becomes the shell's own: none of it touches the one that the tests may run on.
        command.args(["-c", program]).args(args).env("TERM", "xterm").env("LANG", "C.UTF-8");
        for (name, folder) in [("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share"), ("ZDOTDIR", "")] {
            command.env(name, repo.root().join("home").join(folder));
        }
        let child = command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().expect("the shell");
        drop((command, pty.slave));
        let terminal = File::from(pty.master);
        drain(terminal.try_clone().expect("a stream").into());
        let shell =
            Self { child, terminal, ready: repo.root().join("home/ready"), line: repo.root().join("home/line") };
        wait_for(&shell.ready);
        shell
    }

    /// Types these keys and a TAB, and executes the line.
    fn executes(&mut self, typed: &str) {
        self.terminal.write_all(format!("{typed}\t\r").as_bytes()).expect("keys");
    }

    /// Types these keys and a TAB, and gives the line as the shell then has it.
    pub fn completes(&mut self, typed: &str) -> String {
        self.terminal.write_all(typed.as_bytes()).expect("keys");
        self.terminal.write_all(b"\t").expect("keys");
        self.terminal.write_all(ASK).expect("keys");
        let line = wait_for(&self.line);
        std::fs::remove_file(&self.line).expect("the line");
        line
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the shell draws must be read, or it would wait for ever.
fn drain(terminal: OwnedFd) {
    std::thread::spawn(move || {
        let mut terminal = File::from(terminal);
        let mut chunk = [0; 4096];
        while terminal.read(&mut chunk).is_ok_and(|read| read > 0) {}
    });
}

/// Waits for a file of one whole line, and gives the line.
fn wait_for(path: &Path) -> String {
    let end = Instant::now() + LONGEST;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim_end_matches('\n').to_owned(),
            _ => assert!(Instant::now() < end, "no {} after {LONGEST:?}", path.display()),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(name)
}

/// Puts a completion file where the shell looks for it.
fn install(repo: &TestRepo, name: &str, place: &str) {
    let content = std::fs::read(shipped(name)).expect("the file");
    repo.write(Path::new("../home").join(place), content);
}

/// What every shell must do with `git wtcheck` and `git-wtcheck`.
fn completes_everything(repo: &TestRepo, shell: &mut Shell) {
    let elsewhere = repo.root().join("elsewhere");
    for (typed, whole) in [
        ("git wtch", "git wtcheck "),
        ("git wtcheck te", "git wtcheck testing "),
        ("git wtcheck --sk", "git wtcheck --skip "),
        ("git wtcheck --skip te", "git wtcheck --skip testing "),
        ("git wtcheck -w feat/", "git wtcheck -w feat/one "),
        ("git wtcheck --color=al", "git wtcheck --color=always "),
        ("git wtcheck --format hu", "git wtcheck --format human "),
        ("git wtcheck plan dif", "git wtcheck plan diff "),
        ("git wtcheck config ex", "git wtcheck config explain "),
        ("git wtcheck config explain check.testing.al", "git wtcheck config explain check.testing.allow-failure "),
        ("git wtcheck --profile sw", "git wtcheck --profile swift "),
        ("git wc te", "git wc testing "),
        ("git-wtcheck te", "git-wtcheck testing "),
        ("git-wtcheck -j 2 run te", "git-wtcheck -j 2 run testing "),
    ] {
        assert_eq!(shell.completes(typed), whole, "after {typed:?}");
    }
    let typed = format!("git -C {} wtcheck oth", elsewhere.display());
    assert_eq!(shell.completes(&typed), format!("{typed}er "));
    assert_eq!(shell.completes("git stat"), "git status ", "git's own completion goes on as before");
}

/// The repository, and another beside it that has a check `other`.
fn two_repositories() -> TestRepo {
    let repo = repo();
    repo.git(&["init", "--quiet", "../elsewhere"]);
    repo.git_in("../elsewhere", &["config", "wtcheck.other.command", "true"]);
    repo.git(&["config", "--global", "alias.wc", "wtcheck"]);
    repo.write(".wtcheck.toml", "[profile.swift]\ntimeout = '1s'\n");
    repo
}

/// bash with this in its `.bashrc`, where it and what it needs to complete are installed.
pub fn bash(repo: &TestRepo, own: &str) -> Option<Shell> {
    const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";
    if !(has("setsid") && has("bash") && there(BASH_COMPLETION) && there("/usr/share/bash-completion/completions/git"))
    {
        return None;
    }
    let rc = format!(
        "{own}
         . {BASH_COMPLETION}
         written () {{ printf '%s\\n' \"$READLINE_LINE\" > ~/line; READLINE_LINE=; }}
         bind -x '\"\\C-b\": written'
         PROMPT_COMMAND='echo > ~/ready'
        "
    );
    repo.write("../home/.bashrc", rc);
    Some(Shell::start(repo, "bash", &["-i"]))
}

/// zsh with this in its `.zshrc`, above compinit.
pub fn zsh(repo: &TestRepo, own: &str) -> Option<Shell> {
    if !(has("setsid") && has("zsh")) {
        return None;
    }
    let rc = format!(
        "{own}
        autoload -Uz compinit && compinit -u
        written () {{ print -r -- $BUFFER > ~/line; BUFFER= }}
        zle -N written && bindkey '^B' written
        zle-line-init () {{ echo > ~/ready }}
        zle -N zle-line-init
    "
    );
    repo.write("../home/.zshrc", rc);
    Some(Shell::start(repo, "zsh", &["-i"]))
}

/// fish.
pub fn fish(repo: &TestRepo, own: &str) -> Option<Shell> {
    if !(has("setsid") && has("fish")) {
        return None;
    }
    let rc = format!(
        "{own}
        function fish_greeting; end
        function fish_prompt; echo > ~/ready; end
        function written; commandline > ~/line; commandline ''; end
        bind \\cb written
    "
    );
    repo.write("../home/.config/fish/config.fish", rc);
    Some(Shell::start(repo, "fish", &["-i"]))
}

/// Names that a shell would take for much else, each of a worktree's folder, and what is typed of it: as it is, and within
/// quotes. (What begins in the same way as another would be offered beside it.)
const SLY: [&str; 20] = [
    "n\u{e4} me",
    "b b;touch x",
    "c$(touch${IFS}x)",
    "d`touch x`",
    "J!!e",
    "g'h\"i'",
    "j\\k\\",
    "~l",
    "=m",
    "O*?[a-z]",
    "p{q,r}",
    "s#t",
    "u:v=w@x y",
    "Z|touch x&",
    "(touch x)",
    "<x>x",
    "^a^b",
    "A\u{1f469}\u{200d}\u{1f4bb} B",
    "C$HOME$x",
    "D%E:F",
];

/// A repository with a worktree for each of these names, and a stub of the program that writes down what it was given.
fn with_sly_names() -> TestRepo {
    let repo = repo();
    for (index, name) in SLY.iter().enumerate() {
        let (branch, folder) = (format!("9-{index}"), repo.root().join(name));
        repo.git(&["worktree", "add", "--quiet", "-b", &branch, folder.to_str().expect("UTF-8")]);
    }
    repo.git(&["worktree", "add", "--quiet", "-b", "y/`touch${IFS}x`;'\"!a", "../zz"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "hidden", "../hid\u{202e}den"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "left-out", "../!e"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "turned", "../k\u{1b}[2Kx"]);
    repo.write(
        ".wtcheck.toml",
        "[check.'zz$(touch${IFS}x)']\ncommand = 'true'\n[check.zzz]\ncommand = 'true'\n[profile.'qq;touch x']\n",
    );
    let stub = format!(
        "#!/bin/sh\n[ -z \"$COMPLETE\" ] || exec '{BINARY}' \"$@\"\nfor word; do printf '%s\\0' \"$word\"; done >'{0}/given'\necho >'{0}/done'\n",
        repo.root().join("home").display()
    );
    repo.script("../home/bin/git-wtcheck", &stub);
    repo
}

/// The shell finds the stub first.
const STUB_FIRST: &str = "export PATH=~/bin:$PATH";

/// Completes a name, executes the line, and gives what the program was given.
fn given(repo: &TestRepo, shell: &mut Shell, typed: &str) -> Vec<String> {
    let (given, done) = (repo.root().join("home/given"), repo.root().join("home/done"));
    for mark in [&done, &shell.ready] {
        let _ = std::fs::remove_file(mark);
    }
    shell.executes(typed);
    wait_for(&done);
    wait_for(&shell.ready);
    let words = std::fs::read_to_string(given).expect("what was given");
    let mut words: Vec<String> = words.split('\0').map(str::to_owned).collect();
    words.pop();
    for place in [repo.path().join("x"), repo.root().join("home/x")] {
        assert!(!place.exists(), "something else was executed by {typed:?}");
    }
    words
}

/// Whatever a name looks like, the program is given exactly that, and nothing else is executed. `start` is the start of a
/// name as this shell has it typed.
fn completes_sly_names(repo: &TestRepo, shell: &mut Shell, start: impl Fn(&str) -> String) {
    for name in SLY {
        let first = start(&name.chars().take(1).collect::<String>());
        assert_eq!(given(repo, shell, &format!("git wtcheck -w {first}")), ["-w", name], "{name:?}");
        let whole = format!("--worktree={name}");
        assert_eq!(given(repo, shell, &format!("git wtcheck --worktree={first}")), [&*whole], "{name:?}");
        let plain = &name[..name.chars().next().map_or(0, char::len_utf8)];
        for quote in ["'", "\""] {
            let typed = format!("git wtcheck -w {quote}{plain}");
            assert_eq!(given(repo, shell, &typed), ["-w", name], "after {typed}");
        }
    }
    assert_eq!(given(repo, shell, "git-wtcheck plan -w b"), ["plan", "-w", "b b;touch x"]);
    let branch = "y/`touch${IFS}x`;'\"!a";
    assert_eq!(given(repo, shell, "git wtcheck -w y"), ["-w", branch]);
    let left_out = format!("{}y", start("!"));
    assert_eq!(given(repo, shell, &format!("git wtcheck -w {left_out}")), ["-w", &format!("!{branch}")]);
    assert_eq!(given(repo, shell, "git wtcheck --skip=zz"), ["--skip=zzz"], "a name that is none is not offered");
    assert_eq!(given(repo, shell, "git wtcheck --profile qq"), ["--profile", "qq"]);
    assert_eq!(
        given(repo, shell, "git wtcheck -w hidd"),
        ["-w", "hidden"],
        "what is not shown as it is is not offered"
    );
    assert_eq!(given(repo, shell, "git wtcheck -w k"), ["-w", "k"], "what a terminal obeys is not offered");
}

/// The first character of a name with a backslash, where it needs one.
fn with_backslash(start: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '-';
    if start.chars().all(plain) { start.to_owned() } else { format!("\\{start}") }
}

#[test]
fn bash_gives_a_sly_name_for_what_it_is() {
    let repo = with_sly_names();
    install(&repo, "git-wtcheck.bash", ".local/share/bash-completion/completions/git-wtcheck");
    let Some(mut shell) = bash(&repo, STUB_FIRST) else { return };
    completes_sly_names(&repo, &mut shell, with_backslash);
}

#[test]
fn zsh_gives_a_sly_name_for_what_it_is() {
    let repo = with_sly_names();
    install(&repo, "_git-wtcheck", "functions/_git-wtcheck");
    let own = format!("{STUB_FIRST}; fpath=(~/functions $fpath)");
    let Some(mut shell) = zsh(&repo, &own) else { return };
    completes_sly_names(&repo, &mut shell, with_backslash);
}

#[test]
fn fish_gives_a_sly_name_for_what_it_is() {
    let repo = with_sly_names();
    install(&repo, "git-wtcheck.fish", ".config/fish/completions/git-wtcheck.fish");
    install(&repo, "git-wtcheck-conf.fish", ".config/fish/conf.d/git-wtcheck.fish");
    let Some(mut shell) = fish(&repo, "set -gx PATH ~/bin $PATH") else { return };
    completes_sly_names(&repo, &mut shell, with_backslash);
}

#[test]
fn bash_completes() {
    let repo = two_repositories();
    install(&repo, "git-wtcheck.bash", ".local/share/bash-completion/completions/git-wtcheck");
    let Some(mut shell) = bash(&repo, "") else { return };
    completes_everything(&repo, &mut shell);
}

#[test]
fn zsh_completes() {
    let repo = two_repositories();
    install(&repo, "_git-wtcheck", "functions/_git-wtcheck");
    let Some(mut shell) = zsh(&repo, "fpath=(~/functions $fpath)") else { return };
    completes_everything(&repo, &mut shell);
}

#[test]
fn fish_completes() {
    let repo = two_repositories();
    install(&repo, "git-wtcheck.fish", ".config/fish/completions/git-wtcheck.fish");
    install(&repo, "git-wtcheck-conf.fish", ".config/fish/conf.d/git-wtcheck.fish");
    let Some(mut shell) = fish(&repo, "") else { return };
    completes_everything(&repo, &mut shell);
}
