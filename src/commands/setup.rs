//! `git wtcheck setup`: the manual page and the completions, where man and each shell look for them.
//!
//! Every file that it writes ends with a line that says so, in a comment of the file's own language. What lacks that
//! line was written by somebody else: it is neither replaced nor removed.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::cli::{Setup, Shell};
use crate::commands::{Io, put};
use crate::environment::Environment;
use crate::error::{Error, Refusal};
use crate::text::message::tell;
use crate::text::quote;
use crate::text::sanitize::line;

const PAGE: &str = include_str!("../../man/git-wtcheck.1");
const BASH: &str = include_str!("../../completions/git-wtcheck.bash");
const ZSH: &str = include_str!("../../completions/_git-wtcheck");
const FISH: &str = include_str!("../../completions/git-wtcheck.fish");
const FISH_CONF: &str = include_str!("../../completions/git-wtcheck-conf.fish");

/// What stands behind the comment sign in the last line of every file.
const MARK: &str = "Written by 'git wtcheck setup', which replaces and removes this file.";

/// A file to install.
struct File {
    path: PathBuf,
    content: &'static str,
    mark: String,
}

impl File {
    fn new(path: PathBuf, content: &'static str, comment: &str) -> Self {
        Self { path, content, mark: format!("{comment} {MARK}") }
    }

    fn text(&self) -> String {
        format!("{}{}\n", self.content, self.mark)
    }

    /// What stands in its place.
    fn found(&self) -> io::Result<Found> {
        // A link leads to what somebody else keeps elsewhere.
        match std::fs::symlink_metadata(&self.path) {
            Ok(metadata) if !metadata.is_file() => return Ok(Found::Foreign),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(error),
        }
        let there = std::fs::read(&self.path)?;
        let marked = there.split(|byte| *byte == b'\n').any(|line| line == self.mark.as_bytes());
        Ok(match marked {
            true if there == self.text().as_bytes() => Found::Current,
            true => Found::Outdated,
            // A package, or a hand, has put the very same there.
            false if there == self.content.as_bytes() => Found::Elsewhere,
            false => Found::Foreign,
        })
    }

    /// Written whole beside its place, and moved into it.
    fn write(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let beside = folder.join(format!(".git-wtcheck.{}.tmp", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        let written = file
            .write_all(self.text().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }
}

/// What stands in a file's place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// What would be written.
    Current,
    /// What another version has written.
    Outdated,
    /// The same, and somebody else has put it there.
    Elsewhere,
    /// Something else.
    Foreign,
}

/// A line that a start-up file must have.
struct Needed {
    file: PathBuf,
    place: &'static str,
    line: String,
}

/// Installs, or removes, and says what it did.
pub fn setup(asked: &Setup, environment: &Environment, io: &mut Io<'_>) -> Result<u8, Error> {
    let places = Places::of(asked, environment)?;
    let files = places.files(asked);
    let mut states = Vec::new();
    for file in &files {
        states.push(file.found().map_err(|error| system("look at the files", &file.path, &error))?);
    }
    if asked.uninstall {
        return uninstall(asked, &places, &files, &states, io);
    }
    let foreign: Vec<Refusal> = (files.iter().zip(&states))
        .filter(|(_, found)| **found == Found::Foreign)
        .map(|(file, _)| {
            Refusal::new(format!("{} is there, and 'git wtcheck setup' did not write it", file.path.display()))
                .hint("nothing was written; move it away, or leave its shell out with --shell")
        })
        .collect();
    if !foreign.is_empty() {
        return Err(Error::Refused(foreign));
    }
    for (file, found) in files.iter().zip(states) {
        let word = match found {
            Found::Current | Found::Elsewhere => "Up to date:",
            _ if asked.dry_run => "Would write",
            _ => {
                file.write().map_err(|error| system("write the files", &file.path, &error))?;
                "Wrote"
            }
        };
        say(io, &format!("{word} {}\n", shown(&file.path)))?;
    }
    for needed in places.needed(asked, environment) {
        say(io, &format!("Add to {}{}:\n    {}\n", shown(&needed.file), needed.place, line(&needed.line)))?;
    }
    Ok(0)
}

fn uninstall(asked: &Setup, places: &Places, files: &[File], states: &[Found], io: &mut Io<'_>) -> Result<u8, Error> {
    let mut any = false;
    for (file, found) in files.iter().zip(states) {
        match found {
            Found::Nothing => continue,
            Found::Elsewhere | Found::Foreign => {
                let text = format!("'git wtcheck setup' did not write {}: it stays", shown(&file.path));
                tell(io.err, &[("warning", text)], true);
            }
            Found::Current | Found::Outdated if asked.dry_run => {
                say(io, &format!("Would remove {}\n", shown(&file.path)))?;
            }
            Found::Current | Found::Outdated => {
                std::fs::remove_file(&file.path).map_err(|error| system("remove the files", &file.path, &error))?;
                say(io, &format!("Removed {}\n", shown(&file.path)))?;
            }
        }
        any = true;
    }
    if !any {
        say(io, "There is nothing to remove.\n")?;
    }
    if let Some(needed) = places.fpath(asked).filter(Needed::is_there) {
        say(io, &format!("No longer needed in {}:\n    {}\n", shown(&needed.file), line(&needed.line)))?;
    }
    Ok(0)
}

/// Where things belong.
struct Places {
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
    fn of(asked: &Setup, environment: &Environment) -> Result<Self, Error> {
        // As the XDG rules have it, a path that is relative is none.
        let folder = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let prefix = asked.prefix.as_ref().map(|prefix| environment.directory().join(prefix));
        // With a prefix, HOME only says where start-up files lie.
        let home =
            folder("HOME").or_else(|| prefix.as_ref().map(|_| PathBuf::from("~"))).ok_or_else(|| Error::System {
                doing: "tell this user's folders",
                source: io::Error::other("HOME names none; --prefix would"),
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
    fn files(&self, asked: &Setup) -> Vec<File> {
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
    fn needed(&self, asked: &Setup, environment: &Environment) -> Vec<Needed> {
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
    fn fpath(&self, asked: &Setup) -> Option<Needed> {
        let known = SHARED.split(':').any(|share| self.functions() == Path::new(share).join("zsh/site-functions"));
        (asked.wants(Shell::Zsh) && !known).then(|| Needed {
            file: self.zsh.join(".zshrc"),
            place: ", above compinit",
            line: format!("fpath=({} $fpath)", quoted(&self.functions())),
        })
    }
}

/// What `XDG_DATA_DIRS` is where nobody sets it.
const SHARED: &str = "/usr/local/share:/usr/share";

impl Needed {
    /// Whether somebody has added it already.
    fn is_there(&self) -> bool {
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

fn shown(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}

fn say(io: &mut Io<'_>, text: &str) -> Result<(), Error> {
    put(io, text)
}

fn system(doing: &'static str, path: &Path, error: &io::Error) -> Error {
    Error::System { doing, source: io::Error::new(error.kind(), format!("{}: {error}", path.display())) }
}
