//! Whether attributes, or configuration of their kind, may have a say in what a file's content is to git: which of its
//! bytes belong to its blob, and how it is compared.
//!
//! What they say is not read: where there are any, git is asked. (Rules: gitattributes(5); `bootstrap_attr_stack` and
//! `read_attr` in git's attr.c, `convert_attrs` and `crlf_to_git` in convert.c: without attributes it is `core.autocrlf`
//! alone that has files converted.)

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::environment::Environment;
use crate::git::command::find;
use crate::git::config::{Entry, Scope, boolean};
use crate::git::mounts::Mounts;
use crate::git::open_folder::Folder;
use crate::git::why::Why;

/// The name of a file of attributes, in a worktree.
pub const NAME: &[u8] = b".gitattributes";

/// Whether anything beside the files in a worktree may have a say. `user_file`: the file of the user's, by configuration
/// or where it is by default.
pub(super) fn are_elsewhere(
    config: &[&Entry],
    common_dir: &Path,
    user_file: Option<&Path>,
    environment: &Environment,
    mounts: &Mounts,
) -> bool {
    let is_converted = |entry: &&&Entry| {
        let value = entry.value.as_ref().map(|value| value.as_slice());
        entry.key == "core.autocrlf" && boolean(value) != Some(false) || entry.key == "attr.tree"
    };
    let info = common_dir.join("info/attributes");
    let system = system_files(config, environment);
    let files = [Some(info.as_path()), user_file].into_iter().flatten().chain(system.iter().map(PathBuf::as_path));
    config.iter().any(|entry| is_converted(&entry)) || !{ files }.all(|file| mounts.answers(file) && is_missing(file))
}

/// Where the machine's file may be: beside its configuration, which is in `etc` below what git was installed in, or in
/// `/etc`.
fn system_files(config: &[&Entry], environment: &Environment) -> Vec<PathBuf> {
    const FILE: &str = "gitattributes";
    let mut files = vec![PathBuf::from("/etc").join(FILE)];
    let configured = config.iter().filter(|entry| entry.scope == Scope::System);
    files.extend(configured.filter_map(|entry| Some(Path::new(&*entry.origin).parent()?.join(FILE))));
    let program = PathBuf::from(find(environment));
    let programs = [program.canonicalize().ok(), Some(program)];
    let parts = environment.get("GIT_EXEC_PATH").map(PathBuf::from);
    for place in programs.into_iter().flatten().chain(parts) {
        // From `bin/git`, `libexec/git-core/git` or `libexec/git-core`.
        files.extend(place.ancestors().skip(1).take(3).map(|folder| folder.join("etc").join(FILE)));
    }
    files.retain(|file| file.is_absolute());
    files
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Whether there is a file of attributes in a folder.
pub(super) fn are_in(folder: &Folder) -> Result<bool, Why> {
    Ok(folder.look(NAME)?.is_some())
}

/// Whether a path is that of a file of attributes.
pub fn is_file_of_attributes(path: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(path)).file_name().is_some_and(|name| name.as_bytes().as_bstr() == NAME)
}
