//! Whether a worktree's state may be told without git at all: what its repository's configuration, the environment,
//! owners and file systems have to say to that.
//!
//! What is ruled out here is ruled out for one of two reasons. Either git would do other things than look at files and
//! compare them with the index, or it cannot be known that it would not.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::ByteSlice;

use crate::environment::Environment;
use crate::git::attributes;
use crate::git::command::{REPOSITORY_VARIABLES, find};
use crate::git::conditional;
use crate::git::config::{Entry, Scope, boolean};
use crate::git::ignore::Sources;
use crate::git::mounts::Mounts;
use crate::git::prove::Terms;
use crate::git::regular_file::{self, Links};
use crate::git::well_formed::is_well_formed;
use crate::git::why::Why;
use crate::model::worktree::Worktree;

/// What holds in every worktree of a repository, where it may be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// `core.fileMode`: whether the executable bit is compared.
    pub file_mode: bool,
    /// `core.symlinks`: where it is false, a link in the index may be a file.
    pub symlinks: bool,
    /// `core.precomposeUnicode`: names beyond ASCII may be other bytes on disk.
    pub precompose_unicode: bool,
    /// `info/exclude`, which all worktrees share.
    pub info_exclude: PathBuf,
    /// `core.excludesFile`, or what stands for it where it is not set.
    pub excludes_file: Option<PathBuf>,
    /// What may convert the content of files; none: that is not known.
    pub attributes: Option<attributes::Sources>,
    /// The configuration has lines compared as git does it by default.
    pub plain_lines: bool,
}

impl From<&Allowed> for Terms {
    fn from(allowed: &Allowed) -> Self {
        let ignore =
            Sources { excludes_file: allowed.excludes_file.clone(), info_exclude: Some(allowed.info_exclude.clone()) };
        Self {
            file_mode: allowed.file_mode,
            symlinks: allowed.symlinks,
            // Ruled out for the whole repository.
            ignore_case: false,
            precompose_unicode: allowed.precompose_unicode,
            ignore,
            attributes: allowed.attributes.clone(),
        }
    }
}

/// Variables of git's by which `git status` looks at nothing else, and says nothing else; those that end in `_` by
/// their beginning. What is not known here is ruled out: git has many for its own tests, and gets more.
const HARMLESS: [&str; 40] = [
    "GIT_ADVICE",
    "GIT_ASKPASS",
    "GIT_ATTR_NOSYSTEM",
    "GIT_AUTHOR_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMITTER_",
    "GIT_COMPLETION_",
    "GIT_CONFIG_",
    "GIT_CURL_",
    "GIT_DEFAULT_",
    "GIT_DIFFTOOL_",
    "GIT_DIFF_OPTS",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_",
    "GIT_HTTP_",
    "GIT_INDEX_VERSION",
    "GIT_LFS_",
    "GIT_MAN_VIEWER",
    "GIT_MERGETOOL_",
    "GIT_MERGE_",
    "GIT_NO_LAZY_FETCH",
    "GIT_OPTIONAL_LOCKS",
    "GIT_PAGER",
    "GIT_PAGER_IN_USE",
    "GIT_PROGRESS_DELAY",
    "GIT_PROTOCOL",
    "GIT_PROXY_",
    "GIT_PS1_",
    "GIT_REFLOG_ACTION",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_",
    "GIT_SSL_",
    "GIT_TEMPLATE_DIR",
    "GIT_TERMINAL_PROMPT",
    "GIT_TEXTDOMAINDIR",
    "GIT_USER_AGENT",
    "GIT_WTCHECK_",
];

