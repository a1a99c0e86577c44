//! `git wtcheck trust` and `untrust`: what the repository's own file may make run.

use std::io;

use jiff::Timestamp;

use crate::cli::Trust;
use crate::commands::{Io, Survey};
use crate::environment::Environment;
use crate::error::{Error, Refusal, status};
use crate::report::style::Role;
use crate::settings::literal::toml;
use crate::settings::trust::{Store, Unread};
use crate::text::message::tell;
use crate::text::quote;
use crate::text::sanitize::line;

/// Shows what would be approved, asks, and approves.
pub fn trust(survey: &Survey, asked: &Trust, environment: &Environment, io: &mut Io<'_>) -> Result<u8, Error> {
    let store = store(survey)?;
    if asked.list {
        return list(store, io);
    }
    if !survey.merged.errors.is_empty() {
        return Err(Error::from(survey.merged.errors.clone()));
    }
    let code = &survey.merged.code;
    if code.is_empty() {
        tell(
            io.err,
            &[(
                "hint",
                "this repository's .wtcheck.toml runs nothing of its own: there is nothing to approve".to_owned(),
            )],
            true,
        );
        return Ok(0);
    }
    let file = survey.merged.repository_file().unwrap_or_default();
    let mut text = format!("{} would run:\n", line(file));
    for (path, value) in code.definitions() {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let place = survey.merged.files.line(file, &names).map_or_else(String::new, |line| format!("line {line}: "));
        text.push_str(&format!(
            "  {}{} = {}\n",
            survey.look.paint(Role::Faint, &place),
            quote::toml_path(path),
            toml(value)
        ));
    }
    write(io, &text)?;
    if store.approves(&survey.common_dir, code) {
        return write(io, "All of it is approved already.\n").map(|()| 0);
    }
    if !asked.yes {
        if !environment.terminals.input {
            let refusal = Refusal::new("nobody can be asked here: standard input is no terminal")
                .hint("'git wtcheck trust --yes' approves without asking");
            return Err(refusal.into());
        }
        write(io, &format!("Run this in every worktree of {}? [y/N] ", line(&survey.common_dir.to_string_lossy())))?;
        let mut answer = String::new();
        io.input.read_line(&mut answer).map_err(Error::cannot("read the answer"))?;
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return write(io, "Nothing was approved.\n").map(|()| 1);
        }
    }
    store
        .approve(&survey.common_dir, code, Timestamp::now().to_string())
        .map_err(Error::cannot("keep the approval"))?;
    write(io, "Approved. A change to any of it will be asked about again.\n").map(|()| 0)
}

/// Takes back every approval for this repository. Where something could not be removed, that is no success.
pub fn untrust(survey: &Survey, io: &mut Io<'_>) -> Result<u8, Error> {
    let (revoked, kept) =
        store(survey)?.revoke(&survey.common_dir).map_err(Error::cannot("take the approvals back"))?;
    let text = match revoked {
        0 if kept.is_empty() => "There was no approval for this repository.\n".to_owned(),
        0 => String::new(),
        1 => "Took 1 approval back.\n".to_owned(),
        many => format!("Took {many} approvals back.\n"),
    };
    write(io, &text)?;
    tell_of(&kept, "error", "could not be removed", io);
    Ok(if kept.is_empty() { 0 } else { status::FATAL })
}

/// How many files are told of by name.
const TOLD: usize = 20;

fn tell_of(files: &[Unread], level: &'static str, fault: &str, io: &mut Io<'_>) {
    let each = files.iter().take(TOLD).map(|file| (level, format!("{} {fault}: {}", file.path.display(), file.error)));
    let more = files.len().saturating_sub(TOLD);
    let rest = (more > 0).then(|| (level, format!("and {more} more")));
    tell(io.err, &each.chain(rest).collect::<Vec<_>>(), true);
}

fn list(store: &Store, io: &mut Io<'_>) -> Result<u8, Error> {
    let (approvals, unread) = store.list().map_err(Error::cannot("read the approvals"))?;
    let mut text = String::new();
    for approval in approvals {
        text.push_str(&format!(
            "{} ({}, approved {})\n",
            line(&approval.repository),
            line(approval.digest.get(..12).unwrap_or_default()),
            line(&approval.approved_at)
        ));
        for definition in approval.definitions {
            text.push_str(&format!("  {}\n", line(&definition)));
        }
    }
    write(io, &text)?;
    tell_of(&unread, "warning", "approves nothing", io);
    Ok(0)
}

fn store(survey: &Survey) -> Result<&Store, Error> {
    survey.store.as_ref().ok_or_else(|| Error::System {
        doing: "keep approvals",
        source: io::Error::other("neither XDG_STATE_HOME nor HOME names a folder"),
    })
}

fn write(io: &mut Io<'_>, text: &str) -> Result<(), Error> {
    super::put(io, text)
}
