//! The one place that builds command lines for git, and the environment of every child.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bstr::ByteSlice;

use crate::environment::Environment;
use crate::git::mounts::Mounts;
use crate::model::answer::Exit;
use crate::model::worktree::Worktree;

/// The variables that tie a process to one repository, as `git rev-parse --local-env-vars` lists them, less
/// `GIT_CONFIG_PARAMETERS` and `GIT_CONFIG_COUNT`: what `git -c` says holds in every worktree.
/// (Rule: `sanitize_repo_env` in git's run-command.c keeps the same two.)
pub const REPOSITORY_VARIABLES: [&str; 13] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
];

/// The variable that says whether git takes locks that it could do without.
const OPTIONAL_LOCKS: &str = "GIT_OPTIONAL_LOCKS";

/// A process that is to be started: everything about it but its streams.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program, looked up in PATH unless it has a slash.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// The folder in which it runs.
    pub dir: PathBuf,
    /// Bytes for its standard input; none: it is closed.
    pub input: Option<Vec<u8>>,
    base: Arc<[(OsString, OsString)]>,
    extra: Vec<(OsString, OsString)>,
    /// Whether the folder may lie on a drive that does not answer. This program then never waits for it to be entered.
    away: bool,
}

/// This program, by whatever name and wherever it lies now.
#[cfg(target_os = "linux")]
pub const THIS_PROGRAM: &str = "/proc/self/exe";
/// This program, by whatever name and wherever it lies now.
#[cfg(not(target_os = "linux"))]
pub const THIS_PROGRAM: &str = "git-wtcheck";
/// The argument by which this program is asked to enter a folder, and to become another program there.
pub const ENTER: &str = "--enter-folder";
/// The argument by which this program is asked to look at folders.
pub const LOOK: &str = "--look-at-folders";
/// Its exit status where it could not enter the folder, or not become the other program.
pub const NOT_ENTERED: i32 = 125;
/// What it prints then begins with this.
pub const NOT_ENTERED_WORDS: &str = "git-wtcheck: cannot ";

impl Invocation {
    /// Adds a variable to its environment.
    pub fn env(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.extra.push((name.into(), value.into()));
    }

    /// Makes a git command answer for this git folder and working tree, and look for no other.
    pub fn bind(&mut self, git_dir: &Path, work_tree: &Path) {
        for (option, path) in [("--work-tree=", work_tree), ("--git-dir=", git_dir)] {
            let mut word = OsString::from(option);
            word.push(path);
            self.args.insert(0, word);
        }
    }