/// Whether worktrees of this repository may be proven.
pub fn of_repository(
    config: &[Entry],
    common_dir: &Path,
    environment: &Environment,
    mounts: &Mounts,
) -> Result<Allowed, Why> {
    variables(environment)?;
    let config = Config(config);
    extensions(&config)?;
    elsewhere(&config)?;
    conditions(&config, environment, mounts)?;
    well_formed(&config)?;
    names(&config)?;
    let excludes_file = everywhere(&config, environment, "core.excludesfile", b"ignore")?;
    let surely_answers = excludes_file.as_deref().is_none_or(|file| mounts.answers(file));
    if !mounts.keeps(common_dir) || !surely_answers {
        return Err(Why::FileSystem);
    }
    // git opens both in any case, and refuses to work where it cannot.
    for file in [Some(&common_dir.join("info/exclude")), excludes_file.as_ref()].into_iter().flatten() {
        opens(file)?;
    }
    replaced(common_dir)?;
    Ok(Allowed {
        file_mode: config.flag("core.filemode", true)?,
        symlinks: config.flag("core.symlinks", true)?,
        precompose_unicode: config.flag("core.precomposeunicode", false)?,
        info_exclude: common_dir.join("info/exclude"),
        excludes_file,
        attributes: attributes(&config, common_dir, environment, mounts),
        plain_lines: plain_lines(&config),
    })
}

/// Whether this worktree of a repository that may be proven may be proven, too.
pub fn of_worktree(worktree: &Worktree, mounts: &Mounts) -> Result<(), Why> {
    if worktree.is_unanswered {
        return Err(Why::FileSystem);
    }
    let Some(git_dir) = worktree.git_dir.as_deref().filter(|_| !worktree.bare && worktree.obstacle.is_none()) else {
        return Err(Why::Unreadable);
    };
    if worktree.foreign {
        return Err(Why::Owner);
    }
    if worktree.apart {
        return Err(Why::Apart);
    }
    if worktree.head.is_none() {
        return Err(Why::Head);
    }
    if !mounts.keeps(&worktree.path) {
        return Err(Why::FileSystem);
    }
    // Whether git reads it is decided by the repository's own file alone, whatever other configuration says.
    if !is_missing(&git_dir.join("config.worktree")) {
        return Err(Why::Configuration);
    }
    if disregards_case(&worktree.path) {
        return Err(Why::Names);
    }
    Ok(())
}

/// git's configuration, as all worktrees have it that have none of their own.
struct Config<'a>(&'a [Entry]);

impl<'a> Config<'a> {
    /// In their order; a later one outweighs those before it. What one worktree has for itself holds nowhere else, and
    /// it is ruled out.
    fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(|entry| entry.scope != Scope::Worktree)
    }

    fn values(&self, key: &str) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.entries().filter(move |entry| entry.key == key).map(value)
    }

    /// A boolean; git refuses to work where one of its values is none, even if a later one outweighs it.
    fn flag(&self, key: &str, default: bool) -> Result<bool, Why> {
        self.values(key).try_fold(default, |_, value| boolean(value)).ok_or(Why::Configuration)
    }
}

