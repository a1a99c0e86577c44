//! `git wtcheck config init`: a commented starting point, made for what lies in the worktree. Never overwrites.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::cli::Init;
use crate::commands::{Io, Survey, put};
use crate::environment::Environment;
use crate::error::{Error, Refusal};
use crate::git::config::Scope;
use crate::settings::literal::toml;
use crate::text::sanitize::line;

/// What a file at the top of a worktree suggests: the file, a check's name, its command.
const SUGGESTIONS: [(&str, &str, &str); 7] = [
    ("Cargo.toml", "test", "cargo test --workspace"),
    ("package.json", "test", "npm test --silent"),
    ("pyproject.toml", "test", "python3 -m pytest -q"),
    ("go.mod", "test", "go test ./..."),
    ("justfile", "test", "just test"),
    ("Makefile", "test", "make test"),
    ("makefile", "test", "make test"),
];

/// Writes the starting point.
pub fn init(survey: &Survey, asked: &Init, environment: &Environment, io: &mut Io<'_>) -> Result<u8, Error> {
    let top = survey.toplevel.clone().unwrap_or_else(|| environment.directory().to_owned());
    let suggestion = SUGGESTIONS.iter().find(|(file, _, _)| top.join(file).is_file());
    let (path, written) = if asked.file {
        let path = top.join(".wtcheck.toml");
        (path.clone(), create(&path, &as_toml(suggestion)))
    } else {
        if survey.entries.iter().any(|entry| entry.scope == Scope::Local && entry.key.starts_with("wtcheck.")) {
            return Err(refused(
                "the repository's configuration has wtcheck settings already",
                "'git wtcheck config show' shows them",
            ));
        }
        let path = survey.common_dir.join("config");
        // A section without a key leaves no entry in what git lists.
        if std::fs::read_to_string(&path).is_ok_and(|text| text.to_lowercase().contains("[wtcheck")) {
            return Err(refused(
                "the repository's configuration has a wtcheck section already",
                "it was left as it is",
            ));
        }
        (path.clone(), append(&path, &as_gitconfig(suggestion)))
    };
    match written {
        Ok(()) => put(io, &format!("Wrote {}\n", line(&path.to_string_lossy()))).map(|()| 0),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && asked.file => {
            Err(refused(&format!("{} is there already", path.display()), "it was left as it is"))
        }
        Err(error) => Err(Error::cannot("write the settings")(error)),
    }
}

fn refused(problem: &str, hint: &'static str) -> Error {
    Refusal::new(problem).hint(hint).into()
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Appends to git's own file the way git writes it: under its lock, whole, moved into place. What is in the file may be
/// secret: the lock is never readable by more people than the file is.
fn append(path: &Path, text: &str) -> io::Result<()> {
    // A link is kept, and what it leads to is written; git does the same.
    let path = path.canonicalize()?;
    let mut lock = path.clone().into_os_string();
    lock.push(".lock");
    let mode = std::fs::metadata(&path)?.permissions().mode();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o600).open(&lock)?;
    // Read under the lock: what another has written before is not lost.
    let old = std::fs::metadata(&path).and_then(|there| Ok((there.permissions(), std::fs::read(&path)?)));
    let written = old.and_then(|(permissions, old)| {
        let gap: &[u8] = if old.is_empty() || old.ends_with(b"\n") { b"" } else { b"\n" };
        file.set_permissions(permissions)?;
        file.write_all(&[old.as_slice(), gap, text.as_bytes()].concat())?;
        file.sync_all()?;
        std::fs::rename(&lock, &path)
    });
    written.inspect_err(|_| {
        let _ = std::fs::remove_file(&lock);
    })
}

fn as_gitconfig(suggestion: Option<&(&str, &str, &str)>) -> String {
    let mut text = String::from(
        "[wtcheck]\n\t# What runs on each worktree, in this order; without this line: status, diff, log, then every check below.\n\t; checks = status diff log\n\t# Units at a time; 0 is the number of CPUs.\n\t; maxConcurrency = 0\n\t# git reads ; and # as the start of a comment: a command that holds one stands in double quotes.\n",
    );
    match suggestion {
        Some((file, name, command)) => text.push_str(&format!(
            "# For {file}. 'when' runs it only where something has changed.\n[wtcheck \"{name}\"]\n\tcommand = {command}\n\twhen = status.dirty\n\ttimeout = 10m\n"
        )),
        None => text.push_str("# A check of your own:\n; [wtcheck \"test\"]\n;\tcommand = make test\n;\twhen = status.dirty\n;\ttimeout = 10m\n"),
    }
    text
}

fn as_toml(suggestion: Option<&(&str, &str, &str)>) -> String {
    let mut text = String::from(
        "# Settings of git wtcheck for this repository; 'git wtcheck config schema' has the schema for editors.\n# What runs code (command, args, env, dir, kind) takes effect once 'git wtcheck trust' has approved it.\n\n# What runs on each worktree, in this order; without this line: status, diff, log, then every check below.\n# checks = [\"status\", \"diff\", \"log\"]\n\n# Units at a time; 0 is the number of CPUs.\n# max-concurrency = 0\n",
    );
    match suggestion {
        Some((file, name, command)) => text.push_str(&format!(
            "\n# For {file}. `when` runs it only where something has changed.\n[check.{name}]\ncommand = {}\nwhen = \"status.dirty\"\ntimeout = \"10m\"\n",
            toml(&(*command).into())
        )),
        None => text.push_str("\n# A check of your own:\n# [check.test]\n# command = \"make test\"\n# when = \"status.dirty\"\n# timeout = \"10m\"\n"),
    }
    text
}
