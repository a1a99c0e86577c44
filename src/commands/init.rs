//! `git wtcheck config init`: writes a starting point for the repository's settings. Never overwrites.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::cli::Init;
use crate::commands::{Context, Execute, Io};
use crate::error::{Error, Refusal};
use crate::git::config::Scope;
use crate::git::config_file;
use crate::git::repository::Repository;
use crate::settings::starter;
use crate::text::sanitize::line;

impl Execute for Init {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let repository = context.session()?.discover()?;
        let top = repository.toplevel.as_deref().unwrap_or(context.environment.directory());
        let path = if self.file { top.join(".wtcheck.toml") } else { repository.common_dir.join("config") };
        let written = if self.file {
            create(&path, &starter::as_toml(top))
        } else {
            refuse_if_configured(&repository, &path)?;
            config_file::append(&path, &starter::as_gitconfig(top))
        };
        match written {
            Ok(()) => io.put(&format!("Wrote {}\n", line(&path.to_string_lossy()))).map(|()| 0),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.file => {
                let refusal = Refusal::new(format!("{} is there already", path.display()));
                Err(refusal.hint("it was left as it is").into())
            }
            Err(error) => Err(Error::cannot("write the settings")(error)),
        }
    }
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// Refuses to put a second section beside one that is there.
fn refuse_if_configured(repository: &Repository, file: &Path) -> Result<(), Refusal> {
    if repository.config.iter().any(|entry| entry.scope == Scope::Local && entry.key.starts_with("wtcheck.")) {
        return Err(Refusal::new("the repository's configuration has wtcheck settings already")
            .hint("'git wtcheck config show' shows them"));
    }
    // A section without a key leaves no entry in what git lists.
    if std::fs::read_to_string(file).is_ok_and(|text| text.to_lowercase().contains("[wtcheck")) {
        return Err(
            Refusal::new("the repository's configuration has a wtcheck section already").hint("it was left as it is")
        );
    }
    Ok(())
}