fn value(entry: &Entry) -> Option<&[u8]> {
    entry.value.as_ref().map(|value| value.as_slice())
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Whether a variable of git's has no say in what `git status` looks at and says.
pub(super) fn is_harmless(name: &[u8]) -> bool {
    let is_known =
        |known: &&str| name == known.as_bytes() || (known.ends_with('_') && name.starts_with(known.as_bytes()));
    HARMLESS.iter().any(is_known)
}

fn variables(environment: &Environment) -> Result<(), Why> {
    let is_odd = |name: &[u8]| {
        // No child inherits these; but the configuration was read from the file that one of them names.
        let is_taken_out =
            name != b"GIT_CONFIG" && REPOSITORY_VARIABLES.iter().any(|variable| name == variable.as_bytes());
        name.starts_with(b"GIT_") && !is_taken_out && !is_harmless(name)
    };
    let is_any_odd = environment.variables().iter().any(|(name, _)| is_odd(name.as_bytes()));
    if is_any_odd { Err(Why::GitVariable) } else { Ok(()) }
}

/// (Rule: `handle_extension` in git's setup.c.)
fn extensions(config: &Config<'_>) -> Result<(), Why> {
    for entry in config.entries() {
        let Some(extension) = entry.key.strip_prefix("extensions.") else { continue };
        let is_known = match extension {
            "noop" | "noop-v1" | "preciousobjects" | "partialclone" | "relativeworktrees" | "worktreeconfig" => true,
            "objectformat" => matches!(value(entry), Some(b"sha1" | b"sha256")),
            // Of refs that are no files, only git can read the stash's log and what a symbolic ref leads to.
            "refstorage" => value(entry) == Some(b"files"),
            _ => false,
        };
        if !is_known {
            return Err(Why::Extension);
        }
    }
    Ok(())
}

/// Configuration by which git looks elsewhere, or lets another program say what has changed.
fn elsewhere(config: &Config<'_>) -> Result<(), Why> {
    if config.values("core.worktree").next().is_some() {
        return Err(Why::Apart);
    }
    // A bare repository's linked worktrees are none, but with this extension: git refuses to look at files there. (Rule:
    // `check_repository_format_gently` in git's setup.c.)
    if config.flag("extensions.worktreeconfig", false)? && config.flag("core.bare", false)? {
        return Err(Why::Configuration);
    }
    // Another program's path is no boolean. (Rule: `check_for_default_configs` in git's fsmonitor-settings.c.)
    if config.values("core.fsmonitor").last().is_some_and(|value| boolean(value) != Some(false)) {
        return Err(Why::Fsmonitor);
    }
    let varies = |entry: &Entry| {
        // What forks of git let a program say of which files there are.
        let is_virtual = matches!(entry.key.as_str(), "core.virtualfilesystem" | "core.gvfs");
        // Where there are changes, git refuses to list them if it cannot read this file. (Rule: `prepare_order` in
        // diffcore-order.c.)
        let is_order = entry.key == "diff.orderfile";
        is_virtual || is_order
    };
    if config.entries().any(varies) { Err(Why::Configuration) } else { Ok(()) }
}

/// What git includes under a condition, which may hold in one worktree and not in another.
fn conditions(config: &Config<'_>, environment: &Environment, mounts: &Mounts) -> Result<(), Why> {
    let has_no_say = |entry: &Entry| {
        let file = value(entry).and_then(|file| pathname(file, home(environment)).or_else(|| beside(entry, file)));
        file.is_some_and(|file| mounts.answers(&file) && conditional::has_no_say(&file))
    };
    let mut conditional = config.entries().filter(|entry| entry.key.starts_with("includeif."));
    if conditional.all(has_no_say) { Ok(()) } else { Err(Why::Configuration) }
}

/// A file of patterns that git opens: it is missing, or one that can be read, or one that has nothing in it.
fn opens(file: &Path) -> Result<(), Why> {
    match file.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(there) if there.file_type().is_char_device() => Ok(()),
        Ok(there) if there.is_file() && regular_file::open(file, Links::Followed).is_ok() => Ok(()),
        _ => Err(Why::IgnoreFile),
    }
}

/// git refuses to work where what it reads is malformed.
fn well_formed(config: &Config<'_>) -> Result<(), Why> {
    if config.entries().all(is_well_formed) { Ok(()) } else { Err(Why::Configuration) }
}

fn names(config: &Config<'_>) -> Result<(), Why> {
    if config.flag("core.ignorecase", false)? { Err(Why::Names) } else { Ok(()) }
}

/// Whether names in a worktree lead to the same files in capitals, as on some file systems and in folders made so.
/// (Rule: `create_default_files` in git's setup.c finds out in the same way.)
fn disregards_case(folder: &Path) -> bool {
    let look = |name: &str| folder.join(name).symlink_metadata();
    let Ok(in_capitals) = look(".GIT") else { return false };
    look(".git").is_ok_and(|file| (file.dev(), file.ino()) == (in_capitals.dev(), in_capitals.ino()))
}

/// Whether nothing is configured that has lines compared, or binary files told, in another way.
fn plain_lines(config: &Config<'_>) -> bool {
    let is_plain = |value: Option<&[u8]>| matches!(value, Some(b"default" | b"myers" | b"minimal"));
    config.values("diff.algorithm").all(is_plain) && config.values("core.bigfilethreshold").next().is_none()
}