    /// The standard library's command for it, with its streams still to be set.
    ///
    /// The parent of a process waits until the process has entered its folder. Where that may take for ever, the
    /// process is started in `/`, and enters the folder by itself.
    pub fn command(&self) -> Command {
        let mut command = if self.away {
            let mut command = Command::new(THIS_PROGRAM);
            command.arg(ENTER).arg(&self.dir).arg(&self.program).args(&self.args).current_dir("/");
            command
        } else {
            let mut command = Command::new(&self.program);
            command.args(&self.args).current_dir(&self.dir);
            command
        };
        command.env_clear();
        command.envs(self.base.iter().map(|(name, value)| (name, value)));
        command.envs(self.extra.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Whether its folder may lie on a drive that does not answer.
    pub const fn is_away(&self) -> bool {
        self.away
    }

    /// Why the program was never started, where its folder could not be entered.
    pub fn not_entered(&self, exit: Exit, stderr: &[u8]) -> Option<String> {
        let is_meant = self.away && exit == Exit::Code(NOT_ENTERED);
        let words = stderr.strip_prefix(NOT_ENTERED_WORDS.as_bytes()).filter(|_| is_meant)?;
        Some(format!("cannot {}", words.to_str_lossy().trim_end()))
    }

    /// The command line as a person would read it.
    pub fn shown(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}

/// git, as this run finds it, and the environments that its children get.
#[derive(Clone, Debug)]
pub struct Git {
    program: OsString,
    /// Whether the user lets git take locks that it could do without (rule: `use_optional_locks` in git's
    /// environment.c), so that an index may be refreshed after the run. No child takes them by itself, whatever this
    /// says.
    pub optional_locks: bool,
    directory: PathBuf,
    mounts: Arc<Mounts>,
    inherited: Arc<[(OsString, OsString)]>,
    scrubbed: Arc<[(OsString, OsString)]>,
    parsed: Arc<[(OsString, OsString)]>,
}

impl Git {
    /// git in this environment.
    pub fn new(environment: &Environment) -> Self {
        let repository = |name: &OsStr| REPOSITORY_VARIABLES.iter().any(|known| name == *known);
        // A neighbour's `git add` dies where it meets the lock under which `git status` writes down what it has found.
        let mut inherited: Vec<_> = environment.variables().to_vec();
        inherited.retain(|(name, _)| name != OPTIONAL_LOCKS);
        inherited.push((OPTIONAL_LOCKS.into(), "0".into()));
        let mut scrubbed = inherited.clone();
        scrubbed.retain(|(name, _)| !repository(name) && name != "GIT_TERMINAL_PROMPT");
        scrubbed.push(("GIT_TERMINAL_PROMPT".into(), "0".into()));
        let parsed = |variables: &[(OsString, OsString)]| {
            let kept = variables.iter().filter(|(name, _)| name != "LC_ALL").cloned();
            kept.chain([("LC_ALL".into(), "C".into())]).collect::<Vec<_>>()
        };
        Self {
            program: find(environment),
            optional_locks: !environment
                .text(OPTIONAL_LOCKS)
                .is_some_and(|said| ["0", "false", "no", "off"].iter().any(|no| said.eq_ignore_ascii_case(no))),
            directory: environment.directory().to_owned(),
            mounts: Arc::new(Mounts::of_this_process()),
            parsed: parsed(&scrubbed).into(),
            inherited: parsed(&inherited).into(),
            scrubbed: scrubbed.into(),
        }
    }

    /// git run where the user stands, with the user's environment: so the repository is found.
    pub fn here(&self, args: &[&str]) -> Invocation {
        self.invocation(args, &self.directory, &self.inherited)
    }

    /// git run in a folder, in no repository but the one that the folder belongs to.
    pub fn within(&self, dir: &Path, args: &[&str]) -> Invocation {
        self.invocation(args, dir, &self.parsed)
    }

    /// git run in a folder of a worktree, in no repository but that worktree's.
    pub fn of(&self, worktree: &Worktree, dir: &Path, args: &[&str]) -> Invocation {
        let mut invocation = self.within(dir, args);
        // A repository that holds only a part of its objects is not to fetch others because somebody looks at it.
        invocation.env("GIT_NO_LAZY_FETCH", "1");
        // git must not look for a repository above the worktree: where its own is broken, another one's answer would be
        // false.
        let ceiling = worktree.path.parent().unwrap_or(&worktree.path).as_os_str();
        // The variable holds a list: a folder with the separator in its name cannot stand in it.
        let is_open = ceiling.as_encoded_bytes().contains(&b':');
        match &worktree.git_dir {
            Some(git_dir) if is_open || worktree.apart => invocation.bind(git_dir, &worktree.path),
            _ => invocation.env("GIT_CEILING_DIRECTORIES", ceiling),
        }
        invocation
    }

    /// git run in the folder that all worktrees of a repository share, for what does not depend on any of them: refs and
    /// objects as they are stored. No object is fetched, none is taken for another (git-replace(1), grafts), and no
    /// commit gets other parents.
    pub fn of_repository(&self, common_dir: &Path, args: &[&str]) -> Invocation {
        let mut invocation = self.within(common_dir, args);
        let mut git_dir = OsString::from("--git-dir=");
        git_dir.push(common_dir);
        // Where a file of grafts is named, git says that there are better ways.
        let words = [git_dir, "-c".into(), "advice.graftFileDeprecated=false".into()];
        invocation.args.splice(0..0, words);
        for (name, value) in [
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_GRAFT_FILE", "/dev/null"),
            ("GIT_DIFF_OPTS", ""),
        ] {
            invocation.env(name, value);
        }
        invocation
    }

    fn invocation(&self, args: &[&str], dir: &Path, base: &Arc<[(OsString, OsString)]>) -> Invocation {
        self.any(self.program.clone(), args.iter().map(OsString::from).collect(), dir, base)
    }

    fn any(
        &self,
        program: OsString,
        args: Vec<OsString>,
        dir: &Path,
        base: &Arc<[(OsString, OsString)]>,
    ) -> Invocation {
        Invocation {
            program,
            args,
            dir: dir.to_owned(),
            input: None,
            base: Arc::clone(base),
            extra: Vec::new(),
            away: !self.mounts.answers(dir),
        }
    }

    /// The program: in full, where it is in a folder of PATH that is named in full.
    pub fn program_itself(&self) -> &OsStr {
        &self.program
    }

    /// The variables that git inherits where the user stands.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.inherited
    }

    /// Which folders surely answer.
    pub fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    /// This program, run to look at folders that may not answer; they are named on its standard input.
    pub fn looking(&self) -> Invocation {
        self.any(THIS_PROGRAM.into(), vec![LOOK.into()], Path::new("/"), &self.scrubbed)
    }

    /// A program of the user's, run in a folder, in no repository but the one that the folder belongs to.
    pub fn program(&self, program: &str, args: &[String], dir: &Path) -> Invocation {
        self.any(program.into(), args.iter().map(OsString::from).collect(), dir, &self.scrubbed)
    }
}

/// Where git is: looked up once, not once a child. (Under `git wtcheck`, git has put its own folder first in PATH.)
pub(super) fn find(environment: &Environment) -> OsString {
    use std::os::unix::fs::PermissionsExt;
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    let folders = environment.get("PATH").map(std::env::split_paths).into_iter().flatten();
    let found = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("git")).find(is_program);
    found.map_or_else(|| "git".into(), PathBuf::into_os_string)
}

/// Whether git was kept out by a lock that another process holds, which a later attempt may find free.
/// (Words: git's lockfile.c, refs/files-backend.c and index code; `LC_ALL=C` keeps them English where git is parsed.)
pub fn is_lock_conflict(stderr: &[u8]) -> bool {
    let named = stderr.contains_str(".lock'") || stderr.contains_str(".lock\"");
    (named && (stderr.contains_str("Unable to create") || stderr.contains_str("File exists")))
        || stderr.contains_str("Another git process seems to be running")
        || stderr.contains_str("cannot lock ref")
        || stderr.contains_str("could not lock config file")
}

/// git's own words from its complaint on, without its prefix: what is wrong, and how git would mend it.
pub fn complaint_in_full(stderr: &[u8]) -> Option<String> {
    let text = stderr.to_str_lossy();
    let lines = || text.lines().map(str::trim_end);
    let is_complaint = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    let from = lines().position(|line| is_complaint(&line)).unwrap_or(0);
    let told = lines().skip(from).collect::<Vec<_>>().join("\n");
    let told = told.trim();
    let told = told.strip_prefix("fatal: ").or_else(|| told.strip_prefix("error: ")).unwrap_or(told);
    (!told.is_empty()).then(|| told.to_owned())
}

/// git's own words without its prefix: the first line that says what is wrong.
pub fn complaint(stderr: &[u8]) -> Option<String> {
    let lines = || stderr.lines().map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let told = lines().find_map(|line| line.strip_prefix(b"fatal: ").or_else(|| line.strip_prefix(b"error: ")));
    told.or_else(|| lines().next()).map(|line| line.to_str_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_lock_by_its_words() {
        assert!(is_lock_conflict(
            b"fatal: Unable to create '/r/.git/index.lock': File exists.\n\nAnother git process seems"
        ));
        assert!(is_lock_conflict(
            b"error: cannot lock ref 'refs/heads/a': Unable to create '/r/.git/refs/heads/a.lock': File exists."
        ));
        assert!(is_lock_conflict(b"error: could not lock config file .git/config: File exists"));
        assert!(!is_lock_conflict(b"fatal: bad object HEAD"));
        assert!(!is_lock_conflict(b"error: open(\"Cargo.lock\"): Permission denied"));
    }

    #[test]
    fn finds_the_complaint() {
        assert_eq!(complaint(b"warning: x\nfatal: not a git repository\n").as_deref(), Some("not a git repository"));
        assert_eq!(complaint(b"\n  odd words\n").as_deref(), Some("odd words"));
        assert_eq!(complaint(b"\n"), None);
        assert_eq!(complaint_in_full(b"warning: x\nfatal: no\n\n\tdo this\n").as_deref(), Some("no\n\n\tdo this"));
        assert_eq!(complaint_in_full(b"odd\n").as_deref(), Some("odd"));
        assert_eq!(complaint_in_full(b"\n"), None);
    }
}
