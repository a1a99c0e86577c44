//! Where man and each shell look for their files, and what their start-up files must say for that.

use std::io;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::cli::{Setup, Shell};
use crate::environment::Environment;
use crate::error::Error;
use crate::setup::file::File;
use crate::text::quote;

const PAGE: &str = include_str!("../../man/git-wtcheck.1");
const BASH: &str = include_str!("../../completions/git-wtcheck.bash");
const ZSH: &str = include_str!("../../completions/_git-wtcheck");
const FISH: &str = include_str!("../../completions/git-wtcheck.fish");
const FISH_CONF: &str = include_str!("../../completions/git-wtcheck-conf.fish");

/// What `XDG_DATA_DIRS` is where nobody sets it.
const SHARED: &str = "/usr/local/share:/usr/share";

/// A line that a start-up file must have.
pub struct Needed {
    /// The start-up file.
    pub file: PathBuf,
    /// Where in it, where that matters.
    pub place: &'static str,
    /// The line.
    pub line: String,
}

/// Where things belong.
pub(super) struct Places {
    /// The folder that is given, for everything.
    prefix: Option<PathBuf>,
    /// The folder above `share/man`.
    manual: PathBuf,
    home: PathBuf,
    /// `XDG_DATA_HOME`.
    data: PathBuf,
    /// Where bash-completion looks.
    bash: PathBuf,
    /// fish's own folder.
    fish: PathBuf,
    /// The folder of `.zshrc`.
    zsh: PathBuf,
}

impl Places {
    pub(super) fn of(asked: &Setup, environment: &Environment) -> Result<Self, Error> {
        // As the XDG rules have it, a path that is relative is none.
        let folder = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let prefix = asked.prefix.as_ref().map(|prefix| environment.directory().join(prefix));
        // With a prefix, HOME only says where start-up files lie.
        let home = folder("HOME").or_else(|| prefix.as_ref().map(|_| PathBuf::from("~"))).ok_or_else(|| {
            Error::cannot("tell this user's folders")(io::Error::other("HOME names none; --prefix would"))
        })?;
        let data = folder("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        let of_program = || {
            let folder = environment.program.as_deref()?.parent()?;
            // What lies in /usr is the package manager's, and so is what belongs to it.
            let above = folder.parent().filter(|above| folder.ends_with("bin") && *above != Path::new("/usr"))?;
            may_write(&above.join("share/man/man1")).then(|| above.to_owned())
        };
        let manual = prefix.clone().or_else(of_program).unwrap_or_else(|| home.join(".local"));
        // bash-completion takes the first of several.
        let own = environment.text("BASH_COMPLETION_USER_DIR").and_then(|folders| folders.split(':').next());
        let bash = own.map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Self {
            prefix,
            manual,
            bash: bash.unwrap_or_else(|| data.join("bash-completion")),
            fish: folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("fish"),
            zsh: folder("ZDOTDIR").unwrap_or_else(|| home.clone()),
            data,
            home,
        })
    }

    /// The files, the page first.
    pub(super) fn files(&self, asked: &Setup) -> Vec<File> {
        let mut files = vec![File::new(self.manual.join("share/man/man1/git-wtcheck.1"), PAGE, ".\\\"")];
        if asked.wants(Shell::Bash) {
            let folder =
                self.prefix.as_ref().map_or_else(|| self.bash.clone(), |prefix| prefix.join("share/bash-completion"));
            files.push(File::new(folder.join("completions/git-wtcheck"), BASH, "#"));
        }
        if asked.wants(Shell::Zsh) {
            files.push(File::new(self.functions().join("_git-wtcheck"), ZSH, "#"));
        }
        if asked.wants(Shell::Fish) {
            let (completions, conf) = match &self.prefix {
                Some(prefix) => {
                    (prefix.join("share/fish/vendor_completions.d"), prefix.join("share/fish/vendor_conf.d"))
                }
                None => (self.fish.join("completions"), self.fish.join("conf.d")),
            };
            files.push(File::new(completions.join("git-wtcheck.fish"), FISH, "#"));
            files.push(File::new(conf.join("git-wtcheck.fish"), FISH_CONF, "#"));
        }
        files
    }

    /// The folder for zsh's `fpath`.
    fn functions(&self) -> PathBuf {
        self.prefix.as_ref().map_or_else(|| self.data.clone(), |prefix| prefix.join("share")).join("zsh/site-functions")
    }

    /// What must be added to start-up files for all of it to be found.
    pub(super) fn needed(&self, asked: &Setup, environment: &Environment) -> Vec<Needed> {
        let holds = |name: &str, default: &str, path: &Path| {
            std::env::split_paths(environment.get(name).unwrap_or(default.as_ref())).any(|known| known == path)
        };
        let mut needed = Vec::new();
        let profile = |line| Needed { file: self.home.join(".profile"), place: "", line };
        let pages = self.manual.join("share/man");
        if !holds("PATH", "", &self.manual.join("bin")) && !holds("MANPATH", "", &pages) {
            needed.push(profile(format!("export MANPATH={}:$MANPATH", quoted(&pages))));
        }
        let completes = asked.wants(Shell::Bash) || asked.wants(Shell::Fish);
        if let Some(share) = self.prefix.as_ref().map(|prefix| prefix.join("share")).filter(|_| completes)
            && share != self.data
            && !holds("XDG_DATA_DIRS", SHARED, &share)
        {
            needed.push(profile(format!("export XDG_DATA_DIRS={}:${{XDG_DATA_DIRS:-{SHARED}}}", quoted(&share))));
        }
        needed.extend(self.fpath(asked));
        needed.retain(|needed| !needed.is_there());
        needed
    }

    /// The line for zsh, whose own folders are those below /usr.
    pub(super) fn fpath(&self, asked: &Setup) -> Option<Needed> {
        let known = SHARED.split(':').any(|share| self.functions() == Path::new(share).join("zsh/site-functions"));
        (asked.wants(Shell::Zsh) && !known).then(|| Needed {
            file: self.zsh.join(".zshrc"),
            place: ", above compinit",
            line: format!("fpath=({} $fpath)", quoted(&self.functions())),
        })
    }
}

impl Needed {
    /// Whether somebody has added it already.
    pub(super) fn is_there(&self) -> bool {
        let text = std::fs::read(&self.file).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| line.trim() == self.line)
    }
}

impl Setup {
    fn wants(&self, shell: Shell) -> bool {
        self.shell.is_empty() || self.shell.contains(&shell)
    }
}

/// Whether a folder can be written to, or made.
fn may_write(folder: &Path) -> bool {
    let there = folder.ancestors().find(|folder| folder.exists());
    there.is_some_and(|folder| access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

fn quoted(path: &Path) -> String {
    quote::shell(&path.to_string_lossy()).into_owned()
}