/// What may convert the content of files, where that can be known.
fn attributes(
    config: &Config<'_>,
    common_dir: &Path,
    environment: &Environment,
    mounts: &Mounts,
) -> Option<attributes::Sources> {
    // They are taken from a commit then.
    if config.values("attr.tree").next().is_some() {
        return None;
    }
    let own = common_dir.join("info/attributes");
    let of_user = everywhere(config, environment, "core.attributesfile", b"attributes").ok()?;
    let files: Vec<PathBuf> = [Some(own), of_user].into_iter().flatten().collect();
    let line_ends = config.values("core.autocrlf").any(|value| boolean(value) != Some(false));
    let system =
        if environment.get("GIT_ATTR_NOSYSTEM").is_some_and(|value| boolean(Some(value.as_bytes())) == Some(true)) {
            attributes::System::none()
        } else {
            let git = Some(PathBuf::from(find(environment)));
            attributes::System::of(git.filter(|git| git.is_absolute() && mounts.answers(git)))
        };
    let system = Arc::new(system);
    files.iter().all(|file| mounts.answers(file)).then_some(attributes::Sources { files, system, line_ends })
}

/// The file of patterns that hold in all repositories, as the configuration has it, or where git has it otherwise.
/// (Rules: `git_config_pathname` in git's config.c, `interpolate_path` and `xdg_config_home` in path.c.)
fn everywhere(config: &Config<'_>, environment: &Environment, key: &str, name: &[u8]) -> Result<Option<PathBuf>, Why> {
    let file = match config.values(key).last() {
        Some(Some(b"")) => None,
        Some(Some(file)) => Some(pathname(file, home(environment)).ok_or(Why::Configuration)?),
        Some(None) => return Err(Why::Configuration),
        None => match environment.get("XDG_CONFIG_HOME") {
            Some(folder) => Some(within(folder.as_bytes(), &[b"git/", name].concat())),
            None => home(environment).map(|home| within(home, &[b".config/git/", name].concat())),
        },
    };
    if file.as_deref().is_some_and(Path::is_relative) { Err(Why::Configuration) } else { Ok(file) }
}

/// A path in the configuration. None: it begins in another user's home, where git is installed, or where the worktree
/// is, or is no path.
pub(super) fn pathname(value: &[u8], home: Option<&[u8]>) -> Option<PathBuf> {
    let path = match value.strip_prefix(b"~/") {
        Some(file) => within(home?, file),
        None => PathBuf::from(OsStr::from_bytes(value)),
    };
    path.is_absolute().then_some(path)
}

/// A path that begins where the file lies that names it. (Rule: `handle_path_include` in git's config.c.)
pub(super) fn beside(entry: &Entry, value: &[u8]) -> Option<PathBuf> {
    let naming = Path::new(&*entry.origin);
    let is_odd = value.starts_with(b"~") || value.starts_with(b"%") || value.starts_with(b":") || value.is_empty();
    // Not UTF-8, its name is not known here.
    let is_known = naming.is_absolute() && !entry.origin.contains(char::REPLACEMENT_CHARACTER);
    (is_known && !is_odd).then(|| naming.parent()).flatten().map(|folder| folder.join(OsStr::from_bytes(value)))
}

fn home(environment: &Environment) -> Option<&[u8]> {
    environment.variables().iter().find(|(name, _)| name == "HOME").map(|(_, home)| home.as_bytes())
}

fn within(folder: &[u8], file: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec([folder, b"/", file].concat()))
}

/// More than this of packed refs is not searched.
const LONGEST_PACKED_REFS: usize = 64 << 20;

/// Grafts, and replaced objects: git shows other trees and other histories than the ids say.
fn replaced(common_dir: &Path) -> Result<(), Why> {
    let has_loose = || match common_dir.join("refs/replace").read_dir() {
        Ok(mut refs) => refs.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    };
    let has_packed = || {
        let packed = common_dir.join("packed-refs");
        match regular_file::contents(&packed, Links::Followed, LONGEST_PACKED_REFS) {
            Ok(refs) => refs.contains_str(" refs/replace/"),
            Err(error) => error.kind() != ErrorKind::NotFound,
        }
    };
    if has_loose() || has_packed() || !is_missing(&common_dir.join("info/grafts")) {
        Err(Why::Replaced)
    } else {
        Ok(())
    }
}
